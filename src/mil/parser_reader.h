// The parts of MIL text that stand inside statements: types, literals, typed values and attribute lists. Each function
// reads one of them from the token stream, or records a diagnostic and returns nothing. Internal to the parser.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mil/diagnostic.h"
#include "mil/ir.h"
#include "mil/lexer.h"
#include "mil/literal.h"
#include "mil/parser_cache.h"

namespace millwright::mil {

class Reader {
 public:
  explicit Reader(std::string_view text);

  // The current token, and what is behind it.
  const Token& token() const { return token_; }
  Token following() const;
  bool following_is(char punctuation) const { return lexer_.next_is(punctuation); }
  void advance() { lexer_.read(token_); }
  bool at(char punctuation) const { return token_.is(punctuation); }
  // Goes on behind the punctuation, if it is there.
  bool accept(char punctuation) {
    if (!at(punctuation)) return false;
    advance();
    return true;
  }

  // False after a diagnostic: "expected <what>, found <token>".
  bool expect(char punctuation, std::string_view where) {
    return accept(punctuation) || expected_punctuation(punctuation, where);
  }
  bool expect_arrow(std::string_view where);
  std::optional<Token> expect_identifier(std::string_view what);
  // An identifier that may name a value: without the dots of operation kinds.
  std::optional<Token> expect_name(std::string_view what);
  bool expect_name(Token& name, std::string_view what);
  bool expected(std::string_view what);

  // Records a diagnostic, the first one at its place; always false, for `return error(…)`. Gives up when they are many.
  bool error(const Token& place, std::string message);
  // From here on the text seems to end.
  void give_up();
  const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }
  std::vector<Diagnostic> take_diagnostics() { return std::move(diagnostics_); }

  // A place in the token stream to return to.
  struct Position {
    Lexer lexer;
    Token token;
  };
  Position position() const { return {lexer_, token_}; }
  void return_to(const Position& position);

  std::optional<Type> type(int depth = 0);
  // TYPE "(" literal ")"
  std::optional<Literal> value();
  // A literal alone, of this type; a size that the type leaves open is the one found.
  std::optional<Literal> untyped_value(const Type& type);
  // [ name = value, … ], or nothing there: an empty list. Replaces what is in `list`. Values may lack their type, where
  // they are strings, truth values or numbers; the attribute `val` then has `value_type`, if there is one.
  bool attributes(std::vector<Attribute>& list, const Type* value_type = nullptr);

  // One object for equal words, and one for equal strings.
  const SharedText& word(std::string_view text) { return words_.get(text); }
  // The text of a name, which strings that follow will probably repeat: an operation's name attribute does.
  SharedText name(std::string_view text) { return name_ = SharedText(text); }

 private:
  std::optional<Literal> attribute_value(const Type* type);
  bool expected_punctuation(char punctuation, std::string_view where);
  std::optional<Type> parse_type(int depth);
  std::optional<Type> type_arguments(std::string_view family, int depth);
  std::optional<Type> tensor_type();
  std::optional<int64_t> dimension();

  std::optional<Literal> literal(const Type& type);
  std::optional<Literal> tensor(const Type& type);
  std::optional<Literal> blob(const Type& type);
  bool blob_argument(std::optional<SharedText>& path, std::optional<uint64_t>& offset);
  std::optional<Literal> item_list(const Type& type);
  std::optional<Literal> dictionary(const Type& type);

  // The elements of one tensor while it is read.
  struct Elements {
    const Type& type;
    ElementType element;
    size_t width;
    Shape found;  // where the type has `?` axes, the shape with the sizes of the first row
    std::vector<std::byte> bytes;
    std::vector<SharedText> texts;

    const Shape& shape() const { return found.empty() ? type.shape() : found; }
  };
  bool tensor_row(Elements& elements, size_t axis);
  bool tensor_splat(Elements& elements);
  std::optional<Literal> scalar(const Type& type);
  bool element(Elements& elements);
  bool number(ElementType element, std::byte* destination);
  bool special_number(ElementType element, std::byte* destination);
  bool string(SharedText& decoded);
  const SharedText& shared(std::string_view text);

  Lexer lexer_;
  Token token_;
  TextCache words_;
  TextCache texts_;
  SharedText name_;  // the last one
  TypeCache types_;
  std::vector<std::byte> bytes_;  // memory for the elements of the current tensor
  std::vector<Diagnostic> diagnostics_;
  bool gave_up_ = false;
  // Elements that splats may still add: they are the one place where text makes more memory than it is long.
  size_t splat_budget_;
};

}  // namespace millwright::mil
