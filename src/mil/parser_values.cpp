// The literals of the parser: Reader::value() and what it consists of.
#include <fmt/format.h>

#include <algorithm>

#include "mil/number_text.h"
#include "mil/parser.h"
#include "mil/parser_reader.h"

namespace millwright::mil {
namespace {

std::string count_text(size_t count, std::string_view what) {
  return fmt::format("{} {}{}", count, what, count == 1 ? "" : "s");
}

}  // namespace

std::optional<Literal> Reader::value() {
  const std::optional<Type> written = type();
  if (!written || !expect('(', "before the literal")) return std::nullopt;
  std::optional<Literal> result = literal(*written);
  if (!result || !expect(')', "behind the literal")) return std::nullopt;
  return result;
}

std::optional<Literal> Reader::untyped_value(const Type& type) {
  std::optional<Literal> result = literal(type);
  const bool is_open = result && type.is_tensor() && !is_static(type.shape());
  if (!is_open) return result;
  const Type sized = type.with_shape(result->type().shape());
  if (type.element() == ElementType::string) {
    return Literal::strings(sized, {result->texts().begin(), result->texts().end()});
  }
  return Literal::copied_bytes(sized, result->elements());
}

std::optional<Literal> Reader::literal(const Type& type) {
  switch (type.kind()) {
    case Type::Kind::tensor:
      return token_.is_word("BLOBFILE") ? blob(type) : tensor(type);
    case Type::Kind::list:
    case Type::Kind::tuple:
      return item_list(type);
    case Type::Kind::dict:
      return dictionary(type);
    case Type::Kind::state:
      break;
  }
  error(token_, fmt::format("expected no literal for {}: a state has none", type_text(type)));
  return std::nullopt;
}

std::optional<Literal> Reader::scalar(const Type& type) {
  if (type.element() == ElementType::string) {
    SharedText decoded;
    if (!string(decoded)) return std::nullopt;
    return Literal::string(std::move(decoded));
  }
  std::byte bytes[sizeof(uint64_t)];
  if (!number(type.element(), bytes)) return std::nullopt;
  return Literal::copied_bytes(type, {bytes, element_bytes(type.element())});
}

std::optional<Literal> Reader::tensor(const Type& type) {
  if (type.is_scalar()) return scalar(type);
  const bool is_dynamic = !is_static(type.shape());
  Elements elements{type,
                    type.element(),
                    element_bytes(type.element()),
                    is_dynamic ? type.shape() : Shape{},
                    std::exchange(bytes_, {}),
                    {}};
  elements.bytes.clear();
  const bool is_splat = !at('[');
  if (is_splat ? !tensor_splat(elements) : !tensor_row(elements, 0)) return std::nullopt;
  // An axis below an empty one was never seen.
  std::ranges::replace(elements.found, kUnknownDimension, 0);
  const Type found = is_dynamic ? type.opened(std::move(elements.found)) : type;
  if (elements.element == ElementType::string) return Literal::strings(found, std::move(elements.texts));
  constexpr size_t kLargestCopied = 4096;
  if (elements.bytes.size() > kLargestCopied) return Literal::bytes(found, std::move(elements.bytes));
  bytes_ = std::move(elements.bytes);
  return Literal::copied_bytes(found, bytes_);
}

// The elements behind the first `axis` axes: one element, or a bracketed list. At most kMaximumNesting deep.
bool Reader::tensor_row(Elements& elements, size_t axis) {
  if (axis == elements.shape().size()) return element(elements);
  const Token open = token_;
  if (!accept('[')) return expected(fmt::format("'[' before axis {} of {}", axis, type_text(elements.type)));
  int64_t count = 0;
  if (!accept(']')) {
    do {
      if (!tensor_row(elements, axis + 1)) return false;
      ++count;
    } while (accept(','));
    if (!accept(']')) return expected(fmt::format("',' or ']' in axis {} of {}", axis, type_text(elements.type)));
  }
  if (elements.shape()[axis] == kUnknownDimension) elements.found[axis] = count;
  const int64_t size = elements.shape()[axis];
  if (size == count) return true;
  return error(open,
               fmt::format("expected {} in axis {} of {}, found {}", size, axis, type_text(elements.type), count));
}

// `tensor<int32, [1]>(-1)`: one element for all.
bool Reader::tensor_splat(Elements& elements) {
  const Token place = token_;
  if (place.kind != Token::Kind::number && place.kind != Token::Kind::string && place.kind != Token::Kind::identifier) {
    return expected(fmt::format("'[' before axis 0 of {}", type_text(elements.type)));
  }
  if (!is_static(elements.shape()) || elements.type.count() == 0) {
    return error(place, fmt::format("expected brackets around the elements of {}: a single value stands only for known "
                                    "sizes above 0",
                                    type_text(elements.type)));
  }
  const size_t count = static_cast<size_t>(elements.type.count());
  const size_t copied = count * (place.kind == Token::Kind::string ? place.text.size() : 1);
  if (count > splat_budget_ || copied > splat_budget_) {
    return error(place, fmt::format("a single value for all {} elements of {} is too large; use the operation fill",
                                    count, type_text(elements.type)));
  }
  splat_budget_ -= copied;
  if (!element(elements)) return false;
  if (elements.element == ElementType::string) {
    elements.texts.resize(count, SharedText(elements.texts[0]));
    return true;
  }
  const std::vector<std::byte> one = elements.bytes;
  elements.bytes.resize(count * one.size());
  for (size_t i = 1; i < count; ++i)
    std::ranges::copy(one, elements.bytes.begin() + static_cast<ptrdiff_t>(i * one.size()));
  return true;
}

bool Reader::element(Elements& elements) {
  if (elements.element == ElementType::string) return string(elements.texts.emplace_back());
  const size_t offset = elements.bytes.size();
  elements.bytes.resize(offset + elements.width);
  return number(elements.element, elements.bytes.data() + offset);
}

bool Reader::number(ElementType element, std::byte* destination) {
  if (element == ElementType::boolean) {
    // Programs that other programs write have Python's words and numbers, too.
    const std::string_view text = token_.text;
    const bool is_true = text == "true" || text == "True" || text == "1";
    if (!is_true && text != "false" && text != "False" && text != "0") return expected("true or false");
    store_integer(element, is_true ? 1 : 0, destination);
    advance();
    return true;
  }
  if (token_.kind != Token::Kind::number) return special_number(element, destination);
  const bool is_floating_point = is_floating(element);
  if (is_floating_point && token_.text == "-nan") return special_number(element, destination);
  const NumberProblem problem = is_floating_point ? read_float(token_.text, element, destination)
                                                  : read_integer(token_.text, element, destination);
  if (problem == NumberProblem::malformed) {
    return expected(fmt::format("{} for {}", is_floating_point ? "a number" : "an integer", element_name(element)));
  }
  if (problem == NumberProblem::out_of_range) {
    return error(token_, fmt::format("{} does not fit {}", token_text(token_), element_name(element)));
  }
  advance();
  return true;
}

// inf, nan, -nan, the last two perhaps with the fraction bits: nan(0x1).
bool Reader::special_number(ElementType element, std::byte* destination) {
  const std::string_view name = element_name(element);
  const Token found = token_;
  if (!is_floating(element)) return expected(fmt::format("an integer for {}", name));
  const bool is_nan = found.text == "nan" || found.text == "-nan";
  if (!is_nan && !found.is_word("inf")) return expected(fmt::format("a number for {}", name));
  if (is_nan && following_is('(')) {
    advance();
    advance();
    const NumberProblem problem = read_nan(found.text[0] == '-', token_.text, element, destination);
    if (problem == NumberProblem::malformed) return expected("the fraction bits of a NaN such as 0x1");
    if (problem == NumberProblem::out_of_range) return error(token_, fmt::format("{} has no such NaN", name));
    advance();
    return expect(')', "behind the fraction bits");
  }
  if (read_float(found.text, element, destination) == NumberProblem::out_of_range) {
    return error(found, fmt::format("{} does not fit {}", token_text(found), name));
  }
  advance();
  return true;
}

const SharedText& Reader::shared(std::string_view text) {
  const uint32_t hash = hash_text(text);
  if (name_.hash() == hash && name_.view() == text) return name_;
  return texts_.get(text, hash);
}

bool Reader::string(SharedText& decoded) {
  if (token_.kind != Token::Kind::string) return expected("a string in double quotes");
  if (!token_.has_escape) {
    decoded = shared(token_.text.substr(1, token_.text.size() - 2));
    advance();
    return true;
  }
  std::string_view bad;
  std::string inside;
  if (!decode_string(token_.text, inside, bad)) {
    return error(
        token_, fmt::format("unknown escape '{}' in a string; known are \\\" \\\\ \\/ \\n \\t \\r \\xHH \\uHHHH", bad));
  }
  decoded = shared(inside);
  advance();
  return true;
}

std::optional<Literal> Reader::blob(const Type& type) {
  const Token word = token_;
  if (type.element() == ElementType::string || !is_static(type.shape())) {
    error(word, fmt::format("expected a literal for {}: blob files hold numbers of known shape", type_text(type)));
    return std::nullopt;
  }
  advance();
  std::optional<SharedText> path;
  std::optional<uint64_t> offset;
  if (!expect('(', "behind BLOBFILE")) return std::nullopt;
  do {
    if (!blob_argument(path, offset)) return std::nullopt;
  } while (accept(','));
  if (!expect(')', "behind the path and offset of BLOBFILE")) return std::nullopt;
  if (!path || !offset) {
    error(word, fmt::format("BLOBFILE lacks its {}", path ? "offset" : "path"));
    return std::nullopt;
  }
  return Literal::blob(type, {std::move(*path), *offset});
}

bool Reader::blob_argument(std::optional<SharedText>& path, std::optional<uint64_t>& offset) {
  const std::optional<Token> name = expect_identifier("path or offset");
  if (!name || !expect('=', "behind the name")) return false;
  const Token place = token_;
  if ((name->text == "path" && path) || (name->text == "offset" && offset)) {
    return error(*name, fmt::format("the {} of BLOBFILE is given twice", name->text));
  }
  const bool is_path = name->text == "path";
  if (!is_path && name->text != "offset") {
    return error(*name, fmt::format("expected path or offset, found {}", token_text(*name)));
  }
  const Type wanted = Type::scalar(is_path ? ElementType::string : ElementType::uint64);
  std::optional<Literal> given;
  if (place.kind == Token::Kind::string || place.kind == Token::Kind::number) {
    given = tensor(wanted);
  } else {
    const std::optional<Type> written = type();
    if (!written) return false;
    const bool fits = is_path ? *written == wanted : written->is_scalar() && is_integer(written->element());
    if (!fits) {
      return error(place,
                   fmt::format("expected a {} as {}, found {}", type_text(wanted), name->text, type_text(*written)));
    }
    if (!expect('(', "before the literal")) return false;
    given = tensor(wanted);
    if (given && !expect(')', "behind the literal")) return false;
  }
  if (!given) return false;
  if (is_path) {
    path = given->as_string();
  } else {
    offset = static_cast<uint64_t>(given->as_integer());
  }
  return true;
}

std::optional<Literal> Reader::item_list(const Type& type) {
  const bool is_tuple = type.kind() == Type::Kind::tuple;
  const char open = is_tuple ? '(' : '[';
  const char close = is_tuple ? ')' : ']';
  const Token place = token_;
  if (!accept(open)) {
    expected(fmt::format("'{}' before the items of {}", open, type_text(type)));
    return std::nullopt;
  }
  std::vector<Literal> items;
  if (!accept(close)) {
    do {
      if (is_tuple && items.size() == type.arguments().size()) break;
      std::optional<Literal> item = literal(type.arguments()[is_tuple ? items.size() : 0]);
      if (!item) return std::nullopt;
      items.push_back(std::move(*item));
    } while (accept(','));
    if (!accept(close)) {
      expected(fmt::format("'{}' behind the items of {}", close, type_text(type)));
      return std::nullopt;
    }
  }
  const bool any_length = !is_tuple && type.list_length() == kUnknownDimension;
  const size_t wanted = is_tuple ? type.arguments().size() : static_cast<size_t>(type.list_length());
  if (!any_length && items.size() != wanted) {
    error(place, fmt::format("expected {} in {}, found {}", count_text(wanted, "item"), type_text(type), items.size()));
    return std::nullopt;
  }
  return Literal::items(type, std::move(items));
}

std::optional<Literal> Reader::dictionary(const Type& type) {
  if (!expect('{', "before the entries of the dict")) return std::nullopt;
  std::vector<Literal::Pair> pairs;
  if (!accept('}')) {
    do {
      if (!expect('{', "before an entry of the dict")) return std::nullopt;
      std::optional<Literal> key = literal(type.arguments()[0]);
      if (!key || !expect(',', "between key and value")) return std::nullopt;
      std::optional<Literal> mapped = literal(type.arguments()[1]);
      if (!mapped || !expect('}', "behind an entry of the dict")) return std::nullopt;
      pairs.emplace_back(std::move(*key), std::move(*mapped));
    } while (accept(','));
    if (!expect('}', "behind the entries of the dict")) return std::nullopt;
  }
  return Literal::dictionary(type, std::move(pairs));
}

}  // namespace millwright::mil
