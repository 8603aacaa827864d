#include "train/provenance.h"

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace millwright::train {
namespace {

const Provenance kProvenance{.version = "0.1.0",
                             .seed = 3,
                             .data_hash = "d",
                             .train_tokens = 100,
                             .validation_tokens = 5,
                             .tokenizer_hash = "t",
                             .tokenizer_size = 300,
                             .parameters = 12345};

TEST(Provenance, GivesBackWhatWasWritten) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_provenance(folder.path(), kProvenance).has_value());
  const auto read = read_provenance(folder.path());
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(provenance_text(*read), provenance_text(kProvenance));
  EXPECT_EQ(read->parameters, 12345);
  EXPECT_EQ(read->data_hash, "d");
}

TEST(Provenance, NamesTheMemberThatIsMissing) {
  const auto read = parse_provenance("{\"version\": \"0.1.0\", \"seed\": 1}", "provenance.json");
  ASSERT_FALSE(read.has_value());
  EXPECT_EQ(read.error().message, "provenance.json: \"data\" is missing; expected an object");
}

}  // namespace
}  // namespace millwright::train
