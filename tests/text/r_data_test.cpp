// Reading R's serialization from bytes written by hand here, after "R Internals" section 1.8.
#include "text/r_data.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include "base/random.h"
#include "base/temporary_folder.h"

namespace millwright::text {
namespace {

std::string word(uint32_t value) {
  return {static_cast<char>(value >> 24), static_cast<char>(value >> 16), static_cast<char>(value >> 8),
          static_cast<char>(value)};
}

constexpr uint32_t kUtf8 = 8u << 12;
constexpr uint32_t kLatin1 = 4u << 12;

std::string header(uint32_t version = 3) {
  std::string text = "X\n" + word(version) + word(0x00040201) + word(0x00030500);
  if (version == 3) text += word(5) + "UTF-8";
  return text;
}
std::string character(const std::string& text, uint32_t levels = kUtf8) {
  return word(9 | levels) + word(static_cast<uint32_t>(text.size())) + text;
}
std::string strings(const std::vector<std::string>& items, uint32_t flags = 16) {
  std::string text = word(flags) + word(static_cast<uint32_t>(items.size()));
  for (const std::string& item : items) text += item;
  return text;
}
std::string integers(const std::vector<uint32_t>& items) {
  std::string text = word(13) + word(static_cast<uint32_t>(items.size()));
  for (const uint32_t item : items) text += word(item);
  return text;
}
// A list with names; the symbol `names` is written out once and referred to afterwards.
std::string named_list(const std::vector<std::string>& names, const std::vector<std::string>& items,
                       const std::string& names_symbol) {
  std::string text = word(19 | 0x200) + word(static_cast<uint32_t>(items.size()));
  for (const std::string& item : items) text += item;
  std::vector<std::string> characters;
  for (const std::string& name : names) characters.push_back(character(name));
  return text + word(2 | 0x400) + names_symbol + strings(characters) + word(254);
}

const std::string kNamesSymbol = word(1) + character("names");
const std::string kNamesReference = word(1u << 8 | 255);

std::string compressed(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string out(size, '\0');
  compress(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
  out.resize(size);
  return out;
}

std::string text_of(const std::vector<std::byte>& bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::string package_index(const std::vector<std::string>& names, const std::vector<std::string>& places) {
  return header() + named_list({"variables", "references", "compressed"},
                               {named_list(names, places, kNamesSymbol), named_list({}, {}, kNamesReference),
                                word(10) + word(1) + word(1)},
                               kNamesReference);
}

TEST(RData, ReadsCharacterVectorsOfBothVersionsAndEncodings) {
  const std::string body = strings({character("plain"), character("caf\xC3\xA9"), character("caf\xe9", kLatin1),
                                    word(9) + word(0xffffffff), character("")});
  for (const uint32_t version : {2u, 3u}) {
    const std::string bytes = header(version) + body;
    EXPECT_EQ(parse_r_character_vector(as_bytes(bytes), "r"),
              (std::vector<std::string>{"plain", "caf\xC3\xA9", "caf\xC3\xA9", "", ""}));
  }
}

TEST(RData, ReadsAVectorWithAttributes) {
  const std::string bytes = header() + strings({character("x")}, 16 | 0x200) + word(2 | 0x400) + kNamesSymbol +
                            strings({character("name")}) + word(254);
  EXPECT_EQ(parse_r_character_vector(as_bytes(bytes), "r"), (std::vector<std::string>{"x"}));
}

TEST(RData, ReadsThePackageIndex) {
  const std::string bytes = package_index({"one", "two"}, {integers({0, 10}), integers({10, 77})});
  const auto entries = parse_r_index(as_bytes(bytes), "r");
  ASSERT_TRUE(entries.has_value()) << entries.error().message;
  ASSERT_EQ(entries->size(), 2u);
  EXPECT_EQ((*entries)[1].name, "two");
  EXPECT_EQ((*entries)[1].offset, 10u);
  EXPECT_EQ((*entries)[1].bytes, 77u);
}

TEST(RData, ReadsAPackageFolder) {
  const TemporaryFolder folder;
  const std::string object = header() + strings({character("line one"), character("line two")});
  const std::string chunk = word(static_cast<uint32_t>(object.size())) + compressed(object);
  folder.write("Rdata.rdb", "????" + chunk);
  folder.write("Rdata.rdx", compressed(package_index({"book"}, {integers({4, static_cast<uint32_t>(chunk.size())})})));
  const auto books = read_r_character_vectors(folder.path());
  ASSERT_TRUE(books.has_value()) << books.error().message;
  ASSERT_EQ(books->size(), 1u);
  EXPECT_EQ((*books)[0].name, "book");
  EXPECT_EQ((*books)[0].strings, (std::vector<std::string>{"line one", "line two"}));

  folder.write("Rdata.rdx", compressed(package_index({"book"}, {integers({4, 1000000})})));
  EXPECT_EQ(read_r_character_vectors(folder.path()).error().message,
            fmt::format("{}: book: expected 1000000 bytes at offset 4, found a file of {}",
                        (folder / "Rdata.rdb").string(), chunk.size() + 4));
}

TEST(RData, SaysWhatIsWrong) {
  const auto error = [](const std::string& bytes) {
    const auto result = parse_r_character_vector(as_bytes(bytes), "r");
    return result ? "no error" : result.error().message;
  };
  EXPECT_EQ(error("RDX3"),
            "r: not readable as R data at byte 0: expected R's binary serialization (X and a line break)");
  EXPECT_EQ(error(header(4)), "r: not readable as R data at byte 6: expected serialization version 2 or 3, found 4");
  EXPECT_EQ(error(header(2)), "r: not readable as R data at byte 14: truncated: 4 bytes wanted, 0 left");
  EXPECT_EQ(error(header(2) + word(16) + word(0xffffffff)),
            "r: not readable as R data at byte 22: truncated: a vector of 4294967295 elements");
  EXPECT_EQ(error(header(2) + word(16) + word(1) + word(9) + word(50) + "short"),
            "r: not readable as R data at byte 30: truncated: 50 bytes wanted, 5 left");
  EXPECT_EQ(error(header(2) + word(3)),
            "r: not readable as R data at byte 18: expected vectors, found an object of type 3");
  EXPECT_EQ(error(header(2) + integers({1})), "r: expected a character vector, found an object of type 13");
  EXPECT_EQ(error(header(2) + strings({character("\xff")})),
            "r: not readable as R data at byte 31: a string that is not UTF-8");
  EXPECT_EQ(error(header(2) + kNamesReference), "r: not readable as R data at byte 18: a reference to symbol 1 of 0");
  EXPECT_EQ(error(header(2) + strings({}, 16 | 0x200) + word(19) + word(1) + word(254)),
            "r: not readable as R data at byte 34: attributes that are no pairlist");
  std::string nested;
  for (int i = 0; i < 100; ++i) nested += word(19) + word(1);
  EXPECT_EQ(error(header(2) + nested + word(254)), "r: not readable as R data at byte 534: nested too deeply");
}

TEST(RData, RefusesAnIndexWithoutPlaces) {
  const auto error = [](const std::string& bytes) { return parse_r_index(as_bytes(bytes), "r").error().message; };
  EXPECT_EQ(error(header() + integers({1})), "r: expected an index of R objects, found no named variables in it");
  EXPECT_EQ(error(package_index({"one"}, {integers({1})})), "r: \"one\": expected an offset and a length");
  EXPECT_EQ(error(package_index({"one"}, {integers({1, 0xffffffff})})), "r: \"one\": expected an offset and a length");
}

TEST(InflateBytes, ReadsZlibAndStopsAtItsLimit) {
  const std::string text(100000, 'a');
  const std::string packed = compressed(text);
  const auto inflated = inflate_bytes(as_bytes(packed), text.size(), "z");
  ASSERT_TRUE(inflated.has_value());
  EXPECT_EQ(text_of(*inflated), text);
  EXPECT_EQ(inflate_bytes(as_bytes(packed), 99999, "z").error().message,
            "z: expected at most 99999 bytes when decompressed, found more");
  EXPECT_EQ(inflate_bytes(as_bytes(packed.substr(0, packed.size() - 5)), 1000000, "z").error().message,
            "z: expected gzip or zlib data, found broken or truncated data");
  EXPECT_EQ(inflate_bytes({}, 10, "z").error().message,
            "z: expected gzip or zlib data, found broken or truncated data");
}

TEST(InflateRChunk, ChecksTheLengthItAnnounces) {
  const std::string packed = compressed("hello");
  EXPECT_EQ(text_of(*inflate_r_chunk(as_bytes(word(5) + packed), "c")), "hello");
  EXPECT_EQ(inflate_r_chunk(as_bytes(word(6) + packed), "c").error().message,
            "c: expected 6 bytes when decompressed, found 5");
  EXPECT_EQ(inflate_r_chunk(as_bytes(word(4) + packed), "c").error().message,
            "c: expected at most 4 bytes when decompressed, found more");
  EXPECT_EQ(inflate_r_chunk(as_bytes(word(0xffffffff) + packed), "c").error().message,
            "c: expected at most 67108864 bytes, found 4294967295");
  EXPECT_EQ(inflate_r_chunk(as_bytes("abc"), "c").error().message,
            "c: truncated: expected a length of 4 bytes, found 3");
}

TEST(RData, DamagedBytesNeverCrash) {
  const std::string good = package_index({"one", "two"}, {integers({0, 10}), integers({10, 77})});
  RandomStream random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string bad = good.substr(0, random.below(4) == 0 ? random.below(good.size()) : good.size());
    for (uint64_t flips = random.below(4); flips > 0 && !bad.empty(); --flips) {
      bad[random.below(bad.size())] = static_cast<char>(random.below(256));
    }
    const auto index = parse_r_index(as_bytes(bad), "r");
    const auto vector = parse_r_character_vector(as_bytes(bad), "r");
    EXPECT_TRUE(index.has_value() || !index.error().message.empty());
    EXPECT_FALSE(vector.has_value());
  }
}

}  // namespace
}  // namespace millwright::text
