// Typed constants: the `val` of a const operation, attributes, and typed literals as operands.
// Tensor elements are raw bytes in row-major order at element_bytes() each; large ones may stay in a blob file.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mil/type.h"

namespace millwright::mil {

// BLOBFILE(path = …, offset = …): the elements stand in a weight file, `offset` names the record.
struct BlobReference {
  std::string path;
  uint64_t offset = 0;
  bool operator==(const BlobReference&) const = default;
};

class Literal {
 public:
  using Pair = std::pair<Literal, Literal>;

  // Scalars. `number` and `integer` are rounded or checked to the element type (MW_CHECK on a value out of range).
  static Literal boolean(bool value);
  static Literal string(std::string value);
  static Literal integer(ElementType element, int64_t value);
  static Literal int32(int64_t value) { return integer(ElementType::int32, value); }
  static Literal number(ElementType element, double value);

  // Tensors.
  static Literal int32_vector(std::span<const int64_t> values);  // tensor<int32, [n]>
  static Literal bool_vector(const std::vector<bool>& values);   // tensor<bool, [n]>
  static Literal numbers(const Type& type, std::span<const double> values);
  static Literal splat(const Type& type, double value);
  static Literal bytes(Type type, std::vector<std::byte> elements);  // size must be type.bytes()
  static Literal strings(Type type, std::vector<std::string> elements);
  static Literal blob(Type type, BlobReference reference);

  // Lists and tuples, and dictionaries.
  static Literal items(Type type, std::vector<Literal> items);
  static Literal dictionary(Type type, std::vector<Pair> pairs);

  const Type& type() const { return type_; }
  bool is_blob() const { return std::holds_alternative<BlobReference>(payload_); }
  bool has_elements() const { return std::holds_alternative<Elements>(payload_); }

  std::span<const std::byte> elements() const;    // tensors held inline, not strings
  const std::vector<std::string>& texts() const;  // string tensors
  const BlobReference& blob_reference() const;
  const std::vector<Literal>& items() const;
  const std::vector<Pair>& pairs() const;

  // Element `index` of a numeric or bool tensor held inline.
  double number_at(int64_t index) const;
  int64_t integer_at(int64_t index) const;
  std::vector<int64_t> as_integers() const;
  std::vector<double> as_numbers() const;
  // Of a scalar (or a tensor of one element).
  double as_number() const { return number_at(0); }
  int64_t as_integer() const { return integer_at(0); }
  bool as_bool() const { return integer_at(0) != 0; }
  const std::string& as_string() const { return texts().at(0); }

  // Bitwise equality of type and payload (so NaN equals the same NaN).
  bool operator==(const Literal& other) const;

 private:
  using Elements = std::shared_ptr<const std::vector<std::byte>>;
  using Texts = std::vector<std::string>;
  using Items = std::shared_ptr<const std::vector<Literal>>;
  using Pairs = std::shared_ptr<const std::vector<Pair>>;

  Literal(Type type, std::variant<Elements, Texts, BlobReference, Items, Pairs> payload)
      : type_(std::move(type)), payload_(std::move(payload)) {}

  Type type_;
  std::variant<Elements, Texts, BlobReference, Items, Pairs> payload_;
};

// Equal tensor literals have equal hashes; only for tensors held inline (strings included).
uint64_t hash_literal(const Literal& literal);

// One element between its stored bytes and a number; sub-byte types are one byte each.
double load_number(ElementType element, const std::byte* source);
int64_t load_integer(ElementType element, const std::byte* source);
void store_number(ElementType element, double value, std::byte* destination);
void store_integer(ElementType element, int64_t value, std::byte* destination);
// The values an integer type can hold; uint64 is cut at the largest int64.
std::pair<int64_t, int64_t> integer_range(ElementType element);

}  // namespace millwright::mil
