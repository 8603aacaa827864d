// Typed constants: the `val` of a const operation, attributes, and typed literals as operands.
// Tensor elements are raw bytes in row-major order at element_bytes() each; large ones may stay in a blob file.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstring>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mil/shared_text.h"
#include "mil/type.h"

namespace millwright::mil {

// BLOBFILE(path = …, offset = …): the elements stand in a weight file, `offset` names the record.
struct BlobReference {
  SharedText path;
  uint64_t offset = 0;
  bool operator==(const BlobReference&) const = default;
};

// Small payloads stand inside the literal, others behind a pointer and shared by reference count, as types are. A span
// or reference into a literal ends with it, and when it is moved.
class Literal {
 public:
  using Pair = std::pair<Literal, Literal>;

  // Scalars. `number` and `integer` are rounded or checked to the element type (MW_CHECK on a value out of range).
  static Literal boolean(bool value);
  static Literal string(SharedText value);
  static Literal integer(ElementType element, int64_t value);
  static Literal int32(int64_t value) { return integer(ElementType::int32, value); }
  static Literal number(ElementType element, double value);

  // Tensors.
  static Literal int32_vector(std::span<const int64_t> values);  // tensor<int32, [n]>
  static Literal bool_vector(const std::vector<bool>& values);   // tensor<bool, [n]>
  static Literal numbers(const Type& type, std::span<const double> values);
  static Literal splat(const Type& type, double value);
  static Literal bytes(Type type, std::vector<std::byte> elements);             // size must be type.bytes()
  static Literal copied_bytes(Type type, std::span<const std::byte> elements);  // the same
  static Literal strings(Type type, std::vector<SharedText> elements);
  static Literal blob(Type type, BlobReference reference);

  // Lists and tuples, and dictionaries.
  static Literal items(Type type, std::vector<Literal> items);
  static Literal dictionary(Type type, std::vector<Pair> pairs);

  Literal(const Literal& other);
  Literal(Literal&& other) noexcept : type_(std::move(other.type_)) { take(other); }
  Literal& operator=(Literal other) noexcept;
  ~Literal() {
    if (form_ != Form::inside) release();
  }

  const Type& type() const { return type_; }
  bool is_blob() const { return form_ == Form::blob; }
  bool has_elements() const { return form_ == Form::inside || form_ == Form::packed || form_ == Form::large; }

  std::span<const std::byte> elements() const;  // tensors held inline, not strings
  std::span<const SharedText> texts() const;    // string tensors
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
  const SharedText& as_string() const;

  // Bitwise equality of type and payload (so NaN equals the same NaN).
  bool operator==(const Literal& other) const;

 private:
  // Where the payload is.
  enum class Form : uint8_t {
    inside,  // elements, in `storage_`
    packed,  // elements, in a SharedText
    large,   // elements, in the vector they came in
    text,    // one string
    texts,   // any other number of strings
    blob,
    items,
    pairs,
  };
  // A payload behind a pointer.
  template <class T>
  struct Shared {
    std::atomic<uint32_t> references = 1;
    T value;
  };
  using Bytes = Shared<std::vector<std::byte>>;
  using Texts = Shared<std::vector<SharedText>>;
  using Blob = Shared<BlobReference>;
  using Items = Shared<std::vector<Literal>>;
  using Pairs = Shared<std::vector<Pair>>;
  static constexpr size_t kInside = 15;

  Literal(Type type, Form form) : type_(std::move(type)), form_(form) {}
  template <class T>
  static Literal shared(Type type, Form form, T value);

  // The stored object; its type must be the one that `form_` says.
  template <class T>
  T& stored() {
    return *std::launder(reinterpret_cast<T*>(storage_));
  }
  template <class T>
  const T& stored() const {
    return *std::launder(reinterpret_cast<const T*>(storage_));
  }
  bool is_text() const { return form_ == Form::packed || form_ == Form::text; }  // stored as a SharedText
  // Calls `visit` with the pointer of a Shared payload.
  template <class Visit>
  void visit_shared(Visit visit) const;
  void release();
  // Into a literal without payload; leaves one behind.
  void take(Literal& other) noexcept {
    if (other.is_text()) {
      ::new (static_cast<void*>(storage_)) SharedText(std::move(other.stored<SharedText>()));
      std::destroy_at(&other.stored<SharedText>());
    } else {
      std::memcpy(storage_, other.storage_, sizeof storage_);
    }
    form_ = std::exchange(other.form_, Form::inside);
  }

  Type type_;
  alignas(8) std::byte storage_[kInside];
  Form form_ = Form::inside;
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
