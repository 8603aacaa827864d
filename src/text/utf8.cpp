// Decoding is utf8proc's; runs of ASCII are skipped eight bytes at a time.
#include "text/utf8.h"

#include <utf8proc.h>

#include <cstdint>
#include <cstring>

namespace millwright::text {

size_t character_length(std::string_view text) {
  if (text.empty()) return 0;
  utf8proc_int32_t code = 0;
  const auto length = utf8proc_iterate(reinterpret_cast<const utf8proc_uint8_t*>(text.data()),
                                       static_cast<utf8proc_ssize_t>(text.size() < 4 ? text.size() : 4), &code);
  return length > 0 ? static_cast<size_t>(length) : 0;
}

size_t find_invalid_utf8(std::string_view text) {
  size_t at = 0;
  while (at < text.size()) {
    uint64_t eight = 0;
    if (at + 8 <= text.size()) {
      std::memcpy(&eight, text.data() + at, 8);
      if ((eight & 0x8080808080808080ull) == 0) {
        at += 8;
        continue;
      }
    }
    const size_t length = character_length(text.substr(at));
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

bool is_incomplete_character(std::string_view text) {
  if (text.empty() || text.size() > 3 || character_length(text) > 0) return false;
  // Some completion by continuation bytes is valid: the extremes of the first one decide (overlong forms, surrogates).
  for (const char second : {'\x80', '\x90', '\xa0', '\xbf'}) {
    std::string_view continuation("\x80\x80\x80", 3);
    char bytes[4];
    std::memcpy(bytes, text.data(), text.size());
    std::memcpy(bytes + text.size(), continuation.data(), 4 - text.size());
    if (text.size() == 1) bytes[1] = second;
    const size_t length = character_length({bytes, 4});
    if (length > text.size()) return true;
  }
  return false;
}

size_t cut_before(std::string_view text, size_t offset) {
  if (offset >= text.size()) return text.size();
  while (offset > 0 && (static_cast<unsigned char>(text[offset]) & 0xc0) == 0x80) --offset;
  return offset;
}

}  // namespace millwright::text
