// Normalisations that are no sum of simpler operations; the others are decomposed (passes/decompose_composites.cpp).
#include <algorithm>
#include <cmath>

#include "cpu/axis_split.h"
#include "cpu/kernel_table.h"
#include "cpu/parallel_rows.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// x / (k + alpha/size · the squares of the `size` channels around)^beta; of an even size one more stands before.
Status lower_local_response_norm(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  MW_TRY(expect_element(operation, x, mil::ElementType::fp32));
  const View y = lowering.dense_result(operation);
  const AxisSplit split = split_at(x.sizes, 1);  // [N, C, positions]
  const int64_t size = mil::integer(operation, "size");
  const double alpha = mil::number(operation, "alpha") / static_cast<double>(size);
  const double beta = mil::number(operation, "beta");
  const double k = mil::number(operation, "k");
  Call call{.kernel = "local_response_norm", .reads = {x}, .writes = {y}};
  call.run = [=](const Memory& memory) -> Status {
    const float* source = memory.floats(x);
    float* destination = memory.floats(y);
    const int64_t around = std::min(size, split.axis);
    parallel_rows(split.outer * split.axis, split.inner * around, [&](int64_t row) {
      const int64_t channel = row % split.axis;
      const int64_t first = channel - std::min(channel, size / 2);
      const int64_t last = std::min(split.axis - 1, channel + std::min(split.axis, (size - 1) / 2));
      const float* image = source + row / split.axis * split.axis * split.inner;
      for (int64_t i = 0; i < split.inner; ++i) {
        double sum = 0;
        for (int64_t other = first; other <= last; ++other) {
          const auto number = static_cast<double>(image[other * split.inner + i]);
          sum += number * number;
        }
        const double scale = std::pow(k + alpha * sum, -beta);
        destination[row * split.inner + i] = static_cast<float>(source[row * split.inner + i] * scale);
      }
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {{"local_response_norm", lower_local_response_norm}};

}  // namespace

std::span<const KernelEntry> normalization_kernels() { return kEntries; }

}  // namespace millwright::cpu
