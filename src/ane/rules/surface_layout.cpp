#include "ane/rules/surface_layout.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace millwright::ane {

int64_t row_stride(const mil::Type& type, SurfaceRows rows) {
  const int64_t width = type.shape().empty() ? 1 : type.shape().back();
  const int64_t bytes = width * static_cast<int64_t>(mil::element_bytes(type.element()));
  return rows == SurfaceRows::packed ? bytes : (bytes + kRowBytes - 1) / kRowBytes * kRowBytes;
}

int64_t surface_bytes(const mil::Type& type, SurfaceRows rows) {
  const int64_t width = type.shape().empty() ? 1 : type.shape().back();
  if (width == 0) return 0;
  const int64_t row_count = type.count() / width;
  const int64_t stride = row_stride(type, rows);
  constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
  return row_count > 0 && stride > kMost / row_count ? kMost : row_count * stride;
}

std::vector<size_t> binding_order(std::span<const std::string_view> names, Binding binding) {
  std::vector<size_t> order(names.size());
  std::iota(order.begin(), order.end(), size_t{0});
  if (binding == Binding::alphabetical) {
    std::ranges::stable_sort(order, {}, [&](size_t i) { return names[i]; });
  }
  return order;
}

}  // namespace millwright::ane
