#include "device/operation_numerics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/random.h"
#include "mil/builder.h"
#include "mil/parser.h"
#include "mil/verifier.h"

namespace millwright::device {
namespace {

constexpr std::string_view kChip = "m4+macos26";
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const std::string kSmall = "tensor<fp16, [1, 8, 4, 32]>";
const std::string kLong = "tensor<fp16, [1, 256, 1, 32]>";

struct Text {
  std::string kind;
  Apart apart;
  double bound;
  double low, high;
  std::string inputs;
  std::string body;  // computes y
};

// y = KIND(x = x, PARAMETERS).
Text unary(std::string kind, Apart apart, double bound, double low, double high, const std::string& parameters = "") {
  const std::string body = kSmall + " y = " + kind + "(x = x" + parameters + ");";
  return {std::move(kind), apart, bound, low, high, kSmall + " x", body};
}

Text binary(std::string kind, Apart apart, double bound, double low, double high, const std::string& result = kSmall) {
  const std::string body = result + " y = " + kind + "(x = x, y = v);";
  return {std::move(kind), apart, bound, low, high, kSmall + " x, " + kSmall + " v", body};
}

Text reduction(std::string kind, Apart apart, double bound, double low, double high) {
  const std::string body =
      "tensor<fp16, [1, 1, 1, 32]> y = " + kind + "(x = x, axes = tensor<int32, [1]>([1]), keep_dims = bool(true));";
  return {std::move(kind), apart, bound, low, high, kLong + " x", body};
}

// What only moves values, or takes some of them.
Text movement(std::string kind, const std::string& result, const std::string& call) {
  return {kind, Apart::nothing, 0, -2, 2, kSmall + " x", result + " y = " + kind + "(" + call + ");"};
}

void add_elementwise(std::vector<Text>& all) {
  for (const char* kind : {"abs", "ceil", "floor", "relu", "relu6", "round", "sign"}) {
    all.push_back(unary(kind, Apart::nothing, 0, -8, 8));
  }
  for (const char* kind : {"erf", "exp", "exp2", "square"}) {
    all.push_back(unary(kind, Apart::rounding, 1, -4, 4));
  }
  all.push_back(unary("sqrt", Apart::rounding, 1, 0, 9));
  all.push_back(unary("softsign", Apart::rounding, 1, -4, 4));
  all.push_back(unary("sigmoid", Apart::table, 0.0045, -12, 12));
  all.push_back(unary("tanh", Apart::table, 0.0025, -8, 8));
  all.push_back(unary("silu", Apart::table, 0.02, -8, 8));
  all.push_back(unary("softplus", Apart::table, 0.012, -10, 10));
  all.push_back(unary("sin", Apart::table, 0.043, -8, 8));
  all.push_back(unary("cos", Apart::table, 0.043, -8, 8));
  all.push_back(unary("atan", Apart::table, 0.123, -12, 12));
  all.push_back(unary("clip", Apart::nothing, 0, -2, 2, ", alpha = fp16(-0.5), beta = fp16(1)"));
  all.push_back(unary("clamped_relu", Apart::rounding, 1, -2, 2, ", alpha = fp16(0.25), beta = fp16(1)"));
  all.push_back(unary("elu", Apart::rounding, 1, -2, 2, ", alpha = fp16(0.25)"));
  all.push_back(unary("linear_activation", Apart::rounding, 1, -2, 2, ", alpha = fp16(0.25), beta = fp16(1)"));
  all.push_back(unary("prelu", Apart::rounding, 1, -2, 2,
                      ", alpha = tensor<fp16, [8]>([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8])"));
  all.push_back(unary("scaled_tanh", Apart::rounding, 1, -2, 2, ", alpha = fp16(0.25), beta = fp16(1)"));
  all.push_back(unary("sigmoid_hard", Apart::rounding, 1, -4, 4, ", alpha = fp16(0.2), beta = fp16(0.5)"));
  all.push_back(unary("threshold", Apart::nothing, 0, -2, 2, ", alpha = fp16(0.25)"));
  all.push_back(unary("thresholded_relu", Apart::nothing, 0, -2, 2, ", alpha = fp16(0.25)"));
  for (const char* kind : {"log", "rsqrt", "inverse"}) {
    all.push_back(unary(kind, Apart::rounding, 1, 0.25, 4, ", epsilon = fp16(0.001)"));
  }
  for (const char* kind : {"add", "sub", "mul", "real_div", "pow"}) {
    all.push_back(binary(kind, Apart::rounding, 1, 0.25, 4));
  }
  for (const char* kind : {"maximum", "minimum", "floor_div"}) {
    all.push_back(binary(kind, Apart::nothing, 0, 0.25, 4));
  }
  for (const char* kind : {"equal", "greater", "greater_equal", "less", "less_equal", "not_equal"}) {
    all.push_back(binary(kind, Apart::nothing, 0, -2, 2, "tensor<bool, [1, 8, 4, 32]>"));
  }
  all.push_back({"logical_not", Apart::nothing, 0, -2, 2, kSmall + " x, " + kSmall + " v",
                 "tensor<bool, [1, 8, 4, 32]> c = greater(x = x, y = v);"
                 "tensor<bool, [1, 8, 4, 32]> y = logical_not(x = c);"});
  all.push_back(
      {"select", Apart::nothing, 0, -2, 2, kSmall + " x, " + kSmall + " v",
       "tensor<bool, [1, 8, 4, 32]> c = greater(x = x, y = v);" + kSmall + " y = select(cond = c, a = x, b = v);"});
  all.push_back({"cast", Apart::nothing, 0, -2, 2, kSmall + " x",
                 "tensor<fp32, [1, 8, 4, 32]> y = cast(x = x, dtype = string(\"fp32\"));"});
  all.push_back({"identity", Apart::nothing, 0, -2, 2, kSmall + " x",
                 kSmall + " i = identity(x = x);" + kSmall + " y = relu(x = i);"});
}

void add_reductions(std::vector<Text>& all) {
  for (const char* kind : {"reduce_max", "reduce_min"}) all.push_back(reduction(kind, Apart::nothing, 0, -2, 2));
  for (const char* kind : {"reduce_sum", "reduce_mean", "reduce_l1_norm", "reduce_l2_norm", "reduce_sum_square"}) {
    all.push_back(reduction(kind, Apart::rounding, 1, -2, 2));
  }
  all.push_back(reduction("reduce_log_sum", Apart::steps, 1, 0.25, 4));
  all.push_back(reduction("reduce_log_sum_exp", Apart::steps, 1, -2, 2));
  all.push_back(unary("softmax", Apart::steps, 1, -4, 4, ", axis = int32(-1)"));
  all.push_back({"layer_norm", Apart::steps, 1, -2, 2, kLong + " x",
                 kLong + " y = layer_norm(x = x, axes = tensor<int32, [1]>([1]), epsilon = fp16(0.001));"});
  all.push_back(unary("instance_norm", Apart::steps, 1, -2, 2, ", epsilon = fp16(0.001)"));
  all.push_back(unary("l2_norm", Apart::steps, 1, -2, 2, ", epsilon = fp16(0.001)"));
  all.push_back(unary("local_response_norm", Apart::steps, 1, -2, 2,
                      ", size = int32(3), alpha = fp16(1), beta = fp16(0.5), k = fp16(2)"));
  all.push_back({"topk", Apart::nothing, 0, -2, 2, kSmall + " x",
                 "tensor<fp16, [1, 8, 4, 2]> y, tensor<int32, [1, 8, 4, 2]> i = topk(x = x, k = int32(2), axis = "
                 "int32(-1));"});
}

// Sums of 256 products, of numbers up to 2.
void add_products(std::vector<Text>& all) {
  const std::string matrix = "tensor<fp16, [256, 32]>";
  all.push_back({"matmul", Apart::sums, 2, -1, 1, "tensor<fp16, [32, 256]> x, " + matrix + " v",
                 "tensor<fp16, [32, 32]> y = matmul(x = x, y = v, transpose_x = bool(false), transpose_y = "
                 "bool(false));"});
  all.push_back({"linear", Apart::sums, 2, -1, 1, "tensor<fp16, [32, 256]> x",
                 "tensor<fp16, [4, 256]> w = const()[val = tensor<fp16, [4, 256]>(0)];"
                 "tensor<fp16, [4]> b = const()[val = tensor<fp16, [4]>([1, 2, 3, 4])];"
                 "tensor<fp16, [32, 4]> y = linear(x = x, weight = w, bias = b);"});
  all.push_back({"einsum", Apart::sums, 2, -1, 1, "tensor<fp16, [1, 256, 2, 32]> x, tensor<fp16, [1, 32, 2, 256]> v",
                 "tensor<fp16, [1, 256, 2, 256]> y = einsum(values = (x, v), equation = "
                 "string(\"nchw,nwhu->nchu\"));"});
  all.push_back({"conv", Apart::sums, 2, -1, 1, kLong + " x",
                 "tensor<fp16, [4, 256, 1, 1]> w = const()[val = tensor<fp16, [4, 256, 1, 1]>(0)];"
                 "tensor<fp16, [1, 4, 1, 32]> y = conv(x = x, weight = w, strides = tensor<int32, [2]>([1, 1]), "
                 "pad_type = string(\"valid\"), pad = tensor<int32, [4]>([0, 0, 0, 0]), dilations = tensor<int32, "
                 "[2]>([1, 1]), groups = int32(1));"});
  all.push_back({"conv_transpose", Apart::rounding, 1, -1, 1, kSmall + " x",
                 "tensor<fp16, [8, 4, 2, 2]> w = const()[val = tensor<fp16, [8, 4, 2, 2]>(0)];"
                 "tensor<fp16, [1, 4, 5, 33]> y = conv_transpose(x = x, weight = w, strides = tensor<int32, [2]>([1, "
                 "1]), pad_type = string(\"valid\"), pad = tensor<int32, [4]>([0, 0, 0, 0]), dilations = tensor<int32, "
                 "[2]>([1, 1]), groups = int32(1));"});
  all.push_back({"scaled_dot_product_attention", Apart::steps, 1, -1, 1,
                 "tensor<fp16, [1, 2, 32, 32]> x, tensor<fp16, [1, 2, 32, 32]> v, tensor<fp16, [1, 2, 32, 32]> w",
                 "tensor<fp16, [1, 2, 32, 32]> y = scaled_dot_product_attention(query = x, key = v, value = w);"});
}

void add_movements(std::vector<Text>& all) {
  const auto add = [&all](std::string kind, std::string shape, const std::string& parameters) {
    all.push_back(movement(std::move(kind), "tensor<fp16, " + shape + ">", "x = x, " + parameters));
  };
  const auto add_image = [&](std::string kind, std::string shape, const std::string& parameters) {
    add(std::move(kind), std::move(shape), parameters);
    all.back().apart = Apart::steps;
    all.back().bound = 1;
  };
  const auto add_unknown = [&](std::string kind, std::string shape, const std::string& parameters) {
    add(std::move(kind), std::move(shape), parameters);
    all.back().apart = Apart::not_run;
  };
  all.push_back({"concat", Apart::nothing, 0, -2, 2, kSmall + " x, " + kSmall + " v",
                 "tensor<fp16, [1, 16, 4, 32]> y = concat(values = (x, v), axis = int32(1), interleave = "
                 "bool(false));"});
  all.push_back({"split", Apart::nothing, 0, -2, 2, kSmall + " x",
                 "tensor<fp16, [1, 4, 4, 32]> y, tensor<fp16, [1, 4, 4, 32]> z = split(x = x, num_splits = int32(2), "
                 "axis = int32(1));"});
  add("reshape", "[1, 4, 8, 32]", "shape = tensor<int32, [4]>([1, 4, 8, 32])");
  add("transpose", "[1, 4, 8, 32]", "perm = tensor<int32, [4]>([0, 2, 1, 3])");
  add("expand_dims", "[1, 1, 8, 4, 32]", "axes = tensor<int32, [1]>([0])");
  add("squeeze", "[8, 4, 32]", "axes = tensor<int32, [1]>([0])");
  add("flatten2d", "[8, 128]", "axis = int32(2)");
  add("slice_by_index", "[1, 8, 4, 16]",
      "begin = tensor<int32, [4]>([0, 0, 0, 4]), end = tensor<int32, [4]>([1, 8, 4, 20])");
  add("slice_by_size", "[1, 8, 4, 16]",
      "begin = tensor<int32, [4]>([0, 0, 0, 4]), size = tensor<int32, [4]>([1, 8, 4, 16])");
  add("pad", "[1, 8, 6, 36]",
      "pad = tensor<int32, [4]>([1, 1, 2, 2]), mode = string(\"constant\"), constant_val = fp16(0)");
  add("reverse", "[1, 8, 4, 32]", "axes = tensor<int32, [1]>([3])");
  add("tile", "[1, 16, 4, 32]", "reps = tensor<int32, [4]>([1, 2, 1, 1])");
  add("crop", "[1, 8, 2, 28]", "crop_height = tensor<int32, [2]>([1, 1]), crop_width = tensor<int32, [2]>([2, 2])");
  add("depth_to_space", "[1, 2, 8, 64]", "block_size = int32(2)");
  add("space_to_depth", "[1, 32, 2, 16]", "block_size = int32(2)");
  add("pixel_shuffle", "[1, 2, 8, 64]", "upscale_factor = int32(2)");
  add("pixel_unshuffle", "[1, 32, 2, 16]", "downscale_factor = int32(2)");
  add("space_to_batch", "[4, 8, 2, 16]",
      "block_shape = tensor<int32, [2]>([2, 2]), paddings = tensor<int32, [2, 2]>([[0, 0], [0, 0]])");
  add("batch_to_space", "[1, 8, 4, 32]",
      "block_shape = tensor<int32, [2]>([1, 1]), crops = tensor<int32, [2, 2]>([[0, 0], [0, 0]])");
  add("resize_nearest_neighbor", "[1, 8, 8, 64]", "target_size_height = int32(8), target_size_width = int32(64)");
  add("upsample_nearest_neighbor", "[1, 8, 8, 64]", "scale_factor_height = int32(2), scale_factor_width = int32(2)");
  add_image("resize", "[1, 8, 8, 64]",
            "shape = tensor<int32, [2]>([8, 64]), resized_dims = int32(2), interpolation_mode = "
            "string(\"LINEAR\"), sampling_mode = string(\"DEFAULT\")");
  add_image("resize_bilinear", "[1, 8, 8, 64]", "target_size_height = int32(8), target_size_width = int32(64)");
  add_image("upsample_bilinear", "[1, 8, 8, 64]", "scale_factor_height = int32(2), scale_factor_width = int32(2)");
  add_unknown("affine", "[1, 8, 4, 32]",
              "transform_matrix = tensor<fp16, [1, 6]>([[0.9, 0.1, 0, 0, 1, 0]]), output_height = int32(4), "
              "output_width = int32(32), sampling_mode = string(\"bilinear\"), padding_mode = string(\"constant\"), "
              "padding_value = fp16(0), coordinates_mode = string(\"normalized_minus_one_to_one\"), align_corners = "
              "bool(true)");
}

// Constants of all kinds, added to x or multiplied with it.
void add_creations(std::vector<Text>& all) {
  const auto add = [&all](std::string kind, Apart apart, const std::string& body) {
    all.push_back({std::move(kind), apart, apart == Apart::nothing ? 0.0 : 1.0, -2, 2, kSmall + " x", body});
  };
  const std::string multiplied = kSmall + " y = maximum(x = x, y = c);";
  add("fill", Apart::nothing,
      kSmall + " c = fill(shape = tensor<int32, [4]>([1, 8, 4, 32]), value = fp16(0.3));" + multiplied);
  add("fill_like", Apart::nothing, kSmall + " c = fill_like(ref_tensor = x, value = fp16(0.3));" + multiplied);
  add("range_1d", Apart::nothing,
      "tensor<fp16, [32]> c = range_1d(start = fp16(0), end = fp16(32), step = fp16(1));" + multiplied);
  add("quantize", Apart::nothing,
      "tensor<int8, [1, 8, 4, 32]> q = quantize(input = x, scale = fp16(0.015625), output_dtype = string(\"int8\"));" +
          kSmall + " y = dequantize(input = q, scale = fp16(0.015625));");
  add("dequantize", Apart::rounding,
      "tensor<int8, [1, 8, 4, 32]> q = quantize(input = x, scale = fp16(0.015625), output_dtype = string(\"int8\"));" +
          kSmall + " y = dequantize(input = q, scale = fp16(0.017));");
  const std::string row = "tensor<fp16, [2, 4]>";
  const auto add_compressed = [&](std::string kind, Apart apart, const std::string& constant) {
    all.push_back({std::move(kind), apart, apart == Apart::nothing ? 0.0 : 1.0, -2, 2, row + " x",
                   constant + row + " y = maximum(x = x, y = c);"});
  };
  add_compressed("constexpr_affine_dequantize", Apart::rounding,
                 row +
                     " c = constexpr_affine_dequantize(quantized_data = tensor<int8, [2, 4]>([[1, 2, 3, 4], [5, 6, "
                     "7, -8]]), zero_point = int8(1), scale = fp16(0.3), axis = int32(0));");
  add_compressed("constexpr_blockwise_shift_scale", Apart::rounding,
                 row +
                     " c = constexpr_blockwise_shift_scale(data = tensor<int8, [2, 4]>([[1, 2, 3, 4], [5, 6, 7, "
                     "-8]]), scale = tensor<fp16, [2, 1]>([[0.3], [0.7]]));");
  add_compressed("constexpr_cast", Apart::nothing,
                 "tensor<fp32, [2, 4]> f = constexpr_cast(source_val = tensor<fp16, [2, 4]>([[1, 2, 3, 4], [5, 6, 7, "
                 "-8]]), output_dtype = string(\"fp32\"));" +
                     row + " c = cast(x = f, dtype = string(\"fp16\"));");
  add_compressed("constexpr_lut_to_dense", Apart::nothing,
                 row +
                     " c = constexpr_lut_to_dense(indices = tensor<uint1, [2, 4]>([[0, 1, 1, 0], [1, 0, 1, 0]]), lut "
                     "= tensor<fp16, [1, 1, 2, 1]>([[[[0.1], [0.2]]]]));");
  add_compressed("constexpr_sparse_to_dense", Apart::nothing,
                 row +
                     " c = constexpr_sparse_to_dense(mask = tensor<uint1, [2, 4]>([[0, 1, 1, 0], [1, 0, 1, 0]]), "
                     "nonzero_data = tensor<fp16, [4]>([1, 2, 3, 4]));");
}

// Constants named w are weights: random numbers between -1 and 1.
void fill_weights(mil::Function& function) {
  RandomStream random(11);
  for (const auto& operation : function.block().operations()) {
    if (!operation->is_const() || operation->result()->name() != "w") continue;
    const mil::Type& type = operation->result()->type();
    std::vector<double> numbers(static_cast<size_t>(type.count()));
    for (double& number : numbers) number = 2 * random.uniform() - 1;
    operation->set_attribute("val", mil::Literal::numbers(type, numbers));
  }
}

// The engine wants parameters that are names of constants (C01).
void name_literals(mil::Function& function) {
  std::vector<mil::Operation*> operations;
  for (const auto& operation : function.block().operations()) operations.push_back(operation.get());
  for (mil::Operation* operation : operations) {
    std::vector<mil::Operand> operands(operation->operands().begin(), operation->operands().end());
    mil::Builder b(function, operation);
    for (mil::Operand& operand : operands) {
      for (mil::Argument& argument : operand.arguments) {
        const auto* literal = std::get_if<mil::Literal>(&argument);
        if (literal != nullptr) argument = b.constant(*literal, operand.name.view());
      }
    }
    for (const mil::Operand& operand : operands) operation->remove_operand(operand.name);
    for (mil::Operand& operand : operands) operation->add_operand(std::move(operand));
  }
}

std::unique_ptr<mil::Function> function_of(const Text& text) {
  const std::string source = "program(1.3) { func main<ios18>(" + text.inputs + ") {" + text.body + "} -> (y); }";
  mil::ParseResult parsed = mil::parse(source);
  std::string wrong;
  for (const mil::Diagnostic& diagnostic : parsed.diagnostics) wrong += mil::diagnostic_text(diagnostic, text.kind);
  MW_CHECK(parsed.program.has_value() && wrong.empty(), "{}", wrong);
  std::unique_ptr<mil::Function> function = mil::clone(*parsed.program->functions()[0]);
  fill_weights(*function);
  name_literals(*function);
  const Status verified = mil::verify(*function);
  MW_CHECK(verified.has_value(), "{}: {}", text.kind, verified.error().message);
  return function;
}

// In the order of the function's inputs, element by element.
template <class Next>
std::vector<mil::Literal> inputs_of(const OperationProgram& program, Next next) {
  std::vector<mil::Literal> inputs;
  for (const auto& input : program.function->inputs()) {
    std::vector<double> numbers(static_cast<size_t>(input->type().count()));
    for (double& number : numbers) number = next();
    inputs.push_back(mil::Literal::numbers(input->type(), numbers));
  }
  return inputs;
}

}  // namespace

std::string_view apart_name(Apart apart) {
  constexpr std::string_view kNames[] = {"nothing", "rounding", "steps", "sums", "table", "not run"};
  return kNames[static_cast<size_t>(apart)];
}

std::vector<OperationProgram> operation_programs() {
  std::vector<Text> texts;
  add_elementwise(texts);
  add_reductions(texts);
  add_products(texts);
  add_movements(texts);
  add_creations(texts);
  std::vector<OperationProgram> programs;
  for (const Text& text : texts) {
    programs.push_back({text.kind, text.apart, text.bound, text.low, text.high, function_of(text)});
  }
  std::ranges::sort(programs, {}, &OperationProgram::kind);
  return programs;
}

std::vector<mil::Literal> random_inputs(const OperationProgram& program, uint64_t seed) {
  RandomStream random(seed);
  return inputs_of(program, [&] { return program.low + (program.high - program.low) * random.uniform(); });
}

std::vector<mil::Literal> extreme_inputs(const OperationProgram& program) {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kExtremes[] = {0,          -0.0, 1,   -1,    0.5,     -2.5,    kInfinity,
                                  -kInfinity, 12,   -12, 65504, -65504,  0x1p-24, -0x1p-24,
                                  kNan,       3,    30,  -30,   0x1p-14, 300,     -0x1p-14};
  size_t index = 0;
  size_t input = 0;
  return inputs_of(program, [&] {
    // Every pair of two inputs occurs: the second input goes through the list at another pace.
    const size_t at = index++;
    if (at == static_cast<size_t>(program.function->inputs()[0]->type().count())) ++input;
    return kExtremes[(input == 0 ? at : at / std::size(kExtremes)) % std::size(kExtremes)];
  });
}

Result<std::vector<double>> run_numerics(const OperationProgram& program, const std::vector<mil::Literal>& inputs,
                                         Numerics numerics) {
  const DeviceOptions options = {.chip = std::string(kChip), .numerics = numerics};
  MW_ASSIGN(const EngineRun run, run_on_engine(*program.function, inputs, 1, options));
  return run.run.results.at(0).as_numbers();
}

Difference difference_of(const std::vector<double>& fast, const std::vector<double>& faithful) {
  MW_CHECK(fast.size() == faithful.size(), "{} and {} results", fast.size(), faithful.size());
  Difference difference;
  double largest = 0;
  for (size_t i = 0; i < fast.size(); ++i) {
    if (fast[i] == faithful[i]) continue;
    difference.differing += 1 / static_cast<double>(fast.size());
    difference.absolute = std::max(difference.absolute, std::abs(fast[i] - faithful[i]));
  }
  for (const double number : faithful) {
    if (std::isfinite(number)) largest = std::max(largest, std::abs(number));
  }
  const int exponent = largest < 0x1p-14 ? -14 : std::ilogb(largest);
  difference.units = difference.absolute / std::ldexp(1.0, exponent - 10);
  return difference;
}

}  // namespace millwright::device
