// Surface: the memory through which a program gets its inputs and gives its results. Aligned memory on every backend so
// far; it owns its bytes, or looks at bytes of a parameter store or another surface. Its tensor layout is optional: the
// engine sees bytes alone.
#pragma once

#include <cstddef>
#include <span>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "base/result.h"
#include "mil/type.h"

namespace millwright::device {

class Surface {
 public:
  // Zeroed memory of its own. The type must be a tensor of known shape, not of strings.
  static Result<Surface> allocate(const mil::Type& type);
  // Zeroed bytes without a layout: their type is tensor<uint8, [bytes]>.
  static Result<Surface> allocate_bytes(int64_t bytes);
  // Memory of others: type.bytes() bytes on a 64-byte boundary that outlive the surface.
  static Surface view(const mil::Type& type, void* data);

  const mil::Type& type() const { return type_; }
  std::byte* data() { return data_; }
  const std::byte* data() const { return data_; }
  size_t bytes() const { return static_cast<size_t>(type_.bytes()); }

  // All elements; sizeof(T) must be the element's width.
  template <class T>
  std::span<T> as() {
    MW_CHECK(sizeof(T) == mil::element_bytes(type_.element()), "{} as elements of {} bytes", mil::type_text(type_),
             sizeof(T));
    return {reinterpret_cast<T*>(data_), static_cast<size_t>(type_.count())};
  }

 private:
  Surface(mil::Type type, AlignedBuffer memory) : type_(std::move(type)), memory_(std::move(memory)) {
    data_ = memory_.data();
  }
  Surface(mil::Type type, std::byte* data) : type_(std::move(type)), data_(data) {}

  mil::Type type_;
  AlignedBuffer memory_;  // empty for a view
  std::byte* data_ = nullptr;
};

}  // namespace millwright::device
