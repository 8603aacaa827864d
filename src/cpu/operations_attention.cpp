// Scaled dot-product attention, a block of query rows at a time: scores, mask, softmax and the product with the values
// never leave scratch memory, so that long sequences cost no memory of their own.
#include <algorithm>
#include <cmath>
#include <limits>

#include "base/parallel.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/scratch.h"
#include "cpu/kernels/softmax.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// Scores of one block, about: they stay in the L2 cache.
constexpr int64_t kBlockScores = int64_t{1} << 18;
constexpr int64_t kFewestRows = 16;
constexpr int64_t kMostRows = 256;

// Where the matrix of a flat batch index begins, in elements.
int64_t batch_offset(const View& view, int64_t index) {
  int64_t offset = 0;
  for (size_t axis = view.sizes.size() - 2; axis-- > 0;) {
    offset += index % view.sizes[axis] * view.strides[axis];
    index /= view.sizes[axis];
  }
  return offset;
}

GemmInput matrix_at(const Memory& memory, const View& view, int64_t batch, int64_t row, bool transposed) {
  const size_t rank = view.sizes.size();
  GemmInput input;
  const int64_t offset = batch_offset(view, batch) + row * view.strides[rank - 2];
  input.storage = *storage_of(view.element);
  input.data = static_cast<const std::byte*>(memory.at(view)) + offset * storage_bytes(input.storage);
  input.row_stride = view.strides[rank - (transposed ? 1 : 2)];
  input.column_stride = view.strides[rank - (transposed ? 2 : 1)];
  return input;
}

// A boolean mask hides the keys where it is false, a float one is added.
void add_mask(const Memory& memory, const View& mask, int64_t batch, int64_t first, int64_t rows, int64_t keys,
              float* scores) {
  const size_t rank = mask.sizes.size();
  const int64_t column_stride = mask.strides[rank - 1];
  for (int64_t row = 0; row < rows; ++row, scores += keys) {
    const int64_t offset = batch_offset(mask, batch) + (first + row) * mask.strides[rank - 2];
    if (mask.element == mil::ElementType::boolean) {
      const auto* shown = static_cast<const uint8_t*>(memory.at(mask)) + offset;
      for (int64_t key = 0; key < keys; ++key) {
        if (shown[key * column_stride] == 0) scores[key] = -std::numeric_limits<float>::infinity();
      }
    } else {
      const float* added = memory.floats(mask) + offset;
      for (int64_t key = 0; key < keys; ++key) scores[key] += added[key * column_stride];
    }
  }
}

Status lower_attention(Lowering& lowering, const mil::Operation& operation) {
  const View query = lowering.operand(operation, "query");
  const View key = lowering.operand(operation, "key");
  const View value = lowering.operand(operation, "value");
  const View y = lowering.dense_result(operation);
  MW_TRY(expect_element(operation, y, mil::ElementType::fp32));
  const size_t rank = y.sizes.size();
  const int64_t rows = query.sizes[rank - 2];
  const int64_t width = query.sizes[rank - 1];
  const int64_t keys = key.sizes[rank - 2];
  const int64_t outputs = y.sizes[rank - 1];
  const int64_t batches = rows * outputs == 0 ? 0 : y.count() / (rows * outputs);
  if (keys == 0) {
    const View zero = lowering.constant(mil::Literal::number(mil::ElementType::fp32, 0));
    return lowering.emit_copy(operation, zero, y);
  }
  Call call{.kernel = "attention", .reads = {query, key, value}, .writes = {y}};
  std::optional<View> mask;
  if (operation.find_operand("attn_mask") != nullptr) {
    View given = lowering.operand(operation, "attn_mask");
    if (given.element != mil::ElementType::boolean) {
      MW_ASSIGN(given, lowering.converted(operation, given, mil::ElementType::fp32));
    }
    call.reads.push_back(given);
    mil::Shape scores = query.sizes;
    scores[rank - 1] = keys;
    mask = broadcasted(given, scores);
  }
  const int64_t block = std::min(rows, std::clamp(kBlockScores / keys, kFewestRows, kMostRows));
  const int64_t blocks = block == 0 ? 0 : (rows + block - 1) / block;
  const auto scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width)));
  call.flops = 2 * static_cast<double>(batches) * static_cast<double>(rows) * static_cast<double>(keys) *
               static_cast<double>(width + outputs);
  call.run = [=](const Memory& memory) -> Status {
    parallel_for(batches * blocks, [&](int64_t task) {
      const int64_t batch = task / blocks;
      const int64_t first = task % blocks * block;
      const int64_t count = std::min(block, rows - first);
      const ScratchLease scores(count * keys);
      GemmProblem product;
      product.m = count;
      product.n = keys;
      product.k = width;
      product.alpha = scale;
      product.a = matrix_at(memory, query, batch, first, false);
      product.b = matrix_at(memory, key, batch, 0, true);
      product.c = {scores.data(), keys, 1, {}};
      gemm(product);
      if (mask) add_mask(memory, *mask, batch, first, count, keys, scores.data());
      softmax(scores.data(), scores.data(), count, keys, 1);
      product = {};
      product.m = count;
      product.n = outputs;
      product.k = keys;
      product.a.data = scores.data();
      product.a.row_stride = keys;
      product.b = matrix_at(memory, value, batch, 0, false);
      product.c = {memory.floats(y) + (batch * rows + first) * outputs, outputs, 1, {}};
      gemm(product);
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {{"scaled_dot_product_attention", lower_attention, "query key value attn_mask"}};

}  // namespace

std::span<const KernelEntry> attention_kernels() { return kEntries; }

}  // namespace millwright::cpu
