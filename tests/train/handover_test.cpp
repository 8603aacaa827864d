#include "train/handover.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "train/tiny_model.h"

namespace millwright::train {
namespace {

Handover some_handover() {
  Handover handover;
  handover.state.update = 7;
  handover.state.position = 14;
  handover.state.tokens = 700;
  handover.state.loss = 0.1;
  handover.state.seed = 3;
  handover.state.data_hash = std::string(32, 'a');
  handover.state.tokenizer_hash = std::string(32, 'b');
  handover.state.best_validation_loss = 1.0 / 3;
  handover.checkpoint = "run/checkpoints/update-000005";
  handover.checkpoint_update = 5;
  handover.first_update = 2;
  handover.seconds = 12.5;
  handover.trace = TraceHandover{"{}", 1.5, 1.0 / 3};
  return handover;
}

TEST(HandoverTest, GivesStateAndStoreToAnotherStore) {
  const runtime::ParameterStore store = random_store(tiny_model(), 4);
  const auto descriptor = write_handover(some_handover(), store);
  ASSERT_TRUE(descriptor.has_value()) << descriptor.error().message;
  EXPECT_EQ(::fcntl(*descriptor, F_GETFD) & FD_CLOEXEC, 0);
  runtime::ParameterStore other = empty_store(tiny_model());
  const auto read = read_handover(*descriptor, other);
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->state.update, 7);
  EXPECT_EQ(read->state.best_validation_loss, 1.0 / 3);
  EXPECT_FALSE(read->state.validation_loss.has_value());
  EXPECT_EQ(read->checkpoint, "run/checkpoints/update-000005");
  EXPECT_EQ(read->checkpoint_update, 5);
  EXPECT_EQ(read->first_update, 2);
  EXPECT_EQ(read->seconds, 12.5);
  ASSERT_TRUE(read->trace.has_value());
  EXPECT_EQ(read->trace->spans, "{}");
  EXPECT_EQ(read->trace->origin, 1.5);
  EXPECT_EQ(read->trace->left, 1.0 / 3);
  for (size_t i = 0; i < store.entries().size(); ++i) {
    EXPECT_TRUE(std::ranges::equal(store.master(i), other.master(i)));
    EXPECT_TRUE(std::ranges::equal(store.first_moment(i), other.first_moment(i)));
    EXPECT_TRUE(std::ranges::equal(store.second_moment(i), other.second_moment(i)));
  }
  EXPECT_EQ(::fcntl(*descriptor, F_GETFD), -1);  // closed
}

TEST(HandoverTest, RefusesWhatItDidNotWrite) {
  runtime::ParameterStore store = empty_store(tiny_model());
  EXPECT_THAT(read_handover(::open("/dev/zero", O_RDONLY), store).error().message, ::testing::HasSubstr("holds none"));
  EXPECT_EQ(read_handover(::open("/dev/null", O_RDONLY), store).error().message, "handover: ends 16 bytes too early");
  EXPECT_THAT(read_handover(-1, store).error().message, ::testing::HasSubstr("cannot read handover"));
}

TEST(HandoverTest, RefusesTheStoreOfAnotherModel) {
  const auto descriptor = write_handover(some_handover(), random_store(tiny_model(), 4));
  model::LlamaConfig larger = tiny_model();
  larger.layers = 2;
  runtime::ParameterStore store = empty_store(larger);
  EXPECT_THAT(read_handover(*descriptor, store).error().message, ::testing::HasSubstr("bytes too early"));
  const auto again = write_handover(some_handover(), random_store(larger, 4));
  runtime::ParameterStore smaller = empty_store(tiny_model());
  EXPECT_EQ(read_handover(*again, smaller).error().message, "handover: holds more than this model");
}

}  // namespace
}  // namespace millwright::train
