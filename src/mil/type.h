// Types of MIL values: tensors of an element type, and lists, tuples, dictionaries and states of types.
// `tensor<T, []>` and the bare scalar `T` are one type (the fact base, mil-language §3).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace millwright::mil {

enum class ElementType : uint8_t {
  boolean,
  string,
  fp16,
  bf16,
  fp32,
  fp64,
  fp8e4m3fn,
  fp8e5m2,
  int4,
  int8,
  int16,
  int32,
  int64,
  uint1,
  uint2,
  uint3,
  uint4,
  uint6,
  uint8,
  uint16,
  uint32,
  uint64,
};

// The spelling in MIL text ("fp16", "bool").
std::string_view element_name(ElementType element);
std::optional<ElementType> element_from_name(std::string_view name);
// Width of one element in memory: sub-byte integers take one byte each, bool one byte, string 0.
size_t element_bytes(ElementType element);
bool is_floating(ElementType element);
bool is_integer(ElementType element);
bool is_signed_integer(ElementType element);

// Sizes of the axes, outermost first. kUnknownDimension stands for `?`.
using Shape = std::vector<int64_t>;
inline constexpr int64_t kUnknownDimension = -1;

std::string shape_text(const Shape& shape);                   // "[1, 768, 1, 256]", `?` for unknown
bool is_static(const Shape& shape);                           // no unknown dimension
int64_t element_count(const Shape& shape);                    // product; MW_CHECKs that the shape is static
std::vector<int64_t> contiguous_strides(const Shape& shape);  // row-major, in elements
// Rank in range and sizes equal or 1, as NumPy; nothing where they do not fit.
std::optional<Shape> broadcast_shapes(const Shape& a, const Shape& b);

class Type {
 public:
  enum class Kind : uint8_t { tensor, list, tuple, dict, state };

  Type() : Type(tensor(ElementType::fp32, {})) {}
  static Type tensor(ElementType element, Shape shape);
  static Type scalar(ElementType element) { return tensor(element, {}); }
  static Type list(Type element, int64_t length);  // length kUnknownDimension for `?`
  static Type tuple(std::vector<Type> elements);
  static Type dict(Type key, Type value);
  static Type state(Type wrapped);

  Kind kind() const { return kind_; }
  bool is_tensor() const { return kind_ == Kind::tensor; }
  bool is_scalar() const { return is_tensor() && shape_.empty(); }

  // Tensor only.
  ElementType element() const;
  const Shape& shape() const;
  int64_t rank() const { return static_cast<int64_t>(shape().size()); }
  int64_t count() const { return element_count(shape()); }
  int64_t bytes() const { return count() * static_cast<int64_t>(element_bytes(element())); }
  Type with_shape(Shape shape) const { return tensor(element(), std::move(shape)); }
  Type with_element(ElementType element) const { return tensor(element, shape()); }

  // The types inside a list (1), tuple (n), dict (2: key, value) or state (1).
  const std::vector<Type>& arguments() const;
  int64_t list_length() const { return length_; }

  bool operator==(const Type& other) const;

 private:
  Type(Kind kind, ElementType element) : kind_(kind), element_(element) {}

  Kind kind_;
  ElementType element_;
  Shape shape_;
  int64_t length_ = 0;
  std::shared_ptr<const std::vector<Type>> arguments_;
};

// "tensor<fp16, [1, 64, 1, 1]>", and the bare "fp16" for rank 0.
std::string type_text(const Type& type);

}  // namespace millwright::mil
