// Text for the tests: English-like sentences and random Unicode, both pure functions of a seed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace millwright::text {

inline void append_utf8(std::string& text, uint32_t code) {
  if (code < 0x80) {
    text += static_cast<char>(code);
  } else if (code < 0x800) {
    text += static_cast<char>(0xc0 | (code >> 6));
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    text += static_cast<char>(0xe0 | (code >> 12));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  } else {
    text += static_cast<char>(0xf0 | (code >> 18));
    text += static_cast<char>(0x80 | ((code >> 12) & 0x3f));
    text += static_cast<char>(0x80 | ((code >> 6) & 0x3f));
    text += static_cast<char>(0x80 | (code & 0x3f));
  }
}

// Characters of every plane and length, with many spaces and newlines. U+2581 is left out: SentencePiece reads it as a
// space.
inline std::string random_unicode(RandomStream& random, size_t characters) {
  std::string text;
  while (characters > 0) {
    uint32_t code = 0;
    switch (random.below(8)) {
      case 0:
        code = ' ';
        break;
      case 1:
        code = '\n';
        break;
      case 2:
        code = static_cast<uint32_t>(random.below(0x80));
        break;
      case 3:
        code = static_cast<uint32_t>(random.below(0x800));
        break;
      case 4:
        code = static_cast<uint32_t>(random.below(0x10000));
        break;
      case 5:
        code = static_cast<uint32_t>(random.below(0x110000));
        break;
      default:
        code = 'a' + static_cast<uint32_t>(random.below(26));
    }
    if ((code >= 0xd800 && code < 0xe000) || code == 0x2581) continue;
    append_utf8(text, code);
    --characters;
  }
  return text;
}

// `lines` lines of a few words each.
inline std::string sample_lines(uint64_t seed, size_t lines) {
  static const std::vector<std::string_view> kWords = {
      "the",   "little", "girl",  "walked",  "to",    "sea",     "and",  "saw",         "a",    "ship",   "with",
      "white", "sails",  "she",   "said",    "hello", "captain", "who",  "laughed",     "they", "sailed", "away",
      "over",  "water",  "until", "morning", "came",  "Emma",    "Lily", "caf\xC3\xA9", "1815", "wind"};
  RandomStream random(seed);
  std::string text;
  for (size_t line = 0; line < lines; ++line) {
    const uint64_t words = 4 + random.below(9);
    for (uint64_t word = 0; word < words; ++word) {
      if (word > 0) text += ' ';
      text += kWords[random.below(kWords.size())];
    }
    text += random.below(4) == 0 ? ".\n\n" : ",\n";
  }
  return text;
}

}  // namespace millwright::text
