#include "mil/lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

namespace millwright::mil {
namespace {

constexpr size_t kQuotedLength = 40;  // longer tokens are cut in messages

enum CharacterClass : uint8_t { kOther = 0, kBlank = 1, kLetter = 2, kDigit = 4, kPunctuation = 8, kInsideWord = 16 };

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
  classes['.'] = classes['@'] = kInsideWord;
  return classes;
}

constexpr std::array<uint8_t, 256> kClasses = classify();

uint8_t class_of(char c) { return kClasses[static_cast<uint8_t>(c)]; }
bool is_letter(char c) { return class_of(c) == kLetter; }
bool is_digit(char c) { return class_of(c) == kDigit; }
bool is_word_character(char c) { return (class_of(c) & (kLetter | kDigit | kInsideWord)) != 0; }

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

Token Lexer::token(Token::Kind kind, size_t begin, size_t end) {
  position_ = end;
  const size_t column = std::min(begin - line_start_ + 1, static_cast<size_t>(std::numeric_limits<int>::max()));
  return {kind, text_.substr(begin, end - begin), line_, static_cast<int>(column), {}};
}

Token Lexer::invalid(size_t begin, size_t end, std::string_view problem) {
  Token result = token(Token::Kind::invalid, begin, end);
  result.problem = problem;
  return result;
}

// False when a comment never ends; the token then stands for it.
bool Lexer::skip_blanks(Token& unclosed_comment) {
  while (position_ < text_.size()) {
    const char c = text_[position_];
    if (c == '\n') {
      ++line_;
      line_start_ = ++position_;
    } else if (class_of(c) == kBlank) {
      ++position_;
    } else if (c == '/' && text_.substr(position_, 2) == "//") {
      position_ = std::min(text_.find('\n', position_), text_.size());
    } else if (c == '/' && text_.substr(position_, 2) == "/*") {
      const size_t close = text_.find("*/", position_ + 2);
      if (close == std::string_view::npos) {
        unclosed_comment = invalid(position_, text_.size(), "a comment that is not closed with */");
        return false;
      }
      for (; position_ < close + 2; ++position_) {
        if (text_[position_] != '\n') continue;
        ++line_;
        line_start_ = position_ + 1;
      }
    } else {
      break;
    }
  }
  return true;
}

// Takes letters, digits and dots, and a sign behind the exponent's letter: 0x1.8p-3, 1e-05, and what is wrong with
// them.
size_t Lexer::number_end(size_t position) const {
  const bool is_hex = text_.substr(position, 2) == "0x" || text_.substr(position, 2) == "0X";
  while (position < text_.size()) {
    const char c = text_[position];
    if (is_word_character(c)) {
      ++position;
    } else if ((c == '-' || c == '+') && (text_[position - 1] | 0x20) == (is_hex ? 'p' : 'e')) {
      ++position;
    } else {
      break;
    }
  }
  return position;
}

Token Lexer::string_token() {
  const size_t begin = position_;
  for (size_t i = begin + 1; i < text_.size() && text_[i] != '\n'; ++i) {
    if (text_[i] == '"') return token(Token::Kind::string, begin, i + 1);
    if (text_[i] == '\\' && i + 1 < text_.size() && text_[i + 1] != '\n') ++i;
  }
  const size_t line_end = std::min(text_.find('\n', begin), text_.size());
  return invalid(begin, line_end, "a string that is not closed on its line");
}

Token Lexer::next() {
  if (Token unclosed; !skip_blanks(unclosed)) return unclosed;
  const size_t begin = position_;
  if (begin >= text_.size()) return token(Token::Kind::end, begin, begin);

  const char c = text_[begin];
  const char following = begin + 1 < text_.size() ? text_[begin + 1] : '\0';
  if (is_letter(c)) {
    size_t end = begin + 1;
    while (end < text_.size() && is_word_character(text_[end])) ++end;
    return token(Token::Kind::identifier, begin, end);
  }
  if (is_digit(c) || (c == '.' && is_digit(following))) return token(Token::Kind::number, begin, number_end(begin));
  if (class_of(c) == kPunctuation) return token(Token::Kind::punctuation, begin, begin + 1);
  if (c == '"') return string_token();
  if (c == '-' && following == '>') return token(Token::Kind::arrow, begin, begin + 2);
  if (c == '-' && (is_digit(following) || is_letter(following) || following == '.')) {
    return token(Token::Kind::number, begin, number_end(begin + 1));
  }
  return invalid(begin, begin + 1, "a character that MIL does not use");
}

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
        decoded += '"';
        break;
      case '\\':
        decoded += '\\';
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
        const int high = i + 1 < inside.size() ? hex_digit(inside[i + 1]) : -1;
        const int low = i + 2 < inside.size() ? hex_digit(inside[i + 2]) : -1;
        if (high < 0 || low < 0) return false;
        decoded += static_cast<char>(high * 16 + low);
        i += 2;
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
         std::ranges::all_of(text, [](char c) { return is_word_character(c) && c != '.'; });
}

}  // namespace millwright::mil
