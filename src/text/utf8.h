// UTF-8 checks on raw bytes: where text stops being valid, and where it may be cut.
#pragma once

#include <cstddef>
#include <string_view>

namespace millwright::text {

// The offset of the first byte that does not belong to a valid character (overlong forms and surrogates are not valid),
// or npos.
size_t find_invalid_utf8(std::string_view text);

// The length of the character at the start of `text`, 0 when it is not valid or not complete.
size_t character_length(std::string_view text);

// Whether more bytes could make the start of `text` a valid character; false when it already is one.
bool is_incomplete_character(std::string_view text);

// The largest cut at or before `offset` that does not divide a character of valid UTF-8.
size_t cut_before(std::string_view text, size_t offset);

}  // namespace millwright::text
