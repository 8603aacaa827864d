// The programs of the published hardware studies, built as MIL functions: what `millwright probe` runs on a device and
// what the cost model is fitted to. Sources: docs/cost-model.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::ane {

// Where the weights of built programs are: the first record of the file is at offset 64.
inline constexpr std::string_view kWeightPath = "@model_path/weights/weight.bin";

// Convolutions one after the other, x [1, in, height, width].
struct ConvChain {
  int64_t depth = 1;
  int64_t in_channels = 0;
  int64_t out_channels = 0;  // equal to in_channels where depth > 1
  int64_t height = 1;
  int64_t width = 0;
  int64_t kernel = 1;  // odd; padded so that height and width stay
  // The published chains name one record of the weight file in every layer, so that all layers share its bytes.
  enum class Weights : uint8_t { shared, distinct };
  Weights weights = Weights::distinct;
  // fp16; int8 weights only; int8 weights and activations between layers (W8A8).
  enum class Precision : uint8_t { fp16, int8_weights, int8 };
  Precision precision = Precision::fp16;
};
Result<std::unique_ptr<mil::Function>> conv_chain(const ConvChain& chain);

// x [m, k] times y [k, n]. With depth > 1 (then k = n) every result is the next x.
struct MatmulChain {
  int64_t m = 0;
  int64_t k = 0;
  int64_t n = 0;
  int64_t depth = 1;
  enum class RightOperand : uint8_t { input, constant, int8_constant };
  RightOperand right = RightOperand::input;
};
Result<std::unique_ptr<mil::Function>> matmul_chain(const MatmulChain& chain);

// One operation of the elementwise or activation kind, softmax, a normalization over the last axis, or 2×2 pooling.
Result<std::unique_ptr<mil::Function>> single_operation(std::string_view kind, const mil::Shape& shape);

// Softmax attention: q [1, heads, queries, head_dim], k and v [1, kv_heads, sequence, head_dim].
struct Attention {
  int64_t heads = 0;
  int64_t sequence = 0;
  int64_t head_dim = 0;
  int64_t kv_heads = 0;  // 0: heads; else they are repeated by tiling
  int64_t queries = 0;   // 0: sequence; 1: one new token over a cache
};
Result<std::unique_ptr<mil::Function>> attention(const Attention& shape);

// Puts numbers in the place of the references to a weight file, so that a function of this header can run: small enough
// to pass through a chain without growing. References to one record get one memory.
void fill_weights(mil::Function& function);
// Fills a tensor's elements with numbers between -1 and 1, times `scale`, the same for the same stream. They repeat
// after some thousands: what matters is that they are not 0.
void fill_elements(mil::ElementType element, double scale, uint64_t stream, std::span<std::byte> elements);

}  // namespace millwright::ane
