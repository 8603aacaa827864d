// Types of MIL values: tensors of an element type, and lists, tuples, dictionaries and states of types.
// `tensor<T, []>` and the bare scalar `T` are one type (the fact base, mil-language §3).
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

// One pointer to data that never change and are shared by reference count (atomic, so that copies may live in different
// threads); those of scalars live for ever and are not counted.
class Type {
 public:
  enum class Kind : uint8_t { tensor, list, tuple, dict, state };

  Type() : Type(scalar(ElementType::fp32)) {}
  static Type tensor(ElementType element, Shape shape);
  static Type scalar(ElementType element);
  static Type list(Type element, int64_t length);  // length kUnknownDimension for `?`
  static Type tuple(std::vector<Type> elements);
  static Type dict(Type key, Type value);
  static Type state(Type wrapped);

  Type(const Type& other) noexcept : data_(other.data_) { retain(); }
  // What it was moved from may only be assigned or destroyed.
  Type(Type&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  Type& operator=(Type other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~Type() { release(); }

  Kind kind() const;
  bool is_tensor() const { return kind() == Kind::tensor; }
  bool is_scalar() const;

  // Tensor only.
  ElementType element() const;
  const Shape& shape() const;
  int64_t rank() const { return static_cast<int64_t>(shape().size()); }
  int64_t count() const { return element_count(shape()); }
  int64_t bytes() const { return count() * static_cast<int64_t>(element_bytes(element())); }
  Type with_shape(Shape shape) const { return tensor(element(), std::move(shape)); }
  // A tensor of these sizes which prints `?` wherever this type has one: how a literal's type was written. It equals
  // the type without the question marks.
  Type opened(Shape sizes) const;
  // Whether the axis prints as `?`.
  bool is_open(size_t axis) const;
  Type with_element(ElementType element) const { return tensor(element, shape()); }

  // The types inside a list (1), tuple (n), dict (2: key, value) or state (1).
  const std::vector<Type>& arguments() const;
  int64_t list_length() const;

  bool operator==(const Type& other) const { return data_ == other.data_ || equals(other); }

 private:
  struct Data;
  struct Scalars;

  explicit Type(Data* data) : data_(data) {}  // takes over one reference
  void retain() const;
  void release() const;
  bool equals(const Type& other) const;
  static void destroy(Data* data);
  [[noreturn]] void refuse(std::string_view what) const;

  Data* data_;
};

struct Type::Data {
  Kind kind;
  ElementType element;  // of a tensor
  bool counted = true;  // false for scalars
  std::atomic<uint32_t> references = 1;
  uint32_t open_axes = 0;  // a bit per axis of known size that was written as `?`
  int64_t length = 0;      // of a list
  Shape shape;
  std::vector<Type> arguments;
};

inline void Type::retain() const {
  if (data_->counted) data_->references.fetch_add(1, std::memory_order_relaxed);
}
inline void Type::release() const {
  if (data_ == nullptr || !data_->counted) return;
  // The last owner may skip the count: nobody else can take a reference.
  if (data_->references.load(std::memory_order_acquire) == 1 ||
      data_->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    destroy(data_);
  }
}

inline Type::Kind Type::kind() const { return data_->kind; }
inline bool Type::is_scalar() const { return is_tensor() && data_->shape.empty(); }
inline int64_t Type::list_length() const { return data_->length; }
inline ElementType Type::element() const {
  if (!is_tensor()) refuse("element type");
  return data_->element;
}
inline const Shape& Type::shape() const {
  if (!is_tensor()) refuse("shape");
  return data_->shape;
}
inline bool Type::is_open(size_t axis) const {
  return shape()[axis] == kUnknownDimension || (data_->open_axes >> axis & 1) != 0;
}
inline const std::vector<Type>& Type::arguments() const {
  if (is_tensor()) refuse("arguments");
  return data_->arguments;
}

// "tensor<fp16, [1, 64, 1, 1]>", and the bare "fp16" for rank 0.
std::string type_text(const Type& type);

}  // namespace millwright::mil
