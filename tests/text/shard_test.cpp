// Shards: both widths, what the header says, and every kind of damage.
#include "text/shard.h"

#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "base/random.h"
#include "base/temporary_folder.h"
#include "text/shard_set.h"

namespace millwright::text {
namespace {

ShardIdentity identity_of(int vocabulary) {
  return {vocabulary, "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"};
}

Path write_shard(const TemporaryFolder& folder, const std::string& name, int vocabulary,
                 const std::vector<int32_t>& tokens) {
  auto writer = ShardWriter::create(folder / name, identity_of(vocabulary));
  EXPECT_TRUE(writer->append(std::span(tokens).first(tokens.size() / 2)).has_value());
  EXPECT_TRUE(writer->append(std::span(tokens).subspan(tokens.size() / 2)).has_value());
  EXPECT_EQ(writer->size(), tokens.size());
  EXPECT_TRUE(writer->finish().has_value());
  return folder / name;
}

std::vector<int32_t> count_up_to(int32_t count) {
  std::vector<int32_t> tokens(static_cast<size_t>(count));
  std::iota(tokens.begin(), tokens.end(), 0);
  return tokens;
}

std::vector<int32_t> all_of(const Shard& shard) {
  std::vector<int32_t> tokens(shard.size());
  shard.copy(0, tokens);
  return tokens;
}

// Writes `value` at `offset` and makes the header's checksum right again, so that the next check is reached.
template <class T>
std::string with_header_field(std::string content, size_t offset, T value) {
  std::memcpy(content.data() + offset, &value, sizeof value);
  const std::string hash = hash_bytes(as_bytes(content).first(80));
  for (size_t i = 0; i < 16; ++i) content[80 + i] = static_cast<char>(std::stoi(hash.substr(2 * i, 2), nullptr, 16));
  return content;
}

TEST(Shard, GivesBackTokensInTwoOrFourBytes) {
  const TemporaryFolder folder;
  for (const int vocabulary : {1000, 65536, 65537, 200000}) {
    std::vector<int32_t> tokens = count_up_to(1000);
    tokens.push_back(vocabulary - 1);
    const auto shard = Shard::open(write_shard(folder, "shard", vocabulary, tokens));
    ASSERT_TRUE(shard.has_value()) << shard.error().message;
    EXPECT_EQ(all_of(*shard), tokens);
    EXPECT_EQ(shard->identity(), identity_of(vocabulary));
    std::vector<int32_t> part(3);
    shard->copy(998, part);
    EXPECT_EQ(part, (std::vector<int32_t>{998, 999, vocabulary - 1}));
    EXPECT_EQ(std::filesystem::file_size(folder / "shard"), 128u + 1001 * (vocabulary > 65536 ? 4 : 2));
  }
}

TEST(Shard, MayBeEmpty) {
  const TemporaryFolder folder;
  const auto shard = Shard::open(write_shard(folder, "shard", 10, {}));
  ASSERT_TRUE(shard.has_value());
  EXPECT_EQ(shard->size(), 0u);
}

TEST(Shard, UnfinishedLeavesNoFile) {
  const TemporaryFolder folder;
  {
    auto writer = ShardWriter::create(folder / "shard", identity_of(10));
    ASSERT_TRUE(writer->append(count_up_to(5)).has_value());
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(Shard, NamesTheDamage) {
  const TemporaryFolder folder;
  const std::string good = read_whole_file(write_shard(folder, "good", 1000, count_up_to(1000)));
  const auto error = [&](const std::string& content) {
    const auto shard = Shard::open(folder.write("s", content));
    const std::string message = shard ? "no error" : shard.error().message;
    const std::string prefix = (folder / "s").string() + ": ";
    return message.starts_with(prefix) ? message.substr(prefix.size()) : message;
  };
  EXPECT_EQ(error(good), "no error");
  EXPECT_EQ(error(""), "truncated: expected a shard header of 128 bytes, found 0");
  EXPECT_EQ(error(good.substr(0, 127)), "truncated: expected a shard header of 128 bytes, found 127");
  EXPECT_EQ(error("X" + good.substr(1)), "not a shard: it does not begin with MWSHARD1");
  EXPECT_EQ(error(with_header_field<uint32_t>(good, 8, 2)),
            "expected shard version 1, found 2; tokenize the corpus again");
  std::string flipped = good;
  flipped[33] ^= 1;
  EXPECT_EQ(error(flipped), "damaged: the header does not match its checksum; tokenize the corpus again");
  EXPECT_EQ(error(with_header_field<uint32_t>(good, 24, 0)), "expected a vocabulary of 1 to 16777216, found 0");
  EXPECT_EQ(error(with_header_field<uint32_t>(good, 24, 0xffffffff)),
            "expected a vocabulary of 1 to 16777216, found 4294967295");
  EXPECT_EQ(error(with_header_field<uint32_t>(good, 12, 4)), "expected 2 bytes per token, found 4");
  EXPECT_EQ(error(with_header_field<uint64_t>(good, 16, uint64_t{1} << 63)),
            "truncated or extended: expected 9223372036854775808 tokens of 2 bytes, found 2000 bytes");
  EXPECT_EQ(error(good.substr(0, good.size() - 1)),
            "truncated or extended: expected 1000 tokens of 2 bytes, found 1999 bytes");
  EXPECT_EQ(error(good + "xx"), "truncated or extended: expected 1000 tokens of 2 bytes, found 2002 bytes");
  std::string token = good;
  token[500] ^= 1;
  EXPECT_EQ(error(token), "damaged: the tokens do not match their checksum; tokenize the corpus again");
  EXPECT_EQ(error(with_header_field<uint32_t>(good, 24, 999)),
            "damaged: a token id is not below the vocabulary size 999");
}

TEST(Shard, RefusesFourByteIdsWithTheTopBit) {
  const TemporaryFolder folder;
  const std::string good = read_whole_file(write_shard(folder, "good", 100000, {1, 2}));
  std::string bad = good;
  bad[131] = '\x80';
  const std::string hash = hash_bytes(as_bytes(bad).subspan(128));
  for (size_t i = 0; i < 16; ++i) bad[64 + i] = static_cast<char>(std::stoi(hash.substr(2 * i, 2), nullptr, 16));
  bad = with_header_field<uint32_t>(bad, 24, 100000);
  EXPECT_EQ(Shard::open(folder.write("bad", bad)).error().message,
            (folder / "bad").string() + ": damaged: a token id is not below the vocabulary size 100000");
}

TEST(Shard, SurvivesRandomDamage) {
  const TemporaryFolder folder;
  const std::string good = read_whole_file(write_shard(folder, "good", 1000, count_up_to(100)));
  RandomStream random(1);
  for (int round = 0; round < 300; ++round) {
    std::string bad = good;
    bad[random.below(bad.size())] ^= static_cast<char>(1 + random.below(255));
    const auto shard = Shard::open(folder.write("bad", bad));
    // Bytes 96 to 127 mean nothing; damage anywhere else must be seen.
    if (shard) {
      EXPECT_EQ(all_of(*shard), count_up_to(100));
    }
  }
}

TEST(TokenStream, CopiesAcrossShards) {
  const TemporaryFolder folder;
  std::vector<Shard> shards;
  const std::vector<int32_t> tokens = count_up_to(100);
  size_t begin = 0;
  for (const size_t length : {size_t{7}, size_t{0}, size_t{1}, size_t{50}, size_t{42}}) {
    const std::vector<int32_t> part(tokens.begin() + static_cast<long>(begin),
                                    tokens.begin() + static_cast<long>(begin + length));
    shards.push_back(
        *Shard::open(write_shard(folder, std::to_string(begin) + "-" + std::to_string(length), 100, part)));
    begin += length;
  }
  const TokenStream stream(std::move(shards));
  ASSERT_EQ(stream.size(), 100u);
  for (size_t first = 0; first <= 100; ++first) {
    for (const size_t count : {size_t{0}, size_t{1}, size_t{2}, size_t{30}, 100 - first}) {
      if (first + count > 100) continue;
      std::vector<int32_t> copied(count);
      stream.copy(first, count, copied);
      ASSERT_TRUE(std::equal(copied.begin(), copied.end(), tokens.begin() + static_cast<long>(first)));
    }
  }
  EXPECT_EQ(TokenStream().size(), 0u);
}

TEST(ShardManifest, SurvivesWritingAndReading) {
  const TemporaryFolder folder;
  const ShardManifest manifest{identity_of(32000), 1, "a=1", 7, 1000, 200, 10, {"t-0.shard", "t-1.shard"}, {"v.shard"}};
  ASSERT_TRUE(write_manifest(folder.path(), manifest).has_value());
  const auto read = read_manifest(folder.path());
  ASSERT_TRUE(read.has_value()) << read.error().message;
  EXPECT_EQ(read->identity, manifest.identity);
  EXPECT_EQ(read->delimiter, 1);
  EXPECT_EQ(read->options, "a=1");
  EXPECT_EQ(read->documents, 7u);
  EXPECT_EQ(read->text_bytes, 1000u);
  EXPECT_EQ(read->train_tokens, 200u);
  EXPECT_EQ(read->validation_tokens, 10u);
  EXPECT_EQ(read->train_files, manifest.train_files);
  EXPECT_EQ(read->validation_files, manifest.validation_files);
}

TEST(ShardManifest, RefusesWhatItDidNotWrite) {
  const TemporaryFolder folder;
  const ShardManifest manifest{identity_of(32000), 1, "a=1", 7, 1000, 0, 0, {"t.shard"}, {}};
  ASSERT_TRUE(write_manifest(folder.path(), manifest).has_value());
  const std::string good = read_whole_file(folder / "shards.json");
  const std::string source = (folder / "shards.json").string();
  const auto error_after = [&](const std::string& from, const std::string& to) {
    std::string changed = good;
    changed.replace(changed.find(from), from.size(), to);
    folder.write("shards.json", changed);
    const auto read = read_manifest(folder.path());
    return read ? "no error" : read.error().message;
  };
  EXPECT_EQ(error_after("millwright-shards", "other"),
            source + ": expected format \"millwright-shards\", found \"other\"");
  EXPECT_EQ(error_after("\"version\": 1", "\"version\": 2"),
            source + ": \"version\": expected an integer in [1, 1], found 2");
  EXPECT_EQ(error_after("t.shard", "../t.shard"),
            source + ": \"shards\": expected names of files beside it, found \"../t.shard\"");
  EXPECT_EQ(error_after("32000", "-5"),
            source + ": \"vocabulary_size\": expected an integer in [1, 16777216], found -5");
  EXPECT_EQ(error_after("\"delimiter\": 1", "\"delimiter\": 32000"),
            source + ": \"delimiter\": expected an integer in [-1, 31999], found 32000");
  EXPECT_EQ(
      error_after("0011", "xx11"),
      source + ": \"tokenizer_hash\": expected 32 hexadecimal digits, found \"xx112233445566778899aabbccddeeff\"");
}

TEST(ShardSet, RefusesShardsOfAnotherCorpusOrLength) {
  const TemporaryFolder folder;
  write_shard(folder, "t.shard", 1000, count_up_to(10));
  ShardManifest manifest{identity_of(1000), 1, "", 1, 1, 10, 0, {"t.shard"}, {}};
  ASSERT_TRUE(write_manifest(folder.path(), manifest).has_value());
  EXPECT_TRUE(ShardSet::open(folder.path()).has_value());
  manifest.train_tokens = 11;
  ASSERT_TRUE(write_manifest(folder.path(), manifest).has_value());
  EXPECT_EQ(
      ShardSet::open(folder.path()).error().message,
      (folder / "shards.json").string() + ": expected 11 tokens in its shards, found 10; tokenize the corpus again");
  manifest.identity.vocabulary_size = 1001;
  ASSERT_TRUE(write_manifest(folder.path(), manifest).has_value());
  EXPECT_EQ(ShardSet::open(folder.path()).error().message,
            (folder / "t.shard").string() + ": made from another corpus or tokenizer than " +
                (folder / "shards.json").string() + " says; tokenize the corpus again");
}

}  // namespace
}  // namespace millwright::text
