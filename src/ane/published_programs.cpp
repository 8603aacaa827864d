#include "ane/published_programs.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <map>
#include <vector>

#include "base/random.h"
#include "mil/blob/blob_format.h"
#include "mil/builder.h"

namespace millwright::ane {
namespace {

using mil::Builder;
using mil::ElementType;
using mil::Literal;
using mil::operand;
using mil::Shape;
using mil::Type;
using mil::Value;

constexpr std::string_view kOpset = "ios18";
constexpr int64_t kLargestAxis = int64_t{1} << 20;
constexpr int64_t kDeepest = 4096;
constexpr double kInt8Scale = 1.0 / 64;
constexpr size_t kNumbersPeriod = 4093;  // prime, so that rows differ

Status check_size(std::string_view name, int64_t value, int64_t most) {
  if (value >= 1 && value <= most) return {};
  return fail("{} is {}, expected 1 to {}", name, value, most);
}

// Hands out the records of one weight file, in order.
class Weights {
 public:
  explicit Weights(Builder& builder) : b_(builder) {}

  Value* add(ElementType element, const Shape& shape) {
    const Type type = Type::tensor(element, shape);
    const auto bytes = static_cast<uint64_t>(type.bytes());
    Value* value = b_.constant(Literal::blob(type, {std::string(kWeightPath), next_}), "weight");
    next_ += mil::kBlobAlignment + (bytes + mil::kBlobAlignment - 1) / mil::kBlobAlignment * mil::kBlobAlignment;
    return value;
  }

  // From here on every weight names the first record.
  void begin_again() { next_ = mil::kBlobAlignment; }

  // A weight that the program stores as int8 and computes with as fp16.
  Value* add_int8(const Shape& shape) {
    return b_.emit("constexpr_affine_dequantize",
                   {operand("quantized_data", add(ElementType::int8, shape)),
                    operand("zero_point", b_.constant(Literal::integer(ElementType::int8, 0))),
                    operand("scale", b_.scalar(ElementType::fp16, kInt8Scale)), operand("axis", b_.int32(0))},
                   "weight");
  }

 private:
  Builder& b_;
  uint64_t next_ = mil::kBlobAlignment;
};

// Uniform numbers up to this keep the size of what passes through a convolution [out, in, height, width] or a product
// [k, n].
double scale_of(const Shape& shape) {
  const double terms =
      shape.size() == 4 ? static_cast<double>(shape[1] * shape[2] * shape[3]) : static_cast<double>(shape.front());
  return std::sqrt(3 / terms);
}

Value* through_int8(Builder& b, Value* x) {
  Value* scale = b.scalar(ElementType::fp16, kInt8Scale);
  Value* quantized = b.emit(
      "quantize", {operand("input", x), operand("scale", scale), operand("output_dtype", b.text("int8"))}, "quantize");
  return b.emit("dequantize", {operand("input", quantized), operand("scale", scale)}, "dequantize");
}

Value* convolve(Builder& b, Value* x, Value* weight, int64_t kernel) {
  const std::array<int64_t, 2> ones = {1, 1};
  const std::array<int64_t, 4> pad = {kernel / 2, kernel / 2, kernel / 2, kernel / 2};
  return b.emit("conv",
                {operand("x", x), operand("weight", weight), operand("strides", b.int32_vector(ones)),
                 operand("pad_type", b.text("custom")), operand("pad", b.int32_vector(pad)),
                 operand("dilations", b.int32_vector(ones)), operand("groups", b.int32(1))},
                "conv");
}

Value* pool(Builder& b, std::string_view kind, Value* x) {
  const std::array<int64_t, 2> two = {2, 2};
  const std::array<int64_t, 4> pad = {0, 0, 0, 0};
  std::vector<mil::Operand> operands = {operand("x", x), operand("kernel_sizes", b.int32_vector(two)),
                                        operand("strides", b.int32_vector(two)), operand("pad_type", b.text("valid")),
                                        operand("pad", b.int32_vector(pad))};
  if (kind == "avg_pool") operands.push_back(operand("exclude_padding_from_average", b.boolean(false)));
  return b.emit(kind, std::move(operands));
}

Value* mean_square(Builder& b, Value* x) {
  const std::array<int64_t, 1> last = {static_cast<int64_t>(x->shape().size()) - 1};
  return b.reduce("reduce_mean", b.mul(x, x), last, true);
}

// Decomposed as libraries do it: the engine's compiler takes no fused one.
Value* normalize(Builder& b, std::string_view kind, Value* x) {
  const std::array<int64_t, 1> last = {static_cast<int64_t>(x->shape().size()) - 1};
  if (kind == "layer_norm") x = b.sub(x, b.reduce("reduce_mean", x, last, true));
  return b.mul(x, b.rsqrt(mean_square(b, x), 1e-5));
}

}  // namespace

Result<std::unique_ptr<mil::Function>> conv_chain(const ConvChain& chain) {
  MW_TRY(check_size("depth", chain.depth, kDeepest));
  MW_TRY(check_size("in_channels", chain.in_channels, kLargestAxis));
  MW_TRY(check_size("out_channels", chain.out_channels, kLargestAxis));
  MW_TRY(check_size("height", chain.height, kLargestAxis));
  MW_TRY(check_size("width", chain.width, kLargestAxis));
  MW_TRY(check_size("kernel", chain.kernel, 31));
  if (chain.kernel % 2 == 0) return fail("kernel is {}, expected an odd number", chain.kernel);
  if (chain.depth > 1 && chain.in_channels != chain.out_channels) {
    return fail("a chain of {} convolutions needs as many input as output channels, found {} and {}", chain.depth,
                chain.in_channels, chain.out_channels);
  }
  auto function = std::make_unique<mil::Function>("main", std::string(kOpset));
  Builder b(*function);
  Weights weights(b);
  const Shape weight_shape = {chain.out_channels, chain.in_channels, chain.kernel, chain.kernel};
  const auto next_weight = [&] {
    return chain.precision == ConvChain::Precision::fp16 ? weights.add(ElementType::fp16, weight_shape)
                                                         : weights.add_int8(weight_shape);
  };
  Value* x = b.input("x", Type::tensor(ElementType::fp16, {1, chain.in_channels, chain.height, chain.width}));
  for (int64_t layer = 0; layer < chain.depth; ++layer) {
    if (chain.weights == ConvChain::Weights::shared) weights.begin_again();
    Value* weight = next_weight();
    if (chain.precision == ConvChain::Precision::int8) x = through_int8(b, x);
    x = convolve(b, x, weight, chain.kernel);
  }
  function->block().add_result(x);
  return function;
}

Result<std::unique_ptr<mil::Function>> matmul_chain(const MatmulChain& chain) {
  MW_TRY(check_size("m", chain.m, kLargestAxis));
  MW_TRY(check_size("k", chain.k, kLargestAxis));
  MW_TRY(check_size("n", chain.n, kLargestAxis));
  MW_TRY(check_size("depth", chain.depth, kDeepest));
  if (chain.depth > 1 && chain.k != chain.n) {
    return fail("a chain of {} products needs k equal to n, found {} and {}", chain.depth, chain.k, chain.n);
  }
  auto function = std::make_unique<mil::Function>("main", std::string(kOpset));
  Builder b(*function);
  Weights weights(b);
  Value* x = b.input("x", Type::tensor(ElementType::fp16, {chain.m, chain.k}));
  const Shape right = {chain.k, chain.n};
  Value* y = nullptr;
  if (chain.right == MatmulChain::RightOperand::input) y = b.input("y", Type::tensor(ElementType::fp16, right));
  for (int64_t layer = 0; layer < chain.depth; ++layer) {
    if (chain.right == MatmulChain::RightOperand::constant) y = weights.add(ElementType::fp16, right);
    if (chain.right == MatmulChain::RightOperand::int8_constant) y = weights.add_int8(right);
    x = b.matmul(x, y);
  }
  function->block().add_result(x);
  return function;
}

Result<std::unique_ptr<mil::Function>> single_operation(std::string_view kind, const Shape& shape) {
  for (const int64_t size : shape) MW_TRY(check_size("an axis", size, kLargestAxis));
  if (shape.empty()) return fail("the shape has no axes");
  auto function = std::make_unique<mil::Function>("main", std::string(kOpset));
  Builder b(*function);
  Value* x = b.input("x", Type::tensor(ElementType::fp16, shape));
  Value* y = nullptr;
  if (kind == "relu" || kind == "sigmoid" || kind == "tanh") {
    y = b.unary(kind, x);
  } else if (kind == "gelu") {
    y = b.emit("gelu", {operand("x", x), operand("mode", b.text("EXACT"))});
  } else if (kind == "softmax") {
    y = b.softmax(x, -1);
  } else if (kind == "rms_norm" || kind == "layer_norm" || kind == "l2_norm") {
    y = normalize(b, kind, x);
  } else if ((kind == "max_pool" || kind == "avg_pool") && shape.size() == 4 && shape[2] > 1 && shape[3] > 1) {
    y = pool(b, kind, x);
  } else {
    return fail("{} over {} is no operation of the published studies", kind, mil::shape_text(shape));
  }
  function->block().add_result(y);
  return function;
}

Result<std::unique_ptr<mil::Function>> attention(const Attention& shape) {
  const int64_t kv_heads = shape.kv_heads == 0 ? shape.heads : shape.kv_heads;
  const int64_t queries = shape.queries == 0 ? shape.sequence : shape.queries;
  MW_TRY(check_size("heads", shape.heads, kLargestAxis));
  MW_TRY(check_size("sequence", shape.sequence, kLargestAxis));
  MW_TRY(check_size("head_dim", shape.head_dim, kLargestAxis));
  MW_TRY(check_size("kv_heads", kv_heads, kLargestAxis));
  MW_TRY(check_size("queries", queries, kLargestAxis));
  if (shape.heads % kv_heads != 0) return fail("{} heads cannot share {} kv_heads", shape.heads, kv_heads);
  auto function = std::make_unique<mil::Function>("main", std::string(kOpset));
  Builder b(*function);
  const Type cache = Type::tensor(ElementType::fp16, {1, kv_heads, shape.sequence, shape.head_dim});
  Value* q = b.input("q", Type::tensor(ElementType::fp16, {1, shape.heads, queries, shape.head_dim}));
  Value* k = b.input("k", cache);
  Value* v = b.input("v", cache);
  if (kv_heads != shape.heads) {
    const std::array<int64_t, 4> repetitions = {1, shape.heads / kv_heads, 1, 1};
    k = b.tile(k, repetitions);
    v = b.tile(v, repetitions);
  }
  Value* scores = b.mul(b.matmul(q, k, false, true), b.scalar(ElementType::fp16, 0.125));
  function->block().add_result(b.matmul(b.softmax(scores, -1), v));
  return function;
}

void fill_elements(ElementType element, double scale, uint64_t stream, std::span<std::byte> elements) {
  const size_t width = mil::element_bytes(element);
  const size_t period = std::min(kNumbersPeriod * width, elements.size());
  RandomStream random(0, stream);
  for (size_t at = 0; at < period; at += width) {
    const double number = (2 * random.uniform() - 1) * scale;
    if (mil::is_floating(element)) {
      mil::store_number(element, number, &elements[at]);
    } else {
      mil::store_integer(element, std::lround(number), &elements[at]);
    }
  }
  for (size_t done = period; done < elements.size();) {
    const size_t count = std::min(done, elements.size() - done);
    std::memcpy(&elements[done], elements.data(), count);
    done += count;
  }
}

void fill_weights(mil::Function& function) {
  std::map<uint64_t, Literal> records;
  for (const auto& operation : function.block().operations()) {
    const Literal* literal = operation->is_const() ? operation->attribute("val") : nullptr;
    if (literal == nullptr || !literal->is_blob()) continue;
    const uint64_t offset = literal->blob_reference().offset;
    auto record = records.find(offset);
    if (record == records.end()) {
      const Type& type = literal->type();
      std::vector<std::byte> elements(static_cast<size_t>(type.bytes()));
      const bool is_int8 = type.element() == ElementType::int8;
      fill_elements(type.element(), is_int8 ? 100 : scale_of(type.shape()), records.size(), elements);
      record = records.emplace(offset, Literal::bytes(type, std::move(elements))).first;
    }
    operation->set_attribute("val", record->second);
  }
}

}  // namespace millwright::ane
