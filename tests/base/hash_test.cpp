// Hashes against values that xxhsum 0.8 (`printf %s abc | xxhsum -H2`) prints.
#include "base/hash.h"

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace millwright {
namespace {

constexpr char kHashOfNothing[] = "99aa06d3014798d86001c324468d497f";
constexpr char kHashOfAbc[] = "06b05ab6733a618578af5f94892f3950";

TEST(Hash, OfBytesIsXxh3) {
  EXPECT_EQ(hash_bytes({}), kHashOfNothing);
  EXPECT_EQ(hash_bytes(as_bytes("abc")), kHashOfAbc);
}

TEST(Hash, OfPiecesIsTheHashOfTheWhole) {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += static_cast<char>(i * 7);
  for (const size_t piece : {size_t{1}, size_t{17}, size_t{1024}, size_t{5000}}) {
    Hasher hasher;
    for (size_t at = 0; at < text.size(); at += piece) hasher.update(std::string_view(text).substr(at, piece));
    EXPECT_EQ(hasher.digest(), hash_bytes(as_bytes(text)));
  }
  Hasher hasher;
  EXPECT_EQ(hasher.digest(), kHashOfNothing);
  hasher.update("ab");
  Hasher moved = std::move(hasher);
  moved.update("c");
  EXPECT_EQ(moved.digest(), kHashOfAbc);
}

TEST(Hash, OfAFileIsTheHashOfItsBytes) {
  const TemporaryFolder folder;
  EXPECT_EQ(hash_file(folder.write("abc", "abc")), kHashOfAbc);
  EXPECT_EQ(hash_file(folder.write("empty", "")), kHashOfNothing);
  EXPECT_FALSE(hash_file(folder / "absent").has_value());
}

}  // namespace
}  // namespace millwright
