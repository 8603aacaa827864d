// Every gradient rule against central differences, on random shapes, several seeds, and losses that make the gradient
// of the result dense, constant, or narrow along an axis.
#include <gmock/gmock.h>

#include <algorithm>
#include <set>

#include "autodiff/gradient_check.h"

namespace millwright::autodiff {
namespace {

using mil::Builder;
using mil::ElementType;
using mil::Literal;
using mil::operand;
using mil::Shape;
using mil::Value;
using Results = std::vector<Value*>;

constexpr uint64_t kSeeds = 4;

struct RuleCase {
  std::string kind;
  std::string what;  // what this case adds, for the test's name
  std::function<Results(RandomFunction&)> build;
};

Shape random_shape(RandomFunction& f) { return {f.size(), f.size(), f.size()}; }

RuleCase unary(const std::string& kind, double low = -1, double high = 1) {
  return {kind, "",
          [=](RandomFunction& f) { return Results{f.b().unary(kind, f.variable(random_shape(f), low, high))}; }};
}

RuleCase unary_with(const std::string& kind, const std::string& parameter, Literal literal, double low, double high,
                    const std::string& what = "") {
  return {kind, what, [=](RandomFunction& f) {
            Value* const x = f.variable(random_shape(f), low, high);
            return Results{f.b().emit(kind, {operand("x", x), operand(parameter, f.b().constant(literal))})};
          }};
}

// Two operands: of one shape, each broadcast, of lower rank, a constant second, and one value twice.
void add_binary(std::vector<RuleCase>& cases, const std::string& kind, double x_low, double x_high, double y_low,
                double y_high) {
  const auto add = [&](const std::string& what, const std::function<std::pair<Shape, Shape>(RandomFunction&)>& shapes) {
    cases.push_back({kind, what, [=](RandomFunction& f) {
                       const auto [x, y] = shapes(f);
                       Value* const left = f.variable(x, x_low, x_high);
                       return Results{f.b().binary(kind, left, f.variable(y, y_low, y_high))};
                     }});
  };
  add("SameShape", [](RandomFunction& f) {
    const Shape shape = random_shape(f);
    return std::pair{shape, shape};
  });
  add("BothBroadcast", [](RandomFunction& f) {
    const int64_t rows = f.size(2);
    const int64_t columns = f.size(2);
    return std::pair{Shape{2, rows, 1}, Shape{2, 1, columns}};
  });
  add("LowerRankOnTheRight", [](RandomFunction& f) {
    const int64_t columns = f.size(2);
    return std::pair{Shape{f.size(2), f.size(2), columns}, Shape{columns}};
  });
  add("LowerRankOnTheLeft", [](RandomFunction& f) {
    const int64_t rows = f.size(2);
    return std::pair{Shape{rows, 1}, Shape{f.size(2), rows, f.size(2)}};
  });
  add("ScalarOnTheRight", [](RandomFunction& f) { return std::pair{random_shape(f), Shape{}}; });
  cases.push_back({kind, "ConstantOnTheRight", [=](RandomFunction& f) {
                     Value* const x = f.variable(random_shape(f), x_low, x_high);
                     return Results{f.b().binary(kind, x, f.b().scalar_like(x, 0.75 * y_high))};
                   }});
}

void add_elementwise(std::vector<RuleCase>& cases) {
  for (const char* kind :
       {"abs", "atan", "cos", "cosh", "erf", "exp", "exp2", "identity", "sin", "sinh", "square", "tan", "tanh"}) {
    cases.push_back(unary(kind));
  }
  for (const char* kind : {"acos", "asin", "atanh"}) cases.push_back(unary(kind, -0.9, 0.9));
  for (const char* kind : {"ceil", "floor", "round", "sign"}) cases.push_back(unary(kind, 0.1, 0.4));
  cases.push_back(unary("sqrt", 0.2, 2));
  for (const char* kind : {"inverse", "log", "rsqrt"}) {
    cases.push_back(unary(kind, 0.3, 2));
    cases.push_back(unary_with(kind, "epsilon", Literal::number(ElementType::fp64, 0.25), 0.3, 2, "WithEpsilon"));
  }
  add_binary(cases, "add", -1, 1, -1, 1);
  add_binary(cases, "sub", -1, 1, -1, 1);
  add_binary(cases, "mul", -1, 1, -1, 1);
  add_binary(cases, "real_div", -1, 1, 0.5, 2);
  add_binary(cases, "pow", 0.3, 2, -2, 3);
  add_binary(cases, "maximum", -1, 1, -1, 1);
  add_binary(cases, "minimum", -1, 1, -1, 1);
  add_binary(cases, "mod", 4.1, 4.4, 1.6, 1.9);
  add_binary(cases, "floor_div", 4.1, 4.4, 1.6, 1.9);
  for (const char* kind : {"add", "sub", "mul", "maximum"}) {
    cases.push_back({kind, "OneValueTwice", [=](RandomFunction& f) {
                       Value* const x = f.variable(random_shape(f));
                       return Results{f.b().binary(kind, x, x)};
                     }});
  }
  for (const double exponent : {1.0, 2.0, 3.0, -0.5}) {
    cases.push_back(
        {"pow", "ConstantExponent" + std::to_string(static_cast<int>(10 * exponent + 10)), [=](RandomFunction& f) {
           Value* const x = f.variable(random_shape(f), 0.3, 2);
           return Results{f.b().binary("pow", x, f.b().scalar_like(x, exponent))};
         }});
  }
  cases.push_back({"mul", "LiteralOperand", [](RandomFunction& f) {
                     mil::Operation* const operation = f.function().block().add_operation("mul");
                     Value* const x = f.variable({3, 2});
                     operation->add_operand(operand("x", x));
                     const mil::Type row = mil::Type::tensor(ElementType::fp64, {2});
                     operation->add_operand({"y", {Literal::numbers(row, std::vector<double>{1.5, -2})}, false});
                     return Results{operation->add_result(f.function().unique_name("product"), x->type())};
                   }});
  cases.push_back({"cast", "ToFp32AndBack", [](RandomFunction& f) {
                     Value* const x = f.variable(random_shape(f));
                     return Results{f.b().cast(f.b().cast(x, ElementType::fp32), ElementType::fp64)};
                   }});
  cases.push_back({"clip", "", [](RandomFunction& f) {
                     Value* const x = f.variable(random_shape(f));
                     return Results{f.b().emit("clip", {operand("x", x), operand("alpha", f.b().scalar_like(x, -0.4)),
                                                        operand("beta", f.b().scalar_like(x, 0.5))})};
                   }});
  cases.push_back(
      {"select", "Broadcast", [](RandomFunction& f) {
         const int64_t rows = f.size(2);
         const int64_t columns = f.size(2);
         Value* const condition = f.b().binary("greater", f.fixed({rows, columns}), f.fixed({2, 1, columns}));
         return Results{f.b().select(condition, f.variable({rows, 1}), f.variable({columns}))};
       }});
}

void add_activations(std::vector<RuleCase>& cases) {
  for (const char* kind : {"relu", "sigmoid", "silu", "softplus", "softsign"}) cases.push_back(unary(kind, -3, 3));
  cases.push_back(unary("relu6", -3, 9));
  for (const char* kind : {"elu", "leaky_relu", "thresholded_relu"}) {
    cases.push_back(unary_with(kind, "alpha", Literal::number(ElementType::fp64, 0.3), -2, 2));
  }
  for (const char* mode : {"EXACT", "TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"}) {
    const std::string name = mode;
    cases.push_back(unary_with("gelu", "mode", Literal::string(mode), -2, 2, name.substr(0, name.find('_'))));
  }
  for (const int64_t axis : {-1, 0, 1}) {
    cases.push_back({"softmax", "Axis" + std::to_string(axis + 3), [=](RandomFunction& f) {
                       return Results{f.b().softmax(f.variable(random_shape(f), -2, 2), axis)};
                     }});
  }
  const auto layer_norm = [](RandomFunction& f, const Shape& shape, const std::vector<int64_t>& axes,
                             const Shape& parameter) {
    std::vector<mil::Operand> operands = {operand("x", f.variable(shape)),
                                          operand("epsilon", f.b().scalar(ElementType::fp64, 0.1))};
    if (!axes.empty()) operands.push_back(operand("axes", f.b().int32_vector(axes)));
    if (!parameter.empty()) {
      operands.push_back(operand("gamma", f.variable(parameter)));
      operands.push_back(operand("beta", f.variable(parameter)));
    }
    return Results{f.b().emit("layer_norm", std::move(operands))};
  };
  cases.push_back({"layer_norm", "LastAxes", [=](RandomFunction& f) {
                     const Shape shape = {f.size(), f.size(2), f.size(2)};
                     return layer_norm(f, shape, {1, -1}, {shape[1], shape[2]});
                   }});
  cases.push_back({"layer_norm", "MiddleAxis", [=](RandomFunction& f) {
                     const Shape shape = {f.size(), f.size(2), f.size()};
                     return layer_norm(f, shape, {1}, {shape[1]});
                   }});
  cases.push_back({"layer_norm", "AllAxesWithoutParameters", [=](RandomFunction& f) {
                     return layer_norm(f, {f.size(2), f.size(2)}, {}, {});
                   }});
}

void add_products(std::vector<RuleCase>& cases) {
  struct Batches {
    std::string what;
    Shape x, y;
  };
  const std::vector<Batches> batches = {{"Matrices", {}, {}},         {"Batched", {2, 3}, {2, 3}},
                                        {"WeightOnTheLeft", {}, {3}}, {"WeightOnTheRight", {2, 2}, {}},
                                        {"Grouped", {2, 3}, {2, 1}},  {"BothBroadcast", {2, 1}, {1, 3}},
                                        {"LowerRank", {3}, {2, 3}}};
  for (const Batches& batch : batches) {
    for (const bool transpose_x : {false, true}) {
      for (const bool transpose_y : {false, true}) {
        const std::string what = batch.what + (transpose_x ? "T" : "N") + (transpose_y ? "T" : "N");
        cases.push_back({"matmul", what, [=](RandomFunction& f) {
                           const int64_t rows = f.size();
                           const int64_t inner = f.size();
                           const int64_t columns = f.size();
                           Shape x = batch.x;
                           Shape y = batch.y;
                           x.insert(x.end(), {transpose_x ? inner : rows, transpose_x ? rows : inner});
                           y.insert(y.end(), {transpose_y ? columns : inner, transpose_y ? inner : columns});
                           Value* const left = f.variable(x);
                           return Results{f.b().matmul(left, f.variable(y), transpose_x, transpose_y)};
                         }});
      }
    }
  }
  cases.push_back({"matmul", "VectorOnTheLeft", [](RandomFunction& f) {
                     const int64_t inner = f.size();
                     Value* const x = f.variable({inner});
                     return Results{f.b().matmul(x, f.variable({2, inner, f.size()}))};
                   }});
  cases.push_back({"matmul", "VectorOnTheRight", [](RandomFunction& f) {
                     const int64_t inner = f.size();
                     Value* const x = f.variable({2, inner, f.size()});
                     return Results{f.b().matmul(x, f.variable({inner}), true, false)};
                   }});
  cases.push_back({"matmul", "TwoVectors", [](RandomFunction& f) {
                     const int64_t inner = f.size();
                     Value* const x = f.variable({inner});
                     return Results{f.b().matmul(x, f.variable({inner}))};
                   }});
  cases.push_back({"matmul", "OneValueTwice", [](RandomFunction& f) {
                     Value* const x = f.variable({f.size(), f.size()});
                     return Results{f.b().matmul(x, x, false, true)};
                   }});
  for (const int rank : {1, 3}) {
    cases.push_back({"linear", "Rank" + std::to_string(rank), [=](RandomFunction& f) {
                       const int64_t inputs = f.size();
                       const int64_t outputs = f.size();
                       const Shape shape = rank == 1 ? Shape{inputs} : Shape{f.size(), f.size(), inputs};
                       return Results{f.b().emit(
                           "linear", {operand("x", f.variable(shape)), operand("weight", f.variable({outputs, inputs})),
                                      operand("bias", f.variable({outputs}))})};
                     }});
  }
  const auto conv = [](RandomFunction& f, const Shape& spatial, const Shape& kernel, const std::string& pad_type,
                       const std::vector<int64_t>& pad) {
    const int64_t inputs = f.size();
    const int64_t outputs = f.size();
    Shape x = {f.size(), inputs};
    Shape weight = {outputs, inputs};
    x.insert(x.end(), spatial.begin(), spatial.end());
    weight.insert(weight.end(), kernel.begin(), kernel.end());
    std::vector<mil::Operand> operands = {operand("x", f.variable(x)), operand("weight", f.variable(weight)),
                                          operand("bias", f.variable({outputs})),
                                          operand("pad_type", f.b().text(pad_type))};
    if (!pad.empty()) operands.push_back(operand("pad", f.b().int32_vector(pad)));
    return Results{f.b().emit("conv", std::move(operands))};
  };
  cases.push_back({"conv", "OneTap", [=](RandomFunction& f) { return conv(f, {1, f.size()}, {1, 1}, "valid", {}); }});
  cases.push_back({"conv", "Valid", [=](RandomFunction& f) { return conv(f, {3, 4}, {2, 3}, "valid", {}); }});
  cases.push_back({"conv", "Same", [=](RandomFunction& f) { return conv(f, {3, 4}, {2, 3}, "same", {}); }});
  cases.push_back({"conv", "SameLower", [=](RandomFunction& f) { return conv(f, {4}, {2}, "same_lower", {}); }});
  cases.push_back({"conv", "CustomPad", [=](RandomFunction& f) {
                     return conv(f, {3, 2}, {3, 2}, "custom", {2, 0, 1, 1});
                   }});
}

void add_reductions(std::vector<RuleCase>& cases) {
  const std::vector<std::pair<std::string, std::vector<int64_t>>> axes = {
      {"All", {}}, {"First", {0}}, {"Last", {-1}}, {"Outer", {0, 2}}};
  for (const char* kind : {"reduce_l1_norm", "reduce_l2_norm", "reduce_log_sum", "reduce_log_sum_exp", "reduce_max",
                           "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "reduce_sum_square"}) {
    const double low = std::string_view(kind) == "reduce_log_sum" ? 0.2 : -1;
    for (const auto& [what, list] : axes) {
      for (const bool keep_dims : {false, true}) {
        cases.push_back({kind, what + (keep_dims ? "Kept" : ""), [=](RandomFunction& f) {
                           return Results{f.b().reduce(kind, f.variable(random_shape(f), low, 1), list, keep_dims)};
                         }});
      }
    }
  }
  for (const std::vector<double>& numbers : {std::vector<double>{2, 0, 3}, std::vector<double>{0, 0, 3}}) {
    cases.push_back({"reduce_prod", "Zeros" + std::to_string(static_cast<int>(numbers[0])), [=](RandomFunction& f) {
                       Value* const zeros = f.input(mil::Type::tensor(ElementType::fp64, {3}), numbers);
                       return Results{f.b().reduce("reduce_prod", f.b().mul(f.variable({3}, 0.5, 1), zeros),
                                                   std::vector<int64_t>{0}, false),
                                      f.b().reduce("reduce_prod", f.b().add(f.variable({3}, -1e-9, 1e-9), zeros),
                                                   std::vector<int64_t>{0}, false)};
                     }});
  }
  for (const bool exclusive : {false, true}) {
    for (const bool reverse : {false, true}) {
      const std::string what = std::string(exclusive ? "Exclusive" : "Inclusive") + (reverse ? "Reverse" : "");
      cases.push_back({"cumsum", what, [=](RandomFunction& f) {
                         return Results{f.b().emit(
                             "cumsum", {operand("x", f.variable(random_shape(f))), operand("axis", f.b().int32(1)),
                                        operand("exclusive", f.b().boolean(exclusive)),
                                        operand("reverse", f.b().boolean(reverse))})};
                       }});
    }
  }
}

void add_shapes(std::vector<RuleCase>& cases) {
  using Axes = std::vector<int64_t>;
  cases.push_back({"reshape", "Merging", [](RandomFunction& f) {
                     return Results{f.b().reshape(f.variable({2, f.size(), 3}), {3, -1})};
                   }});
  cases.push_back({"reshape", "OnesOnly", [](RandomFunction& f) {
                     const int64_t size = f.size(2);
                     return Results{f.b().reshape(f.variable({1, size, 3, 1}), {size, 1, 3})};
                   }});
  cases.push_back({"expand_dims", "", [](RandomFunction& f) {
                     return Results{f.b().expand_dims(f.variable({f.size(), f.size()}), Axes{0, -1})};
                   }});
  cases.push_back({"squeeze", "", [](RandomFunction& f) {
                     return Results{f.b().squeeze(f.variable({f.size(), 1, f.size()}), Axes{1})};
                   }});
  cases.push_back(
      {"transpose", "", [](RandomFunction& f) {
         return Results{f.b().transpose(f.variable({f.size(), f.size(), f.size(), f.size()}), Axes{2, 0, -1, 1})};
       }});
  for (const bool interleave : {false, true}) {
    cases.push_back({"concat", interleave ? "Interleaved" : "", [=](RandomFunction& f) {
                       const int64_t rows = f.size();
                       const int64_t columns = f.size();
                       const Results values = {f.variable({rows, columns, 2}),
                                               f.variable({rows, interleave ? columns : f.size(), 2}),
                                               f.fixed({rows, columns, 2})};
                       return Results{f.b().emit("concat", {operand("values", values), operand("axis", f.b().int32(-2)),
                                                            operand("interleave", f.b().boolean(interleave))})};
                     }});
  }
  cases.push_back({"concat", "OneValueTwice", [](RandomFunction& f) {
                     Value* const x = f.variable({f.size(), 2});
                     return Results{f.b().concat(Results{x, x}, 0)};
                   }});
  cases.push_back({"stack", "", [](RandomFunction& f) {
                     const Shape shape = {f.size(), f.size()};
                     const Results values = {f.variable(shape), f.fixed(shape), f.variable(shape)};
                     return Results{f.b().emit("stack", {operand("values", values), operand("axis", f.b().int32(1))})};
                   }});
  cases.push_back({"split", "Equal", [](RandomFunction& f) {
                     return f.b().emit_all("split",
                                           {operand("x", f.variable({f.size(), 6})), operand("axis", f.b().int32(1)),
                                            operand("num_splits", f.b().int32(3))});
                   }});
  cases.push_back({"split", "OnePieceUnused", [](RandomFunction& f) {
                     Results pieces = f.b().emit_all(
                         "split", {operand("x", f.variable({5, f.size()})), operand("axis", f.b().int32(-2)),
                                   operand("split_sizes", f.b().int32_vector(Axes{2, 1, 2}))});
                     pieces.erase(pieces.begin() + 1);
                     return pieces;
                   }});
  for (const char* mode : {"constant", "reflect", "replicate"}) {
    cases.push_back(
        {"pad", mode, [=](RandomFunction& f) {
           Value* const x = f.variable({f.size(), 3, 4});
           return Results{f.b().emit(
               "pad", {operand("x", x), operand("pad", f.b().int32_vector(Axes{1, 2, 0, 3})),
                       operand("mode", f.b().text(mode)), operand("constant_val", f.b().scalar_like(x, 0.5))})};
         }});
  }
  cases.push_back({"tile", "", [](RandomFunction& f) {
                     return Results{f.b().tile(f.variable({f.size(), f.size(), f.size()}), Axes{2, 1, 3})};
                   }});
  cases.push_back({"reverse", "", [](RandomFunction& f) {
                     return Results{f.b().emit("reverse", {operand("x", f.variable(random_shape(f))),
                                                           operand("axes", f.b().int32_vector(Axes{0, -1}))})};
                   }});
  cases.push_back(
      {"band_part", "", [](RandomFunction& f) {
         return Results{f.b().emit("band_part", {operand("x", f.variable({2, f.size(3), f.size(3)})),
                                                 operand("lower", f.b().int32(-1)), operand("upper", f.b().int32(0))})};
       }});
}

void add_fills(std::vector<RuleCase>& cases) {
  cases.push_back({"fill", "", [](RandomFunction& f) {
                     return Results{f.b().emit("fill", {operand("shape", f.b().int32_vector(Shape{2, f.size()})),
                                                        operand("value", f.variable({}))})};
                   }});
  cases.push_back({"fill_like", "", [](RandomFunction& f) {
                     return Results{f.b().emit("fill_like", {operand("ref_tensor", f.variable({2, f.size()})),
                                                             operand("value", f.variable({}))})};
                   }});
}

void add_slices(std::vector<RuleCase>& cases) {
  using Axes = std::vector<int64_t>;
  const auto by_index = [](RandomFunction& f, Value* x, const Axes& begin, const Axes& end, const Axes& stride,
                           const std::vector<bool>& squeeze) {
    return f.b().emit("slice_by_index",
                      {operand("x", x), operand("begin", f.b().int32_vector(begin)),
                       operand("end", f.b().int32_vector(end)), operand("stride", f.b().int32_vector(stride)),
                       operand("squeeze_mask", f.b().constant(Literal::bool_vector(squeeze)))});
  };
  cases.push_back({"slice_by_index", "Plain", [=](RandomFunction& f) {
                     return Results{by_index(f, f.variable({4, 5}), {1, -3}, {4, -1}, {1, 1}, {false, false})};
                   }});
  cases.push_back({"slice_by_index", "Squeezed", [=](RandomFunction& f) {
                     return Results{by_index(f, f.variable({4, f.size()}), {-2, 0}, {0, 9}, {1, 1}, {true, false})};
                   }});
  cases.push_back({"slice_by_index", "Strided", [=](RandomFunction& f) {
                     return Results{by_index(f, f.variable({6, 5}), {4, 0}, {0, 5}, {-2, 3}, {false, false})};
                   }});
  cases.push_back({"slice_by_size", "", [](RandomFunction& f) {
                     return Results{f.b().slice(f.variable({4, 5}), Axes{1, -3}, Axes{-1, 2})};
                   }});
  cases.push_back({"slice_by_size", "HalvesOfOneValue", [](RandomFunction& f) {
                     Value* const x = f.variable({f.size(), 6});
                     return Results{f.b().slice(x, Axes{0, 3}, Axes{-1, 3}), f.b().slice(x, Axes{0, 0}, Axes{-1, 3})};
                   }});
  cases.push_back({"slice_by_size", "OverlappingParts", [](RandomFunction& f) {
                     Value* const x = f.variable({4, 6});
                     return Results{f.b().slice(x, Axes{0, 1}, Axes{-1, 3}), f.b().slice(x, Axes{0, 2}, Axes{3, 4}), x};
                   }});
  for (const int64_t first : {1, -3}) {
    cases.push_back(
        {"slice_by_size", first > 0 ? "RunTimeBegin" : "NegativeRunTimeBegin", [=](RandomFunction& f) {
           Value* const x = f.variable({4, 3});
           Value* const begin = f.input(mil::Type::tensor(ElementType::int32, {2}), {static_cast<double>(first), 0});
           return Results{f.b().emit("slice_by_size", {operand("x", x), operand("begin", begin),
                                                       operand("size", f.b().int32_vector(Axes{3, 2}))})};
         }});
  }
  cases.push_back({"slice_update", "", [](RandomFunction& f) {
                     Value* const x = f.variable({4, 5});
                     return Results{f.b().emit("slice_update", {operand("x", x), operand("update", f.variable({2, 2})),
                                                                operand("begin", f.b().int32_vector(Axes{1, 0})),
                                                                operand("end", f.b().int32_vector(Axes{3, 4})),
                                                                operand("stride", f.b().int32_vector(Axes{1, 2}))})};
                   }});
}

void add_gathers(std::vector<RuleCase>& cases) {
  using Axes = std::vector<int64_t>;
  for (const int64_t axis : {0, 1}) {
    cases.push_back({"gather", "Axis" + std::to_string(axis), [=](RandomFunction& f) {
                       Value* const x = f.variable({4, 4, f.size()});
                       return Results{f.b().gather(x, f.integers({2, f.size()}, -4, 4), axis)};
                     }});
  }
  cases.push_back({"gather", "ScalarIndex", [](RandomFunction& f) {
                     return Results{f.b().gather(f.variable({3, f.size()}), f.integers({}, 0, 3), 0)};
                   }});
  for (const int64_t axis : {1, 2, 3}) {
    cases.push_back({"gather", "BatchedAxis" + std::to_string(axis), [=](RandomFunction& f) {
                       Shape shape = {2, f.size(), f.size(), f.size()};
                       shape[static_cast<size_t>(axis)] = 3;
                       Value* const x = f.variable(shape);
                       Value* const indices = f.integers({2, 2, f.size()}, -3, 3);
                       return Results{f.b().emit(
                           "gather", {operand("x", x), operand("indices", indices), operand("axis", f.b().int32(axis)),
                                      operand("batch_dims", f.b().int32(1))})};
                     }});
  }
  cases.push_back({"gather_along_axis", "", [](RandomFunction& f) {
                     const int64_t columns = f.size();
                     Value* const x = f.variable({2, 3, columns});
                     return Results{f.b().gather_along_axis(x, f.integers({2, f.size(), columns}, -3, 3), 1)};
                   }});
  // Indices that differ from each other, so that every mode has a gradient.
  for (const char* mode : {"add", "sub", "update", "mul", "div"}) {
    cases.push_back({"scatter", mode, [=](RandomFunction& f) {
                       const int64_t columns = f.size();
                       Value* const data = f.variable({columns, 4});
                       return Results{f.b().emit(
                           "scatter", {operand("data", data), operand("indices", f.b().int32_vector(Axes{2, -1})),
                                       operand("updates", f.variable({columns, 2}, 0.5, 2)),
                                       operand("axis", f.b().int32(1)), operand("mode", f.b().text(mode))})};
                     }});
    cases.push_back({"scatter_along_axis", mode, [=](RandomFunction& f) {
                       const mil::Type type = mil::Type::tensor(ElementType::int32, {2, 3});
                       Value* const indices = f.input(type, {0, 2, -1, 1, 1, 0});
                       return Results{f.b().emit("scatter_along_axis",
                                                 {operand("data", f.variable({4, 3})), operand("indices", indices),
                                                  operand("updates", f.variable({2, 3}, 0.5, 2)),
                                                  operand("axis", f.b().int32(0)), operand("mode", f.b().text(mode))})};
                     }});
  }
  cases.push_back({"scatter", "RepeatedIndices", [](RandomFunction& f) {
                     Value* const data = f.variable({3, 2});
                     return Results{f.b().scatter_add(data, f.integers({5}, 0, 3), f.variable({5, 2}), 0)};
                   }});
}

const std::vector<RuleCase>& all_cases() {
  static const std::vector<RuleCase> all = [] {
    std::vector<RuleCase> cases;
    add_elementwise(cases);
    add_activations(cases);
    add_products(cases);
    add_reductions(cases);
    add_shapes(cases);
    add_fills(cases);
    add_slices(cases);
    add_gathers(cases);
    return cases;
  }();
  return all;
}

// The losses: what gradient the results get.
Value* weighted(RandomFunction& f, Value* result) {  // another number for each element
  return f.b().mul(result, f.fixed(result->shape()));
}
Value* plain(RandomFunction&, Value* result) { return result; }  // a constant
Value* narrow_in_front(RandomFunction& f, Value* result) {       // one number for each index of the last axis
  if (result->shape().size() < 2) return result;
  std::vector<int64_t> axes;
  for (int64_t axis = 0; axis + 1 < result->type().rank(); ++axis) axes.push_back(axis);
  Value* const sums = f.b().reduce("reduce_sum", result, axes, false);
  return f.b().mul(sums, f.fixed(sums->shape()));
}

Value* narrow_behind(RandomFunction& f, Value* result) {  // one number for each index of the first axis
  if (result->shape().size() < 2) return result;
  std::vector<int64_t> axes;
  for (int64_t axis = 1; axis < result->type().rank(); ++axis) axes.push_back(axis);
  Value* const means = f.b().reduce("reduce_mean", result, axes, true);
  return f.b().mul(means, f.fixed(means->shape()));
}

class GradientRules : public testing::TestWithParam<size_t> {
 protected:
  void check(Value* (*weigh)(RandomFunction&, Value*), const char* reduction) {
    const RuleCase& rule_case = all_cases()[GetParam()];
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      SCOPED_TRACE("seed " + std::to_string(seed));
      RandomFunction f(seed);
      const Results results = rule_case.build(f);
      ASSERT_GT(count_operations(f.function(), rule_case.kind), 0);
      Value* loss = nullptr;
      for (Value* result : results) {
        Value* const part = f.b().reduce(reduction, weigh(f, result), std::vector<int64_t>{}, false);
        loss = loss == nullptr ? part : f.b().add(loss, part);
      }
      check_gradients(f, loss);
      if (HasFatalFailure()) return;
    }
  }
};

TEST_P(GradientRules, AgreeWithDifferencesUnderAWeightedSum) { check(weighted, "reduce_sum"); }
TEST_P(GradientRules, AgreeWithDifferencesUnderAMean) { check(plain, "reduce_mean"); }
TEST_P(GradientRules, AgreeWithDifferencesUnderAGradientNarrowInFront) { check(narrow_in_front, "reduce_sum"); }
TEST_P(GradientRules, AgreeWithDifferencesUnderAGradientNarrowBehind) { check(narrow_behind, "reduce_sum"); }

std::string case_name(const testing::TestParamInfo<size_t>& parameter) {
  const RuleCase& rule_case = all_cases()[parameter.param];
  return rule_case.kind + "_" + rule_case.what;
}
INSTANTIATE_TEST_SUITE_P(Every, GradientRules, testing::Range(size_t{0}, all_cases().size()), case_name);

TEST(GradientRuleTable, HasATestForEveryRule) {
  std::set<std::string> tested;
  for (const RuleCase& rule_case : all_cases()) tested.insert(rule_case.kind);
  std::set<std::string> ruled;
  for (const std::string_view kind : differentiable_kinds()) ruled.emplace(kind);
  EXPECT_EQ(tested, ruled);
}

}  // namespace
}  // namespace millwright::autodiff
