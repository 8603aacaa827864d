// Matrix products and convolution.
#include <algorithm>

#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

// Rows and columns of a matmul operand after its transpose flag, with rank-1 promotion.
struct Matrix {
  Shape batch;
  int64_t rows;
  int64_t columns;
};

// A constant, or weights that a constexpr operation unpacks.
bool is_compile_time(const Operation& operation, std::string_view name) {
  const Value* value = operation.operand(name);
  if (value == nullptr) return true;
  return value->producer() != nullptr &&
         (value->producer()->is_const() || value->producer()->kind().starts_with("constexpr_"));
}

// Where exactly one operand is constant, its type may differ (ios17); the product has the type of the other.
Result<ElementType> product_element(const Operation& operation) {
  const bool x_constant = is_compile_time(operation, "x");
  if (x_constant != is_compile_time(operation, "y")) {
    return operand_type(operation, x_constant ? "y" : "x").element();
  }
  return common_element(operation, "x", "y");
}

Types infer_matmul(const Operation& operation) {
  MW_ASSIGN(const ElementType element, product_element(operation));
  const Shape& x = operand_type(operation, "x").shape();
  const Shape& y = operand_type(operation, "y").shape();
  if (x.empty() || y.empty()) return fail("x {} and y {}: expected rank 1 or more", shape_text(x), shape_text(y));
  const auto matrix = [](const Shape& shape, bool transposed, bool is_x) {
    if (shape.size() == 1) return is_x ? Matrix{{}, 1, shape[0]} : Matrix{{}, shape[0], 1};
    Matrix result{Shape(shape.begin(), shape.end() - 2), shape[shape.size() - 2], shape.back()};
    if (transposed) std::swap(result.rows, result.columns);
    return result;
  };
  const Matrix a = matrix(x, flag(operation, "transpose_x"), true);
  const Matrix b = matrix(y, flag(operation, "transpose_y"), false);
  if (may_differ(a.columns, b.rows)) {
    return fail("x {} has {} columns, y {} has {} rows; expected them equal", shape_text(x), a.columns, shape_text(y),
                b.rows);
  }
  auto shape = broadcast_shapes(a.batch, b.batch);
  if (!shape) return fail("the leading axes of x {} and y {} do not broadcast", shape_text(x), shape_text(y));
  if (x.size() > 1) shape->push_back(a.rows);
  if (y.size() > 1) shape->push_back(b.columns);
  return std::vector<Type>{Type::tensor(element, std::move(*shape))};
}

Types infer_linear(const Operation& operation) {
  const Type& x = operand_type(operation, "x");
  const Type& weight = operand_type(operation, "weight");
  if (!x.is_tensor() || x.rank() < 1) return fail("x is {}, expected a tensor of rank 1 or more", type_text(x));
  if (!weight.is_tensor() || weight.rank() != 2) return fail("weight is {}, expected rank 2", type_text(weight));
  if (may_differ(x.shape().back(), weight.shape()[1])) {
    return fail("x {} has {} channels, weight {} expects {}", shape_text(x.shape()), x.shape().back(),
                shape_text(weight.shape()), weight.shape()[1]);
  }
  if (has_operand(operation, "bias")) {
    const Type& bias = operand_type(operation, "bias");
    if (bias.rank() != 1 || may_differ(bias.shape()[0], weight.shape()[0])) {
      return fail("bias is {}, expected [{}]", type_text(bias), weight.shape()[0]);
    }
  }
  Shape shape = x.shape();
  shape.back() = weight.shape()[0];
  return std::vector<Type>{x.with_shape(std::move(shape))};
}

int64_t convolved(int64_t size, int64_t kernel, int64_t stride, int64_t dilation, int64_t padding,
                  const std::string& pad_type) {
  if (size == kUnknownDimension || kernel == kUnknownDimension) return kUnknownDimension;
  if (pad_type == "same" || pad_type == "same_lower") return (size + stride - 1) / stride;
  return (size + padding - dilation * (kernel - 1) - 1) / stride + 1;
}

Types infer_conv(const Operation& operation) {
  const Type& x = operand_type(operation, "x");
  const Type& weight = operand_type(operation, "weight");
  if (!x.is_tensor() || x.rank() < 3 || x.rank() > 5) return fail("x is {}, expected rank 3 to 5", type_text(x));
  if (!weight.is_tensor() || weight.rank() != x.rank()) {
    return fail("weight is {}, expected the rank of x {}", type_text(weight), shape_text(x.shape()));
  }
  const size_t spatial = static_cast<size_t>(x.rank() - 2);
  std::vector<int64_t> strides = integers(operation, "strides");
  std::vector<int64_t> dilations = integers(operation, "dilations");
  std::vector<int64_t> pad = integers(operation, "pad");
  if (strides.empty()) strides.assign(spatial, 1);
  if (dilations.empty()) dilations.assign(spatial, 1);
  if (pad.empty()) pad.assign(2 * spatial, 0);
  if (strides.size() != spatial || dilations.size() != spatial || pad.size() != 2 * spatial) {
    return fail("strides, dilations and pad have {}, {} and {} entries, expected {}, {} and {}", strides.size(),
                dilations.size(), pad.size(), spatial, spatial, 2 * spatial);
  }
  const auto positive = [](int64_t n) { return n > 0; };
  if (!std::ranges::all_of(strides, positive) || !std::ranges::all_of(dilations, positive)) {
    return fail("strides and dilations must be positive");
  }
  const std::string pad_type = text(operation, "pad_type");
  if (pad_type != "valid" && pad_type != "same" && pad_type != "same_lower" && pad_type != "custom") {
    return fail("pad_type is \"{}\", expected valid, same, same_lower or custom", pad_type);
  }
  const int64_t groups = integer(operation, "groups");
  if (groups < 1) return fail("groups is {}, expected 1 or more", groups);
  const int64_t channels = x.shape()[1];
  if (channels != kUnknownDimension && weight.shape()[1] != kUnknownDimension &&
      channels != weight.shape()[1] * groups) {
    return fail("x {} has {} channels, weight {} with groups = {} expects {}", shape_text(x.shape()), channels,
                shape_text(weight.shape()), groups, weight.shape()[1] * groups);
  }
  Shape shape = {x.shape()[0], weight.shape()[0]};
  for (size_t axis = 0; axis < spatial; ++axis) {
    const int64_t padding = pad_type == "custom" ? pad[2 * axis] + pad[2 * axis + 1] : 0;
    const int64_t size =
        convolved(x.shape()[axis + 2], weight.shape()[axis + 2], strides[axis], dilations[axis], padding, pad_type);
    if (size < 1 && size != kUnknownDimension) return fail("the kernel is larger than x on axis {}", axis + 2);
    shape.push_back(size);
  }
  return std::vector<Type>{x.with_shape(std::move(shape))};
}

Types infer_conv_quantized(const Operation& operation) {
  constexpr std::string_view kTypes[] = {"linear", "lut"};
  MW_TRY(check_choice(operation, "quantization_type", kTypes));
  const int64_t bits = integer(operation, "nbits");
  if (bits < 1 || bits > 8) return fail("nbits is {}, expected 1 to 8", bits);
  return infer_conv(operation);
}

// "nchw,nwhu->nchu" and "chw,whu->chu", in any letters.
bool is_supported_equation(std::string equation) {
  std::erase(equation, ' ');
  std::vector<char> letters;
  std::string pattern;
  for (const char c : equation) {
    if (c == ',' || c == '-' || c == '>') {
      pattern += c;
      continue;
    }
    auto found = std::ranges::find(letters, c);
    if (found == letters.end()) found = letters.insert(letters.end(), c);
    pattern += static_cast<char>('a' + (found - letters.begin()));
  }
  return pattern == "abcd,adce->abce" || pattern == "abc,cbd->abd";
}

Types infer_einsum(const Operation& operation) {
  const Operand& values = *operation.find_operand("values");
  if (values.arguments.size() != 2) return fail("values has {} entries, expected 2", values.arguments.size());
  const Type& x = argument_type(values.arguments[0]);
  const Type& y = argument_type(values.arguments[1]);
  const std::string equation = text(operation, "equation");
  if (!is_supported_equation(equation)) {
    return fail("equation is \"{}\", expected nchw,nwhu->nchu or chw,whu->chu", equation);
  }
  const int64_t rank = std::ranges::count_if(equation.substr(0, equation.find(',')), [](char c) { return c != ' '; });
  if (x.rank() != rank || y.rank() != rank || x.element() != y.element()) {
    return fail("values are {} and {}, expected one element type and the rank of equation {}", type_text(x),
                type_text(y), equation);
  }
  const size_t first = static_cast<size_t>(rank) - 3;
  if (may_differ(x.shape()[first + 2], y.shape()[first])) {
    return fail("values {} and {}: the last axis of the first and axis {} of the second differ", shape_text(x.shape()),
                shape_text(y.shape()), first);
  }
  Shape x_batch = {x.shape()[first + 1]};
  Shape y_batch = {y.shape()[first + 1]};
  if (rank == 4) {
    x_batch.insert(x_batch.begin(), x.shape()[0]);
    y_batch.insert(y_batch.begin(), y.shape()[0]);
  }
  const auto batch = broadcast_shapes(x_batch, y_batch);
  if (!batch) return fail("values {} and {} do not broadcast", shape_text(x.shape()), shape_text(y.shape()));
  Shape shape = {x.shape()[first], batch->back(), y.shape()[first + 2]};
  if (rank == 4) shape.insert(shape.begin(), batch->front());
  return std::vector<Type>{x.with_shape(std::move(shape))};
}

Types infer_attention(const Operation& operation) {
  MW_ASSIGN(const Type query, ranked(operation, "query", 3, 5));
  MW_ASSIGN(const Type key, ranked(operation, "key", query.rank(), query.rank()));
  MW_ASSIGN(const Type value, ranked(operation, "value", query.rank(), query.rank()));
  if (key.element() != query.element() || value.element() != query.element()) {
    return fail("query is {}, key is {}, value is {}; expected one element type", type_text(query), type_text(key),
                type_text(value));
  }
  const size_t rows = query.shape().size() - 2;
  for (size_t axis = 0; axis < rows; ++axis) {
    if (may_differ(query.shape()[axis], key.shape()[axis]) || may_differ(query.shape()[axis], value.shape()[axis])) {
      return fail("query {}, key {} and value {} differ on axis {}", shape_text(query.shape()), shape_text(key.shape()),
                  shape_text(value.shape()), axis);
    }
  }
  if (may_differ(query.shape()[rows + 1], key.shape()[rows + 1])) {
    return fail("query {} and key {} differ on the last axis", shape_text(query.shape()), shape_text(key.shape()));
  }
  if (may_differ(key.shape()[rows], value.shape()[rows])) {
    return fail("key {} and value {} differ on axis {}", shape_text(key.shape()), shape_text(value.shape()), rows);
  }
  Shape scores = query.shape();
  scores[rows + 1] = key.shape()[rows];
  if (has_operand(operation, "attn_mask")) {
    const Type& mask = operand_type(operation, "attn_mask");
    const auto shape = broadcast_shapes(mask.shape(), scores);
    if (!shape ||
        !types_agree(Type::tensor(ElementType::boolean, *shape), Type::tensor(ElementType::boolean, scores))) {
      return fail("attn_mask {} does not broadcast to {}", shape_text(mask.shape()), shape_text(scores));
    }
    if (mask.element() != ElementType::boolean && mask.element() != query.element()) {
      return fail("attn_mask is {}, expected bool or {}", type_text(mask), element_name(query.element()));
    }
  }
  Shape shape = query.shape();
  shape[rows + 1] = value.shape()[rows + 1];
  return std::vector<Type>{query.with_shape(std::move(shape))};
}

}  // namespace

std::vector<OperationDefinition> products() {
  return {
      {"matmul",
       "ios15",
       "linear",
       {value("x"), value("y"), defaulted("transpose_x", Literal::boolean(false)),
        defaulted("transpose_y", Literal::boolean(false))},
       infer_matmul},
      {"linear", "ios15", "linear", {value("x"), value("weight"), optional_value("bias")}, infer_linear},
      {"conv",
       "ios15",
       "conv",
       {value("x"), value("weight"), optional_value("bias"), optional_constant("strides", Expect::integers),
        defaulted("pad_type", Literal::string("valid")), optional_constant("pad", Expect::integers),
        optional_constant("dilations", Expect::integers), defaulted("groups", Literal::int32(1))},
       infer_conv},
      {"conv_quantized",
       "ios15",
       "conv",
       {value("x"), value("weight"), constant("quantization_type", Expect::text), value("quant_scale"),
        value("quant_bias"), optional_value("bias"), optional_constant("strides", Expect::integers),
        defaulted("pad_type", Literal::string("valid")), optional_constant("pad", Expect::integers),
        optional_constant("dilations", Expect::integers), defaulted("groups", Literal::int32(1)),
        defaulted("nbits", Literal::int32(8))},
       infer_conv_quantized},
      {"einsum", "ios15", "linear", {list("values"), constant("equation", Expect::text)}, infer_einsum},
      {"scaled_dot_product_attention",
       "ios18",
       "attention",
       {value("query"), value("key"), value("value"), optional_value("attn_mask")},
       infer_attention},
  };
}

}  // namespace millwright::mil::operations
