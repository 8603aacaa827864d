// Rare functions of one operand that no elementwise instruction expresses: one call each of the C library's function.
#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "cpu/kernel_table.h"

namespace millwright::cpu {
namespace {

constexpr int64_t kChunk = 4096;  // elements

template <float (*kFunction)(float)>
Status lower_unary(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  MW_TRY(expect_element(operation, x, mil::ElementType::fp32));
  const View y = lowering.dense_result(operation);
  Call call{.kernel = std::string(operation.kind()), .reads = {x}, .writes = {y}, .in_place = {{0, 0}}};
  call.run = [=, count = x.count()](const Memory& memory) -> Status {
    const float* source = memory.floats(x);
    float* destination = memory.floats(y);
    parallel_for((count + kChunk - 1) / kChunk, [&](int64_t chunk) {
      const int64_t end = std::min(count, (chunk + 1) * kChunk);
      for (int64_t i = chunk * kChunk; i < end; ++i) destination[i] = kFunction(source[i]);
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"acos", lower_unary<[](float x) { return std::acos(x); }>},
    {"asin", lower_unary<[](float x) { return std::asin(x); }>},
    {"atan", lower_unary<[](float x) { return std::atan(x); }>},
    {"atanh", lower_unary<[](float x) { return std::atanh(x); }>},
    {"cosh", lower_unary<[](float x) { return std::cosh(x); }>},
    {"sinh", lower_unary<[](float x) { return std::sinh(x); }>},
    {"tan", lower_unary<[](float x) { return std::tan(x); }>},
};

}  // namespace

std::span<const KernelEntry> unfused_kernels() { return kEntries; }

}  // namespace millwright::cpu
