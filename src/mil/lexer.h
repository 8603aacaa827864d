// Cuts MIL text into tokens, one at a time and without copying. White space and comments (// and /* */) disappear here.
// Words are never keywords: the parser decides from where they stand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace millwright::mil {

struct Token {
  enum class Kind : uint8_t {
    end,
    identifier,   // letters, digits, '_', and after the first character '.' and '@'
    number,       // starts with a digit, '.', or '-' (also "-inf"); its inside is checked by number_text.h
    string,       // with its quotes, escapes not yet decoded
    arrow,        // ->
    punctuation,  // one of ( ) { } [ ] < > , ; = ?
    invalid,      // text that is no token; `problem` says why
  };

  Kind kind = Kind::end;
  bool has_dot = false;     // an identifier with a '.' inside: the kind of an operation, no name
  bool has_escape = false;  // a string with a backslash
  std::string_view text;
  int line = 1;
  int column = 1;
  std::string_view problem;

  bool is(char punctuation) const { return kind == Kind::punctuation && text[0] == punctuation; }
  bool is_word(std::string_view word) const { return kind == Kind::identifier && text == word; }
};

// How messages name a token: 'add', the string "valid", the end of the file.
std::string token_text(const Token& token);

class Lexer {
 public:
  explicit Lexer(std::string_view text)
      : position_(text.data()), end_(text.data() + text.size()), line_start_(text.data()) {}

  // The next token; Kind::end again and again at the end. After an invalid token reading goes on behind it.
  void read(Token& token);
  Token next() {
    Token token;
    read(token);
    return token;
  }
  // Whether the next token is this punctuation.
  bool next_is(char punctuation) const;

  // The text behind the last token, and how to go on behind some of it: the caller has seen that what it skips is
  // whole tokens of one line.
  std::string_view rest() const { return {position_, static_cast<size_t>(end_ - position_)}; }
  void skip(size_t bytes) { position_ += bytes; }

 private:
  bool skip_blanks(Token& unclosed_comment);
  bool skip_comment(Token& unclosed_comment);
  void finish(Token& token, Token::Kind kind, const char* begin, const char* end);
  void finish_invalid(Token& token, const char* begin, const char* end, std::string_view problem);
  const char* number_end(const char* position) const;
  void read_string(Token& token);
  const char* line_end(const char* position) const;

  const char* position_;
  const char* end_;
  const char* line_start_;
  int line_ = 1;
};

// The text between the quotes with its escapes resolved (\" \\ \/ \' \n \t \r \xHH \uHHHH). False on an escape that is
// none of these; `bad` then holds it.
bool decode_string(std::string_view quoted, std::string& decoded, std::string_view& bad);
// The inverse: quotes and escapes whatever would not survive.
void append_quoted(std::string& out, std::string_view text);

// [A-Za-z_][A-Za-z0-9_@]*: what the name of a value or parameter may be.
bool is_identifier(std::string_view text);

}  // namespace millwright::mil
