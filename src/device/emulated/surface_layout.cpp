#include "device/emulated/surface_layout.h"

#include <cstring>

#include "ane/rules/surface_layout.h"
#include "base/check.h"

namespace millwright::device {

SurfaceLayout surface_layout(const mil::Type& type, ane::SurfaceRows rows) {
  MW_CHECK(type.is_tensor() && mil::is_static(type.shape()), "no layout for {}", mil::type_text(type));
  SurfaceLayout layout;
  const int64_t width = type.shape().empty() ? 1 : type.shape().back();
  layout.row_bytes = width * static_cast<int64_t>(mil::element_bytes(type.element()));
  layout.row_stride = ane::row_stride(type, rows);
  for (size_t axis = 0; axis + 1 < type.shape().size(); ++axis) layout.rows *= type.shape()[axis];
  return layout;
}

void unpack_rows(const SurfaceLayout& layout, const std::byte* surface, std::byte* elements) {
  const auto width = static_cast<size_t>(layout.row_bytes);
  for (int64_t row = 0; row < layout.rows; ++row) {
    std::memcpy(elements + row * layout.row_bytes, surface + row * layout.row_stride, width);
  }
}

void pack_rows(const SurfaceLayout& layout, const std::byte* elements, std::byte* surface) {
  const auto width = static_cast<size_t>(layout.row_bytes);
  for (int64_t row = 0; row < layout.rows; ++row) {
    std::memcpy(surface + row * layout.row_stride, elements + row * layout.row_bytes, width);
  }
}

}  // namespace millwright::device
