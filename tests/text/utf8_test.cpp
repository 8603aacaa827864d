// UTF-8 checks against the table of well-formed byte sequences in the Unicode standard (table 3-7), for every sequence
// of up to three bytes and many of four.
#include "text/utf8.h"

#include <gtest/gtest.h>

#include <string>

#include "text/sample_text.h"

namespace millwright::text {
namespace {

// Table 3-7, row by row.
size_t well_formed_length(std::string_view bytes) {
  const auto at = [&](size_t i) {
    return i < bytes.size() ? static_cast<int>(static_cast<unsigned char>(bytes[i])) : -1;
  };
  const auto in = [](int value, int low, int high) { return value >= low && value <= high; };
  const int first = at(0);
  if (in(first, 0x00, 0x7f)) return 1;
  if (in(first, 0xc2, 0xdf)) return in(at(1), 0x80, 0xbf) ? 2 : 0;
  const int low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
  const int high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
  if (in(first, 0xe0, 0xef)) return in(at(1), low, high) && in(at(2), 0x80, 0xbf) ? 3 : 0;
  if (in(first, 0xf0, 0xf4)) return in(at(1), low, high) && in(at(2), 0x80, 0xbf) && in(at(3), 0x80, 0xbf) ? 4 : 0;
  return 0;
}

// Whether some well-formed sequence is longer than `bytes` and begins with them.
bool can_be_completed(const std::string& bytes) {
  if (bytes.empty() || well_formed_length(bytes) > 0 || bytes.size() > 3) return false;
  for (const int next : {0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf}) {  // both ends of every range in the table
    std::string longer = bytes + static_cast<char>(next);
    const size_t length = well_formed_length(longer);
    if (length == longer.size() || can_be_completed(longer)) return true;
  }
  return false;
}

TEST(Utf8, LengthOfEveryShortSequenceFollowsTheStandard) {
  for (int first = 0; first < 256; ++first) {
    for (int second = 0; second < 256; ++second) {
      for (const int third : {0x00, 0x41, 0x7f, 0x80, 0x9f, 0xa0, 0xbf, 0xc0, 0xff}) {
        for (const int fourth : {0x41, 0x80, 0xbf, 0xc2}) {
          const std::string bytes = {static_cast<char>(first), static_cast<char>(second), static_cast<char>(third),
                                     static_cast<char>(fourth)};
          for (size_t length = 1; length <= 4; ++length) {
            const std::string_view part = std::string_view(bytes).substr(0, length);
            ASSERT_EQ(character_length(part), well_formed_length(part)) << first << " " << second << " " << third;
          }
        }
      }
    }
  }
}

TEST(Utf8, KnowsWhichBeginningsCanBeCompleted) {
  for (int first = 0; first < 256; ++first) {
    const std::string one(1, static_cast<char>(first));
    ASSERT_EQ(is_incomplete_character(one), can_be_completed(one)) << first;
    for (int second = 0; second < 256; ++second) {
      const std::string two = one + static_cast<char>(second);
      ASSERT_EQ(is_incomplete_character(two), can_be_completed(two)) << first << " " << second;
      for (const int third : {0x41, 0x80, 0xbf, 0xc2}) {
        const std::string three = two + static_cast<char>(third);
        ASSERT_EQ(is_incomplete_character(three), can_be_completed(three)) << first << " " << second << " " << third;
      }
    }
  }
}

TEST(Utf8, FindsTheFirstInvalidByteAtEveryPosition) {
  RandomStream random(1);
  const std::string valid = random_unicode(random, 40);
  EXPECT_EQ(find_invalid_utf8(valid), std::string::npos);
  for (size_t at = 0; at <= valid.size(); ++at) {
    if (cut_before(valid, at) != at) continue;
    for (const std::string bad : {"\xff", "\x80", "\xc0\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xe2\x82"}) {
      if (bad == "\xe2\x82" && at == valid.size()) continue;
      EXPECT_EQ(find_invalid_utf8(valid.substr(0, at) + bad + "A" + valid.substr(at)), at);
    }
  }
  EXPECT_EQ(find_invalid_utf8("12345678\xe2\x82"), 8u);
  EXPECT_EQ(find_invalid_utf8(""), std::string::npos);
}

TEST(Utf8, CutsOnlyBetweenCharacters) {
  const std::string text = "a\xC3\xA9\xE2\x82\xAC";
  EXPECT_EQ(cut_before(text, 0), 0u);
  EXPECT_EQ(cut_before(text, 1), 1u);
  EXPECT_EQ(cut_before(text, 2), 1u);
  EXPECT_EQ(cut_before(text, 3), 3u);
  EXPECT_EQ(cut_before(text, 5), 3u);
  EXPECT_EQ(cut_before(text, 6), 6u);
  EXPECT_EQ(cut_before(text, 60), 6u);
}

}  // namespace
}  // namespace millwright::text
