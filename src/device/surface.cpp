#include "device/surface.h"

#include <cstdint>

namespace millwright::device {

Result<Surface> Surface::allocate(const mil::Type& type) {
  if (!type.is_tensor() || !mil::is_static(type.shape()) || type.element() == mil::ElementType::string) {
    return fail("surface: expected a numeric tensor of known shape, found {}", mil::type_text(type));
  }
  MW_ASSIGN(AlignedBuffer memory, AlignedBuffer::allocate(static_cast<size_t>(type.bytes())));
  return Surface(type, std::move(memory));
}

Result<Surface> Surface::allocate_bytes(int64_t bytes) {
  if (bytes < 0) return fail("surface: expected 0 or more bytes, found {}", bytes);
  return allocate(mil::Type::tensor(mil::ElementType::uint8, {bytes}));
}

Surface Surface::view(const mil::Type& type, void* data) {
  MW_CHECK(reinterpret_cast<uintptr_t>(data) % AlignedBuffer::kAlignment == 0, "view of {} at {}", mil::type_text(type),
           data);
  return Surface(type, static_cast<std::byte*>(data));
}

}  // namespace millwright::device
