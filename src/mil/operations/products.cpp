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

bool may_differ(int64_t a, int64_t b) { return a != b && a != kUnknownDimension && b != kUnknownDimension; }

Types infer_matmul(const Operation& operation) {
  MW_ASSIGN(const ElementType element, common_element(operation, "x", "y"));
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
    if (bias.shape() != Shape{weight.shape()[0]}) {
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
  };
}

}  // namespace millwright::mil::operations
