#include "plan/packed_surface.h"

#include <algorithm>

namespace millwright::plan {

namespace {

// The engine's rows stand at multiples of so many bytes (U1). Rows that fill them are packed and strided at once, so
// that no reading of the rule matters.
constexpr int64_t kRowBytes = 64;

}  // namespace

bool fills_rows(int64_t width) {
  return width > 0 && width * static_cast<int64_t>(mil::element_bytes(mil::ElementType::fp16)) % kRowBytes == 0;
}

const PackedValue* PackedSurface::find(const mil::Value* value) const {
  const auto found =
      std::find_if(values.begin(), values.end(), [&](const PackedValue& packed) { return packed.value == value; });
  return found == values.end() ? nullptr : &*found;
}

Result<PackedSurface> pack(std::span<const mil::Value* const> values, const std::string& name) {
  PackedSurface surface;
  for (const mil::Value* value : values) {
    const mil::Shape& shape = value->shape();
    const int64_t width = shape.empty() ? 1 : shape.back();
    if (surface.width == 0) surface.width = width;
    if (width != surface.width) {
      return fail("plan: {} is {}, which cannot share a surface of width {} in {}", value->name().view(),
                  mil::type_text(value->type()), surface.width, name);
    }
    if (!fills_rows(width)) {
      return fail(
          "plan: {}: rows of {} fp16 numbers do not fill whole multiples of {} bytes, and no evaluation would take "
          "them "
          "(C30); use a sequence whose length is a multiple of {}",
          name, width, kRowBytes, kRowBytes / 2);
    }
    const int64_t channels = value->type().count() / width;
    surface.values.push_back({value, surface.channels, channels});
    surface.channels += channels;
  }
  return surface;
}

}  // namespace millwright::plan
