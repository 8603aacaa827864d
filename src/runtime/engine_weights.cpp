#include "runtime/engine_weights.h"

#include <algorithm>
#include <array>
#include <vector>

#include "base/check.h"
#include "base/half.h"

namespace millwright::runtime {

namespace {

// Square blocks of this side stay in the first-level cache while they are turned.
constexpr int64_t kBlock = 64;

void transpose_to_half(std::span<const float> from, std::span<uint16_t> to, int64_t rows, int64_t columns) {
  std::array<float, kBlock> column;
  for (int64_t r = 0; r < rows; r += kBlock) {
    const int64_t height = std::min(kBlock, rows - r);
    for (int64_t c = 0; c < columns; ++c) {
      for (int64_t i = 0; i < height; ++i) {
        column[static_cast<size_t>(i)] = from[static_cast<size_t>((r + i) * columns + c)];
      }
      const auto count = static_cast<size_t>(height);
      float_to_half(std::span<const float>(column).first(count), to.subspan(static_cast<size_t>(c * rows + r), count));
    }
  }
}

}  // namespace

mil::Literal half_constant(std::span<const float> master, const mil::Type& type, int64_t rows, int64_t columns) {
  MW_CHECK(type.element() == mil::ElementType::fp16 && type.count() == static_cast<int64_t>(master.size()),
           "a constant of {} from {} numbers", mil::type_text(type), master.size());
  std::vector<std::byte> bytes(master.size() * sizeof(uint16_t));
  const std::span<uint16_t> halves(reinterpret_cast<uint16_t*>(bytes.data()), master.size());
  if (rows == 0) {
    float_to_half(master, halves);
  } else {
    MW_CHECK(rows * columns == type.count(), "{} x {} numbers in {}", rows, columns, mil::type_text(type));
    transpose_to_half(master, halves, rows, columns);
  }
  return mil::Literal::bytes(type, std::move(bytes));
}

}  // namespace millwright::runtime
