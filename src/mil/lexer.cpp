#include "mil/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <optional>

namespace millwright::mil {
namespace {

constexpr size_t kQuotedLength = 40;  // longer tokens are cut in messages

enum CharacterClass : uint8_t {
  kOther = 0,
  kBlank = 1,
  kLetter = 2,
  kDigit = 4,
  kPunctuation = 8,
  kDot = 16,
  kAt = 32,
  kStringEnd = 64,  // what ends a run of plain characters in a string
};
constexpr uint8_t kWord = kLetter | kDigit | kDot | kAt;

constexpr std::array<uint8_t, 256> classify() {
  std::array<uint8_t, 256> classes{};
  for (const char c : {' ', '\t', '\r', '\n', '\f', '\v'}) classes[static_cast<uint8_t>(c)] = kBlank;
  for (int c = 'a'; c <= 'z'; ++c) classes[static_cast<size_t>(c)] = kLetter;
  for (int c = 'A'; c <= 'Z'; ++c) classes[static_cast<size_t>(c)] = kLetter;
  classes['_'] = kLetter;
  for (int c = '0'; c <= '9'; ++c) classes[static_cast<size_t>(c)] = kDigit;
  for (const char c : {'(', ')', '{', '}', '[', ']', '<', '>', ',', ';', '=', '?'}) {
    classes[static_cast<uint8_t>(c)] = kPunctuation;
  }
  classes['.'] = kDot;
  classes['@'] = kAt;
  for (const char c : {'"', '\\', '\n'}) classes[static_cast<uint8_t>(c)] |= kStringEnd;
  return classes;
}

constexpr std::array<uint8_t, 256> kClasses = classify();

uint8_t class_of(char c) { return kClasses[static_cast<uint8_t>(c)]; }
bool is_blank(char c) { return (class_of(c) & kBlank) != 0; }
bool is_letter(char c) { return class_of(c) == kLetter; }
bool is_digit(char c) { return class_of(c) == kDigit; }
bool is_word_character(char c) { return (class_of(c) & kWord) != 0; }

// Four characters at a time where there are as many.
const char* word_end(const char* position, const char* end, bool& has_dot) {
  uint8_t seen = 0;
  for (; end - position >= 4; position += 4) {
    for (size_t i = 0; i < 4; ++i) {
      const uint8_t kind = class_of(position[i]);
      if ((kind & kWord) == 0) {
        has_dot = (seen & kDot) != 0;
        return position + i;
      }
      seen |= kind;
    }
  }
  for (; position < end && is_word_character(*position); ++position) seen |= class_of(*position);
  has_dot = (seen & kDot) != 0;
  return position;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::string token_text(const Token& token) {
  if (token.kind == Token::Kind::end) return "the end of the file";
  if (token.kind == Token::Kind::invalid) return std::string(token.problem);
  std::string text(token.text.substr(0, kQuotedLength));
  if (text.size() < token.text.size()) text += "...";
  if (token.kind == Token::Kind::string) return fmt::format("the string {}", text);
  return fmt::format("'{}'", text);
}

inline void Lexer::finish(Token& token, Token::Kind kind, const char* begin, const char* end) {
  position_ = end;
  token.kind = kind;
  token.has_dot = token.has_escape = false;
  token.text = {begin, static_cast<size_t>(end - begin)};
  token.line = line_;
  token.column = static_cast<int>(std::min<ptrdiff_t>(begin - line_start_ + 1, std::numeric_limits<int>::max()));
}

void Lexer::finish_invalid(Token& token, const char* begin, const char* end, std::string_view problem) {
  finish(token, Token::Kind::invalid, begin, end);
  token.problem = problem;
}

const char* Lexer::line_end(const char* position) const {
  const void* const found = std::memchr(position, '\n', static_cast<size_t>(end_ - position));
  return found == nullptr ? end_ : static_cast<const char*>(found);
}

// At a '/'. False where no comment begins; `unclosed` then is an invalid token if one begins that never ends.
bool Lexer::skip_comment(Token& unclosed) {
  if (end_ - position_ < 2) return false;
  if (position_[1] == '/') {
    position_ = line_end(position_);
    return true;
  }
  if (position_[1] != '*') return false;
  const std::string_view inside(position_ + 2, static_cast<size_t>(end_ - position_ - 2));
  const size_t close = inside.find("*/");
  if (close == std::string_view::npos) {
    finish_invalid(unclosed, position_, end_, "a comment that is not closed with */");
    return false;
  }
  for (const char* const behind = inside.data() + close + 2; position_ < behind; ++position_) {
    if (*position_ != '\n') continue;
    ++line_;
    line_start_ = position_ + 1;
  }
  return true;
}

// False when a comment never ends; the token then stands for it.
bool Lexer::skip_blanks(Token& unclosed) {
  while (position_ < end_) {
    const char c = *position_;
    if (c == ' ') {
      ++position_;
    } else if (c == '\n') {
      ++line_;
      line_start_ = ++position_;
      // Indentation, eight spaces at a time.
      for (uint64_t word = 0; end_ - position_ >= 8; position_ += 8) {
        std::memcpy(&word, position_, 8);
        if (word != 0x2020202020202020u) break;
      }
    } else if (is_blank(c)) {
      ++position_;
    } else if (c == '/') {
      unclosed.kind = Token::Kind::end;
      if (!skip_comment(unclosed)) return unclosed.kind != Token::Kind::invalid;
    } else {
      break;
    }
  }
  return true;
}

// Takes letters, digits and dots, and a sign behind the exponent's letter: 0x1.8p-3, 1e-05, and what is wrong with
// them.
const char* Lexer::number_end(const char* position) const {
  const bool is_hex = end_ - position >= 2 && position[0] == '0' && (position[1] | 0x20) == 'x';
  const char exponent = is_hex ? 'p' : 'e';
  for (; position < end_; ++position) {
    const char c = *position;
    if (is_word_character(c)) continue;
    if ((c != '-' && c != '+') || (position[-1] | 0x20) != exponent) break;
  }
  return position;
}

void Lexer::read_string(Token& token) {
  const char* const begin = position_;
  bool has_escape = false;
  for (const char* c = begin + 1; c < end_; ++c) {
    if ((class_of(*c) & kStringEnd) == 0) continue;
    if (*c == '\n') break;
    if (*c == '"') {
      finish(token, Token::Kind::string, begin, c + 1);
      token.has_escape = has_escape;
      return;
    }
    has_escape = true;
    if (c + 1 < end_ && c[1] != '\n') ++c;
  }
  finish_invalid(token, begin, line_end(begin), "a string that is not closed on its line");
}

void Lexer::read(Token& token) {
  // Mostly one space or none stands before a token.
  if (position_ < end_ && *position_ == ' ') ++position_;
  if (position_ == end_ || is_blank(*position_) || *position_ == '/') {
    if (!skip_blanks(token)) return;
    if (position_ == end_) return finish(token, Token::Kind::end, end_, end_);
  }
  const char* const begin = position_;
  const char c = *begin;
  const uint8_t kind = class_of(c);
  if (kind == kPunctuation) return finish(token, Token::Kind::punctuation, begin, begin + 1);
  if (kind == kLetter) {
    bool has_dot = false;
    const char* const end = word_end(begin + 1, end_, has_dot);
    finish(token, Token::Kind::identifier, begin, end);
    token.has_dot = has_dot;
    return;
  }
  if (c == '"') return read_string(token);
  const char following = end_ - begin > 1 ? begin[1] : '\0';
  if (kind == kDigit || (c == '.' && is_digit(following))) {
    return finish(token, Token::Kind::number, begin, number_end(begin));
  }
  if (c == '-' && following == '>') return finish(token, Token::Kind::arrow, begin, begin + 2);
  if (c == '-' && (is_digit(following) || is_letter(following) || following == '.')) {
    return finish(token, Token::Kind::number, begin, number_end(begin + 1));
  }
  finish_invalid(token, begin, begin + 1, "a character that MIL does not use");
}

bool Lexer::next_is(char punctuation) const {
  if (position_ < end_ && !is_blank(*position_) && *position_ != '/') return *position_ == punctuation;
  Lexer ahead = *this;
  Token unclosed;
  return ahead.skip_blanks(unclosed) && ahead.position_ < end_ && *ahead.position_ == punctuation;
}

namespace {

void append_utf8(std::string& out, uint32_t code) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xc0 | code >> 6);
    tail(0);
  } else {
    out += static_cast<char>(0xe0 | code >> 12);
    tail(6);
    tail(0);
  }
}

// The number that `count` hexadecimal digits behind `position` make, or nothing.
std::optional<uint32_t> hex_number(std::string_view text, size_t position, size_t count) {
  uint32_t number = 0;
  for (size_t i = position + 1; i <= position + count; ++i) {
    const int digit = i < text.size() ? hex_digit(text[i]) : -1;
    if (digit < 0) return std::nullopt;
    number = number * 16 + static_cast<uint32_t>(digit);
  }
  return number;
}

}  // namespace

bool decode_string(std::string_view quoted, std::string& decoded, std::string_view& bad) {
  const std::string_view inside = quoted.substr(1, quoted.size() - 2);
  decoded.clear();
  for (size_t i = 0; i < inside.size(); ++i) {
    if (inside[i] != '\\') {
      decoded += inside[i];
      continue;
    }
    const size_t escape = i++;
    bad = inside.substr(escape, 2);
    switch (i < inside.size() ? inside[i] : '\0') {
      case '"':
      case '\\':
      case '/':
      case '\'':
        decoded += inside[i];
        break;
      case 'n':
        decoded += '\n';
        break;
      case 't':
        decoded += '\t';
        break;
      case 'r':
        decoded += '\r';
        break;
      case 'x': {
        const std::optional<uint32_t> byte = hex_number(inside, i, 2);
        if (!byte) return false;
        decoded += static_cast<char>(*byte);
        i += 2;
        break;
      }
      case 'u': {
        const std::optional<uint32_t> code = hex_number(inside, i, 4);
        if (!code || (*code >= 0xd800 && *code < 0xe000)) return false;  // halves of a pair are no character
        append_utf8(decoded, *code);
        i += 4;
        break;
      }
      default:
        return false;
    }
  }
  return true;
}

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<uint8_t>(c) < 0x20 || c == 0x7f) {
          out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

bool is_identifier(std::string_view text) {
  return !text.empty() && is_letter(text[0]) &&
         std::ranges::all_of(text, [](char c) { return (class_of(c) & (kLetter | kDigit | kAt)) != 0; });
}

}  // namespace millwright::mil
