#include "mil/parser_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <limits>

#include "mil/parser.h"

namespace millwright::mil {
namespace {

constexpr size_t kFreeSplatElements = size_t{1} << 20;

// Sizes of an axis, so that products of two and sums of many fit 64 bits wherever types are computed.
constexpr int64_t kLargestSize = std::numeric_limits<int32_t>::max();
constexpr int64_t kLargestElementCount = int64_t{1} << 59;  // 2^62 bytes of the widest type

// The product of the known sizes; empty axes do not hide the others.
bool is_countable(const Shape& shape) {
  int64_t product = 1;
  for (const int64_t size : shape) {
    if (size <= 1) continue;
    if (product > kLargestElementCount / size) return false;
    product *= size;
  }
  return true;
}

// The length of a tensor type at the start of the text, when it stands on one line without comments; else 0.
size_t plain_tensor_length(std::string_view text) {
  constexpr size_t kLongest = 256;
  const size_t length = std::min(text.size(), kLongest);
  if (text.empty() || text[0] != '<') return 0;
  for (size_t i = 1; i < length; ++i) {
    switch (text[i]) {
      case '>':
        return i + 1;
      case '<':
      case '/':
      case '\n':
        return 0;
      default:
        break;
    }
  }
  return 0;
}

// Without what editors and C programs leave around a text: a byte-order mark, and zero bytes at the end.
std::string_view text_alone(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  while (text.ends_with('\0')) text.remove_suffix(1);
  return text;
}

}  // namespace

Reader::Reader(std::string_view text)
    : lexer_(text_alone(text)), token_(lexer_.next()), splat_budget_(kFreeSplatElements + text.size()) {}

Token Reader::following() const {
  Lexer ahead = lexer_;
  return ahead.next();
}

bool Reader::expected_punctuation(char punctuation, std::string_view where) {
  return expected(fmt::format("'{}' {}", punctuation, where));
}

bool Reader::expect_arrow(std::string_view where) {
  if (token_.kind != Token::Kind::arrow) return expected(fmt::format("'->' {}", where));
  advance();
  return true;
}

std::optional<Token> Reader::expect_identifier(std::string_view what) {
  if (token_.kind != Token::Kind::identifier) {
    expected(what);
    return std::nullopt;
  }
  const Token found = token_;
  advance();
  return found;
}

bool Reader::expect_name(Token& name, std::string_view what) {
  if (token_.kind != Token::Kind::identifier) return expected(what);
  if (token_.has_dot) {
    return error(token_,
                 fmt::format("{} must consist of letters, digits, '_' and '@', found {}", what, token_text(token_)));
  }
  name = token_;
  advance();
  return true;
}

std::optional<Token> Reader::expect_name(std::string_view what) {
  Token name;
  if (!expect_name(name, what)) return std::nullopt;
  return name;
}

bool Reader::expected(std::string_view what) {
  return error(token_, fmt::format("expected {}, found {}", what, token_text(token_)));
}

bool Reader::error(const Token& place, std::string message) {
  if (gave_up_) return false;
  const bool is_new =
      diagnostics_.empty() || diagnostics_.back().line != place.line || diagnostics_.back().column != place.column;
  if (is_new) diagnostics_.push_back({place.line, place.column, std::move(message)});
  if (diagnostics_.size() == kMaximumDiagnostics) give_up();
  return false;
}

void Reader::give_up() {
  gave_up_ = true;
  lexer_ = Lexer({});
  token_ = lexer_.next();
}

void Reader::return_to(const Position& position) {
  if (gave_up_) return;
  lexer_ = position.lexer;
  token_ = position.token;
}

std::optional<int64_t> Reader::dimension() {
  if (accept('?')) return kUnknownDimension;
  if (token_.kind == Token::Kind::identifier && !token_.has_dot) {  // a named size: sequence_length
    advance();
    return kUnknownDimension;
  }
  int64_t size = 0;
  const char* const end = token_.text.data() + token_.text.size();
  const auto [stop, problem] = std::from_chars(token_.text.data(), end, size);
  if (token_.kind != Token::Kind::number || problem != std::errc() || stop != end || size < 0 || size > kLargestSize) {
    expected("a size (0 to 2147483647, or '?')");
    return std::nullopt;
  }
  advance();
  return size;
}

std::optional<Type> Reader::tensor_type() {
  const std::optional<ElementType> element =
      token_.kind == Token::Kind::identifier ? element_from_name(token_.text) : std::nullopt;
  if (!element) {
    expected("an element type such as fp16");
    return std::nullopt;
  }
  advance();
  if (!expect(',', "behind the element type")) return std::nullopt;
  const Token shape_token = token_;
  if (!expect('[', "before the shape")) return std::nullopt;
  Shape shape;
  if (!accept(']')) {
    do {
      const std::optional<int64_t> size = dimension();
      if (!size) return std::nullopt;
      shape.push_back(*size);
      if (shape.size() > static_cast<size_t>(kMaximumNesting)) {
        error(shape_token, fmt::format("expected at most {} axes in a tensor", kMaximumNesting));
        return std::nullopt;
      }
    } while (accept(','));
    if (!expect(']', "behind the shape")) return std::nullopt;
  }
  if (!is_countable(shape)) {
    error(shape_token, fmt::format("the shape {} has more elements than can be counted", shape_text(shape)));
    return std::nullopt;
  }
  return Type::tensor(*element, std::move(shape));
}

std::optional<Type> Reader::type_arguments(std::string_view family, int depth) {
  if (family == "tensor") return tensor_type();
  if (family == "tuple" && at('>')) return Type::tuple({});
  std::optional<Type> first = type(depth + 1);
  if (!first) return std::nullopt;
  if (family == "state") return Type::state(std::move(*first));
  if (family == "list") {
    if (!expect(',', "before the length of the list")) return std::nullopt;
    const std::optional<int64_t> length = dimension();
    if (!length) return std::nullopt;
    return Type::list(std::move(*first), *length);
  }
  if (family == "dict") {
    if (!expect(',', "before the value type of the dict")) return std::nullopt;
    std::optional<Type> second = type(depth + 1);
    if (!second) return std::nullopt;
    return Type::dict(std::move(*first), std::move(*second));
  }
  std::vector<Type> elements = {std::move(*first)};
  while (accept(',')) {
    std::optional<Type> element = type(depth + 1);
    if (!element) return std::nullopt;
    elements.push_back(std::move(*element));
  }
  return Type::tuple(std::move(elements));
}

// A tensor type that was read before is known by its spelling.
std::optional<Type> Reader::type(int depth) {
  if (!token_.is_word("tensor") || depth >= kMaximumNesting) return parse_type(depth);
  const size_t length = plain_tensor_length(lexer_.rest());
  if (length == 0) return parse_type(depth);
  const std::string_view text = lexer_.rest().substr(0, length);
  const uint32_t hash = hash_text(text);
  if (const Type* known = types_.find(text, hash)) {
    lexer_.skip(length);
    advance();
    return *known;
  }
  std::optional<Type> read = parse_type(depth);
  if (read) types_.insert(text, hash, *read);
  return read;
}

std::optional<Type> Reader::parse_type(int depth) {
  const Token name = token_;
  if (depth >= kMaximumNesting) {
    error(name, fmt::format("expected types at most {} deep inside each other", kMaximumNesting));
    return std::nullopt;
  }
  constexpr std::string_view kFamilies[] = {"tensor", "list", "tuple", "dict", "state"};
  if (name.kind == Token::Kind::identifier && std::ranges::find(kFamilies, name.text) != std::end(kFamilies)) {
    advance();
    if (!expect('<', "behind the kind of type")) return std::nullopt;
    std::optional<Type> result = type_arguments(name.text, depth);
    if (!result || !expect('>', "behind the parts of the type")) return std::nullopt;
    return result;
  }
  const std::optional<ElementType> element =
      name.kind == Token::Kind::identifier ? element_from_name(name.text) : std::nullopt;
  if (!element) {
    expected("a type such as fp16 or tensor<fp16, [1, 64]>");
    return std::nullopt;
  }
  advance();
  return Type::scalar(*element);
}

// A typed value, or a literal of the type, or one that tells its type itself: a string, a truth value, a number.
std::optional<Literal> Reader::attribute_value(const Type* type) {
  const bool is_truth = token_.is_word("true") || token_.is_word("false");
  const bool is_number = token_.kind == Token::Kind::number;
  const bool is_string = token_.kind == Token::Kind::string;
  const bool is_special = token_.kind == Token::Kind::identifier && !following_is('(') && !following_is('<');
  const bool is_untyped = is_number || is_string || is_special || at('[') || at('{') || at('(');
  if (!is_untyped) return value();
  if (type != nullptr) return untyped_value(*type);
  if (is_string) return untyped_value(Type::scalar(ElementType::string));
  if (is_truth) return untyped_value(Type::scalar(ElementType::boolean));
  if (!is_number) return value();
  const bool is_integer = token_.text.find_first_not_of("0123456789", token_.text[0] == '-') == std::string_view::npos;
  return untyped_value(Type::scalar(is_integer ? ElementType::int32 : ElementType::fp32));
}

bool Reader::attributes(std::vector<Attribute>& list, const Type* value_type) {
  // Lists are searched, not indexed: this bound keeps that cheap. The longest seen has 5 entries.
  constexpr size_t kMaximumAttributes = 256;
  list.clear();
  if (!accept('[') || accept(']')) return true;
  do {
    Token name;
    if (!expect_name(name, "an attribute name") || !expect('=', "behind the attribute name")) return false;
    const SharedText& shared = word(name.text);
    if (std::ranges::find(list, shared, &Attribute::name) != list.end()) {
      return error(name, fmt::format("the attribute {} is given twice", token_text(name)));
    }
    if (list.size() == kMaximumAttributes) {
      return error(name, fmt::format("expected at most {} attributes in one list", kMaximumAttributes));
    }
    SharedText kept = shared;  // the cache may give its place to another word
    std::optional<Literal> attribute = attribute_value(kept == "val" ? value_type : nullptr);
    if (!attribute) return false;
    list.push_back({std::move(kept), std::move(*attribute)});
  } while (accept(','));
  return expect(']', "behind the attributes");
}

}  // namespace millwright::mil
