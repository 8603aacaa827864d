#include "mil/literal.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <functional>
#include <limits>
#include <string_view>

#include "base/check.h"
#include "base/half.h"

namespace millwright::mil {
namespace {

template <class T>
T load(const std::byte* source) {
  T value;
  std::memcpy(&value, source, sizeof(T));
  return value;
}

template <class T>
void store(T value, std::byte* destination) {
  std::memcpy(destination, &value, sizeof(T));
}

int bit_width(ElementType element) {
  switch (element) {
    case ElementType::uint1:
      return 1;
    case ElementType::uint2:
      return 2;
    case ElementType::uint3:
      return 3;
    case ElementType::uint4:
    case ElementType::int4:
      return 4;
    case ElementType::uint6:
      return 6;
    default:
      return static_cast<int>(8 * element_bytes(element));
  }
}

// The fp8 formats of the OCP specification: e4m3fn has no infinity and one NaN pattern, e5m2 follows IEEE.
double load_fp8(uint8_t bits, int mantissa_bits, int bias, bool has_infinity) {
  const int sign = bits >> 7;
  const int exponent_bits = 7 - mantissa_bits;
  const int exponent = (bits >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = bits & ((1 << mantissa_bits) - 1);
  double value;
  if (has_infinity && exponent == (1 << exponent_bits) - 1) {
    value = mantissa == 0 ? std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  } else if (!has_infinity && (bits & 0x7f) == 0x7f) {
    value = std::numeric_limits<double>::quiet_NaN();
  } else if (exponent == 0) {
    value = std::ldexp(mantissa, 1 - bias - mantissa_bits);
  } else {
    value = std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
  }
  return sign ? -value : value;
}

// Nearest value, ties to the even pattern, found by search: 128 patterns, and constants of this type are rare.
uint8_t nearest_fp8(double value, int mantissa_bits, int bias, bool has_infinity) {
  const uint8_t sign = std::signbit(value) ? 0x80 : 0;
  if (std::isnan(value)) return sign | 0x7f;
  const double magnitude = std::fabs(value);
  if (has_infinity && std::isinf(magnitude)) return sign | 0x7c;
  uint8_t best = 0;
  double best_distance = std::numeric_limits<double>::infinity();
  for (int bits = 0; bits < 0x7f; ++bits) {
    const double candidate = load_fp8(static_cast<uint8_t>(bits), mantissa_bits, bias, has_infinity);
    if (!std::isfinite(candidate)) continue;
    const double distance = std::fabs(candidate - magnitude);
    if (distance < best_distance || (distance == best_distance && bits % 2 == 0)) {
      best = static_cast<uint8_t>(bits);
      best_distance = distance;
    }
  }
  return sign | best;
}

void check_size(const Type& type, size_t bytes) {
  MW_CHECK(type.element() != ElementType::string && static_cast<int64_t>(bytes) == type.bytes(), "{} bytes for {}",
           bytes, type_text(type));
}

}  // namespace

double load_number(ElementType element, const std::byte* source) {
  switch (element) {
    case ElementType::fp16:
      return static_cast<float>(Half::from_bits(load<uint16_t>(source)));
    case ElementType::bf16:
      return static_cast<float>(BFloat16::from_bits(load<uint16_t>(source)));
    case ElementType::fp32:
      return load<float>(source);
    case ElementType::fp64:
      return load<double>(source);
    case ElementType::fp8e4m3fn:
      return load_fp8(load<uint8_t>(source), 3, 7, false);
    case ElementType::fp8e5m2:
      return load_fp8(load<uint8_t>(source), 2, 15, true);
    case ElementType::uint64:
      return static_cast<double>(load<uint64_t>(source));
    default:
      return static_cast<double>(load_integer(element, source));
  }
}

int64_t load_integer(ElementType element, const std::byte* source) {
  switch (element) {
    case ElementType::boolean:
    case ElementType::uint1:
    case ElementType::uint2:
    case ElementType::uint3:
    case ElementType::uint4:
    case ElementType::uint6:
    case ElementType::uint8:
      return load<uint8_t>(source);
    case ElementType::int4:
    case ElementType::int8:
      return load<int8_t>(source);
    case ElementType::int16:
      return load<int16_t>(source);
    case ElementType::uint16:
      return load<uint16_t>(source);
    case ElementType::int32:
      return load<int32_t>(source);
    case ElementType::uint32:
      return load<uint32_t>(source);
    case ElementType::int64:
      return load<int64_t>(source);
    case ElementType::uint64:
      return static_cast<int64_t>(load<uint64_t>(source));
    default:
      return static_cast<int64_t>(load_number(element, source));
  }
}

void store_number(ElementType element, double value, std::byte* destination) {
  switch (element) {
    case ElementType::fp16:
      return store(Half(static_cast<float>(value)).bits, destination);
    case ElementType::bf16:
      return store(BFloat16(static_cast<float>(value)).bits, destination);
    case ElementType::fp32:
      return store(static_cast<float>(value), destination);
    case ElementType::fp64:
      return store(value, destination);
    case ElementType::fp8e4m3fn:
      return store(nearest_fp8(value, 3, 7, false), destination);
    case ElementType::fp8e5m2:
      return store(nearest_fp8(value, 2, 15, true), destination);
    case ElementType::boolean:
      return store<uint8_t>(value != 0, destination);
    default:
      return store_integer(element, static_cast<int64_t>(value), destination);
  }
}

void store_integer(ElementType element, int64_t value, std::byte* destination) {
  switch (element_bytes(element)) {
    case 1:
      if (is_floating(element)) return store_number(element, static_cast<double>(value), destination);
      return store(static_cast<uint8_t>(element == ElementType::boolean ? value != 0 : value), destination);
    case 2:
      if (is_floating(element)) return store_number(element, static_cast<double>(value), destination);
      return store(static_cast<uint16_t>(value), destination);
    case 4:
      if (is_floating(element)) return store_number(element, static_cast<double>(value), destination);
      return store(static_cast<uint32_t>(value), destination);
    default:
      if (is_floating(element)) return store_number(element, static_cast<double>(value), destination);
      return store(static_cast<uint64_t>(value), destination);
  }
}

std::pair<int64_t, int64_t> integer_range(ElementType element) {
  if (element == ElementType::boolean) return {0, 1};
  MW_CHECK(is_integer(element), "integer range of {}", element_name(element));
  const int bits = bit_width(element);
  if (is_signed_integer(element)) {
    if (bits == 64) return {std::numeric_limits<int64_t>::min(), std::numeric_limits<int64_t>::max()};
    return {-(int64_t{1} << (bits - 1)), (int64_t{1} << (bits - 1)) - 1};
  }
  if (bits == 64) return {0, std::numeric_limits<int64_t>::max()};
  return {0, (int64_t{1} << bits) - 1};
}

template <class Visit>
void Literal::visit_shared(Visit visit) const {
  switch (form_) {
    case Form::inside:
    case Form::packed:
    case Form::text:
      return;
    case Form::large:
      return visit(stored<Bytes*>());
    case Form::texts:
      return visit(stored<Texts*>());
    case Form::blob:
      return visit(stored<Blob*>());
    case Form::items:
      return visit(stored<Items*>());
    case Form::pairs:
      return visit(stored<Pairs*>());
  }
}

Literal::Literal(const Literal& other) : type_(other.type_), form_(other.form_) {
  if (other.is_text()) {
    ::new (static_cast<void*>(storage_)) SharedText(other.stored<SharedText>());
    return;
  }
  other.visit_shared([](auto* shared) { shared->references.fetch_add(1, std::memory_order_relaxed); });
  std::memcpy(storage_, other.storage_, sizeof storage_);
}

Literal& Literal::operator=(Literal other) noexcept {
  if (form_ != Form::inside) release();
  type_ = std::move(other.type_);
  take(other);
  return *this;
}

void Literal::release() {
  if (is_text()) return std::destroy_at(&stored<SharedText>());
  visit_shared([](auto* shared) {
    if (shared->references.fetch_sub(1, std::memory_order_acq_rel) == 1) delete shared;
  });
}

template <class T>
Literal Literal::shared(Type type, Form form, T value) {
  Literal literal(std::move(type), form);
  ::new (static_cast<void*>(literal.storage_)) Shared<T>*(new Shared<T>{1, std::move(value)});
  return literal;
}

Literal Literal::boolean(bool value) {
  const std::byte byte = static_cast<std::byte>(value);
  return copied_bytes(Type::scalar(ElementType::boolean), {&byte, 1});
}

Literal Literal::string(SharedText value) {
  Literal literal(Type::scalar(ElementType::string), Form::text);
  ::new (static_cast<void*>(literal.storage_)) SharedText(std::move(value));
  return literal;
}

Literal Literal::integer(ElementType element, int64_t value) {
  const auto [lowest, highest] = integer_range(element);
  MW_CHECK(value >= lowest && value <= highest, "{} does not fit {}", value, element_name(element));
  std::byte storage[sizeof(int64_t)];
  store_integer(element, value, storage);
  return copied_bytes(Type::scalar(element), {storage, element_bytes(element)});
}

Literal Literal::number(ElementType element, double value) { return splat(Type::scalar(element), value); }

Literal Literal::int32_vector(std::span<const int64_t> values) {
  std::vector<std::byte> storage(values.size() * sizeof(int32_t));
  for (size_t i = 0; i < values.size(); ++i) {
    MW_CHECK(values[i] == static_cast<int32_t>(values[i]), "{} does not fit int32", values[i]);
    store_integer(ElementType::int32, values[i], storage.data() + i * sizeof(int32_t));
  }
  return bytes(Type::tensor(ElementType::int32, {static_cast<int64_t>(values.size())}), std::move(storage));
}

Literal Literal::bool_vector(const std::vector<bool>& values) {
  std::vector<std::byte> storage;
  for (const bool value : values) storage.push_back(static_cast<std::byte>(value));
  return bytes(Type::tensor(ElementType::boolean, {static_cast<int64_t>(values.size())}), std::move(storage));
}

Literal Literal::numbers(const Type& type, std::span<const double> values) {
  MW_CHECK(type.count() == static_cast<int64_t>(values.size()), "{} values for {}", values.size(), type_text(type));
  const size_t width = element_bytes(type.element());
  std::vector<std::byte> storage(values.size() * width);
  for (size_t i = 0; i < values.size(); ++i) store_number(type.element(), values[i], storage.data() + i * width);
  return bytes(type, std::move(storage));
}

Literal Literal::splat(const Type& type, double value) {
  return numbers(type, std::vector<double>(static_cast<size_t>(type.count()), value));
}

Literal Literal::bytes(Type type, std::vector<std::byte> elements) {
  constexpr size_t kLargestCopied = 4096;
  if (elements.size() <= kLargestCopied) return copied_bytes(std::move(type), elements);
  check_size(type, elements.size());
  return shared(std::move(type), Form::large, std::move(elements));
}

Literal Literal::copied_bytes(Type type, std::span<const std::byte> elements) {
  check_size(type, elements.size());
  Literal literal(std::move(type), Form::inside);
  if (elements.size() <= kInside) {
    if (!elements.empty()) std::memcpy(literal.storage_, elements.data(), elements.size());
    return literal;
  }
  const std::string_view text(reinterpret_cast<const char*>(elements.data()), elements.size());
  ::new (static_cast<void*>(literal.storage_)) SharedText(text);
  literal.form_ = Form::packed;
  return literal;
}

Literal Literal::strings(Type type, std::vector<SharedText> elements) {
  MW_CHECK(type.element() == ElementType::string && static_cast<int64_t>(elements.size()) == type.count(),
           "{} strings for {}", elements.size(), type_text(type));
  if (elements.size() != 1) return shared(std::move(type), Form::texts, std::move(elements));
  Literal literal = string(std::move(elements[0]));
  literal.type_ = std::move(type);
  return literal;
}

Literal Literal::blob(Type type, BlobReference reference) {
  return shared(std::move(type), Form::blob, std::move(reference));
}

Literal Literal::items(Type type, std::vector<Literal> items) {
  MW_CHECK(type.kind() == Type::Kind::list || type.kind() == Type::Kind::tuple, "items of {}", type_text(type));
  return shared(std::move(type), Form::items, std::move(items));
}

Literal Literal::dictionary(Type type, std::vector<Pair> pairs) {
  MW_CHECK(type.kind() == Type::Kind::dict, "pairs of {}", type_text(type));
  return shared(std::move(type), Form::pairs, std::move(pairs));
}

std::span<const std::byte> Literal::elements() const {
  MW_CHECK(has_elements(), "elements of a {} that has none inline", type_text(type_));
  if (form_ == Form::inside) return {storage_, static_cast<size_t>(type_.bytes())};
  if (form_ == Form::large) return stored<Bytes*>()->value;
  const SharedText& packed = stored<SharedText>();
  return {reinterpret_cast<const std::byte*>(packed.data()), packed.size()};
}

std::span<const SharedText> Literal::texts() const {
  if (form_ == Form::text) return {&stored<SharedText>(), 1};
  MW_CHECK(form_ == Form::texts, "strings of a {}", type_text(type_));
  return stored<Texts*>()->value;
}

const SharedText& Literal::as_string() const {
  const std::span<const SharedText> all = texts();
  MW_CHECK(!all.empty(), "a string of {}", type_text(type_));
  return all[0];
}

const BlobReference& Literal::blob_reference() const {
  MW_CHECK(is_blob(), "blob reference of an inline {}", type_text(type_));
  return stored<Blob*>()->value;
}

const std::vector<Literal>& Literal::items() const {
  MW_CHECK(form_ == Form::items, "items of a {}", type_text(type_));
  return stored<Items*>()->value;
}

const std::vector<Literal::Pair>& Literal::pairs() const {
  MW_CHECK(form_ == Form::pairs, "pairs of a {}", type_text(type_));
  return stored<Pairs*>()->value;
}

double Literal::number_at(int64_t index) const {
  MW_CHECK(index >= 0 && index < type_.count(), "element {} of {}", index, type_text(type_));
  const size_t width = element_bytes(type_.element());
  return load_number(type_.element(), elements().data() + static_cast<size_t>(index) * width);
}

int64_t Literal::integer_at(int64_t index) const {
  MW_CHECK(index >= 0 && index < type_.count(), "element {} of {}", index, type_text(type_));
  const size_t width = element_bytes(type_.element());
  return load_integer(type_.element(), elements().data() + static_cast<size_t>(index) * width);
}

std::vector<int64_t> Literal::as_integers() const {
  std::vector<int64_t> values(static_cast<size_t>(type_.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = integer_at(static_cast<int64_t>(i));
  return values;
}

std::vector<double> Literal::as_numbers() const {
  std::vector<double> values(static_cast<size_t>(type_.count()));
  for (size_t i = 0; i < values.size(); ++i) values[i] = number_at(static_cast<int64_t>(i));
  return values;
}

bool Literal::operator==(const Literal& other) const {
  if (!(type_ == other.type_)) return false;
  if (has_elements()) return other.has_elements() && std::ranges::equal(elements(), other.elements());
  if (form_ != other.form_) return false;
  switch (form_) {
    case Form::blob:
      return blob_reference() == other.blob_reference();
    case Form::items:
      return items() == other.items();
    case Form::pairs:
      return pairs() == other.pairs();
    default:
      return std::ranges::equal(texts(), other.texts());
  }
}

uint64_t hash_literal(const Literal& literal) {
  uint64_t hash = hash_text64(type_text(literal.type()));
  const auto mix = [&hash](std::string_view bytes) { hash = (hash ^ hash_text64(bytes)) * 0x9e3779b97f4a7c15ull; };
  if (literal.type().element() == ElementType::string) {
    for (const SharedText& text : literal.texts()) mix(text);
  } else {
    const auto elements = literal.elements();
    mix({reinterpret_cast<const char*>(elements.data()), elements.size()});
  }
  return hash;
}

}  // namespace millwright::mil
