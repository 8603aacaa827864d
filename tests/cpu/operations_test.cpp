// Every operation of the executor against the reference interpreter, on random shapes.
#include <set>

#include "autodiff/backward.h"
#include "cpu/kernel_table.h"
#include "operation_examples.h"

namespace millwright::cpu {
namespace {

using mil::Literal;
using mil::Shape;
using mil::Value;

constexpr uint64_t kSeeds = 8;

void add_unary(std::vector<Example>& examples, std::string kind, double low, double high) {
  examples.push_back(
      {kind, [=](TestFunction& f) { return f.b().unary(kind, viewed(f, f.shape(1 + f.below(4)), low, high)); }});
}

void add_binary(std::vector<Example>& examples, std::string kind, double low, double high) {
  examples.push_back({kind, [=](TestFunction& f) {
                        const Shape shape = f.shape(1 + f.below(4));
                        return f.b().binary(kind, viewed(f, shape, low, high),
                                            viewed(f, narrowed(f, shape), low, high));
                      }});
}

void add_integer_binary(std::vector<Example>& examples, std::string kind) {
  examples.push_back({kind + " of integers", [=](TestFunction& f) {
                        const Shape shape = f.shape(2);
                        return f.b().binary(kind, f.integers(shape, -9, 10), f.integers(narrowed(f, shape), 1, 5));
                      }});
}

std::vector<Example> elementwise_examples() {
  std::vector<Example> all;
  for (const char* kind : {"abs",      "ceil",     "cos",    "erf",  "exp",  "exp2",     "floor",   "round",
                           "sign",     "sin",      "square", "tanh", "relu", "relu6",    "sigmoid", "silu",
                           "softplus", "softsign", "atan",   "sinh", "cosh", "identity", "gelu"}) {
    add_unary(all, kind, -4, 4);
  }
  add_unary(all, "sqrt", 0, 9);
  for (const char* kind : {"acos", "asin", "atanh", "tan"}) add_unary(all, kind, -0.9, 0.9);
  for (const char* kind : {"log", "rsqrt", "inverse"}) add_unary(all, kind, 0.5, 4);
  for (const char* kind : {"add", "sub", "mul", "maximum", "minimum", "equal", "greater", "greater_equal", "less",
                           "less_equal", "not_equal"}) {
    add_binary(all, kind, -2, 2);
    add_integer_binary(all, kind);
  }
  for (const char* kind : {"real_div", "floor_div", "mod", "pow"}) add_binary(all, kind, 0.5, 3);
  for (const char* kind : {"floor_div", "mod"}) add_integer_binary(all, kind);
  for (const char* kind : {"logical_and", "logical_or", "logical_xor"}) {
    all.push_back({kind, [=](TestFunction& f) {
                     const Shape shape = f.shape(2);
                     return f.b().binary(kind, f.booleans(shape), f.booleans(narrowed(f, shape)));
                   }});
  }
  all.push_back({"logical_not", [](TestFunction& f) { return f.b().unary("logical_not", f.booleans(f.shape(3))); }});
  all.push_back({"select", [](TestFunction& f) {
                   const Shape shape = f.shape(3);
                   return f.b().select(f.booleans(narrowed(f, shape)), viewed(f, shape), f.floats(narrowed(f, shape)));
                 }});
  all.push_back(
      {"cast", [](TestFunction& f) { return f.b().cast(viewed(f, f.shape(2), -5, 5), mil::ElementType::int32); }});
  for (const char* kind : {"elu", "leaky_relu", "thresholded_relu"}) {
    all.push_back(
        {kind, [=](TestFunction& f) {
           return f.b().emit(kind, {mil::operand("x", viewed(f, f.shape(2))), mil::operand("alpha", f.scalar(0.3))});
         }});
  }
  for (const char* mode : {"TANH_APPROXIMATION", "SIGMOID_APPROXIMATION"}) {
    all.push_back(
        {"gelu", [=](TestFunction& f) {
           return f.b().emit("gelu", {mil::operand("x", viewed(f, f.shape(2), -3, 3)), text(f, "mode", mode)});
         }});
  }
  all.push_back({"clip", [](TestFunction& f) {
                   return f.b().emit("clip",
                                     {mil::operand("x", viewed(f, f.shape(3))), mil::operand("alpha", f.scalar(-0.4)),
                                      mil::operand("beta", f.scalar(0.6))});
                 }});
  return all;
}

std::vector<Example> product_examples() {
  std::vector<Example> all;
  all.push_back({"matmul", [](TestFunction& f) {
                   const bool transpose_x = f.below(2) == 1;
                   const bool transpose_y = f.below(2) == 1;
                   Shape batch = f.shape(f.below(4), 3);
                   const int64_t m = f.size(20), n = f.size(20), k = f.size(20);
                   Shape x = narrowed(f, batch);
                   Shape y = f.below(2) == 0 ? batch : narrowed(f, batch);
                   x.insert(x.end(), {transpose_x ? k : m, transpose_x ? m : k});
                   y.insert(y.end(), {transpose_y ? n : k, transpose_y ? k : n});
                   return f.b().matmul(viewed(f, x), viewed(f, y), transpose_x, transpose_y);
                 }});
  all.push_back({"matmul of vectors", [](TestFunction& f) {
                   const int64_t k = f.size(20);
                   const Shape matrix = {f.size(3), k, k};
                   return f.below(2) == 0 ? f.b().matmul(f.floats({k}), viewed(f, matrix))
                                          : f.b().matmul(viewed(f, matrix), f.floats({k}));
                 }});
  // Five batch axes that do not collapse: more than the kernel takes at once.
  all.push_back({"matmul with many batch axes", [](TestFunction& f) {
                   Value* x = f.b().transpose(f.floats({2, 3, 2, 4, 5}), std::vector<int64_t>{2, 0, 1, 3, 4});
                   Value* y = f.b().transpose(f.floats({2, 2, 3, 5, 3}), std::vector<int64_t>{1, 0, 2, 3, 4});
                   return f.b().matmul(x, y);
                 }});
  all.push_back({"linear", [](TestFunction& f) {
                   const int64_t in = f.size(12), out = f.size(12);
                   Shape x = f.shape(1 + f.below(2));
                   x.push_back(in);
                   std::vector<mil::Operand> operands = {mil::operand("x", viewed(f, x)),
                                                         mil::operand("weight", f.floats({out, in}))};
                   if (f.below(2) == 0) operands.push_back(mil::operand("bias", f.floats({out})));
                   return f.b().emit("linear", std::move(operands));
                 }});
  for (const char* pad_type : {"valid", "same", "same_lower", "custom"}) {
    all.push_back({"conv", [=](TestFunction& f) {
                     const int64_t groups = f.size(2), in = groups * f.size(3), out = groups * f.size(3);
                     const int64_t kernel = f.size(3);
                     std::vector<mil::Operand> operands = {
                         mil::operand("x", viewed(f, {f.size(2), in, 7, 6})),
                         mil::operand("weight", f.floats({out, in / groups, kernel, f.size(3)})),
                         integers(f, "strides", {f.size(2), f.size(2)}),
                         integers(f, "dilations", {f.size(2), 1}),
                         integer(f, "groups", groups),
                         text(f, "pad_type", pad_type)};
                     if (std::string(pad_type) == "custom") operands.push_back(integers(f, "pad", {1, 0, 2, 1}));
                     if (f.below(2) == 0) operands.push_back(mil::operand("bias", f.floats({out})));
                     return f.b().emit("conv", std::move(operands));
                   }});
  }
  return all;
}

std::vector<Example> reduction_examples() {
  std::vector<Example> all;
  const auto axes_of = [](TestFunction& f, int64_t rank) {
    std::vector<int64_t> axes;
    for (int64_t axis = 0; axis < rank; ++axis) {
      if (f.below(2) == 0) axes.push_back(f.below(2) == 0 ? axis : axis - rank);
    }
    if (axes.empty()) axes.push_back(f.below(rank));
    return axes;
  };
  for (const char* kind : {"reduce_l1_norm", "reduce_l2_norm", "reduce_log_sum", "reduce_log_sum_exp", "reduce_max",
                           "reduce_mean", "reduce_min", "reduce_prod", "reduce_sum", "reduce_sum_square"}) {
    all.push_back({kind, [=](TestFunction& f) {
                     const int64_t rank = 1 + f.below(4);
                     Value* x = viewed(f, f.shape(rank), 0.2, 1.5);
                     return f.b().reduce(kind, x, axes_of(f, rank), f.below(2) == 0);
                   }});
  }
  for (const char* kind :
       {"reduce_sum", "reduce_max", "reduce_min", "reduce_prod", "reduce_sum_square", "reduce_l1_norm"}) {
    all.push_back({std::string(kind) + " of integers", [=](TestFunction& f) {
                     return f.b().reduce(kind, f.integers(f.shape(3, 4), -2, 3), axes_of(f, 3), f.below(2) == 0);
                   }});
  }
  for (const char* kind : {"reduce_argmax", "reduce_argmin"}) {
    all.push_back({kind, [=](TestFunction& f) {
                     const int64_t rank = 1 + f.below(3);
                     Value* x = f.below(2) == 0 ? viewed(f, f.shape(rank)) : f.integers(f.shape(rank), -3, 4);
                     return f.b().emit(kind, {mil::operand("x", x), integer(f, "axis", f.below(rank)),
                                              flag(f, "keep_dims", f.below(2) == 0)});
                   }});
  }
  all.push_back({"cumsum", [](TestFunction& f) {
                   const int64_t rank = 1 + f.below(3);
                   Value* x = f.below(2) == 0 ? viewed(f, f.shape(rank)) : f.integers(f.shape(rank), -3, 4);
                   return f.b().emit("cumsum",
                                     {mil::operand("x", x), integer(f, "axis", f.below(rank)),
                                      flag(f, "exclusive", f.below(2) == 0), flag(f, "reverse", f.below(2) == 0)});
                 }});
  all.push_back({"softmax", [](TestFunction& f) {
                   const int64_t rank = 1 + f.below(4);
                   return f.b().softmax(viewed(f, f.shape(rank), -3, 3), f.below(rank));
                 }});
  all.push_back({"layer_norm", [](TestFunction& f) {
                   const Shape shape = {f.size(), f.size(), 1 + f.size()};
                   return f.b().emit("layer_norm", {mil::operand("x", viewed(f, shape)), integers(f, "axes", {1, 2}),
                                                    mil::operand("gamma", f.floats({shape[1], shape[2]})),
                                                    mil::operand("beta", f.floats({shape[1], shape[2]}))});
                 }});
  return all;
}

std::vector<Example> shape_examples() {
  std::vector<Example> all;
  all.push_back({"reshape", [](TestFunction& f) {
                   Value* x = f.b().transpose(f.floats({4, 6, 5}), std::vector<int64_t>{1, 0, 2});
                   return f.b().reshape(x, f.below(2) == 0 ? Shape{2, 3, 4, 5} : Shape{12, 10});
                 }});
  all.push_back({"transpose", [](TestFunction& f) {
                   return f.b().transpose(f.floats(f.shape(3)), std::vector<int64_t>{2, 0, -2});
                 }});
  all.push_back({"expand_dims", [](TestFunction& f) {
                   return f.b().expand_dims(viewed(f, f.shape(2)), std::vector<int64_t>{0, -1});
                 }});
  all.push_back({"squeeze", [](TestFunction& f) {
                   return f.b().squeeze(viewed(f, {f.size(), f.size(), 1}), std::vector<int64_t>{-1});
                 }});
  all.push_back({"concat", [](TestFunction& f) {
                   const int64_t axis = f.below(3);
                   const Shape shape = f.shape(3);
                   std::vector<Value*> values;
                   for (int64_t i = 0; i < 3; ++i) {
                     Shape piece = shape;
                     piece[static_cast<size_t>(axis)] = f.size();
                     values.push_back(f.below(2) == 0 ? viewed(f, piece) : f.b().unary("exp", f.floats(piece)));
                   }
                   return f.b().concat(values, axis);
                 }});
  all.push_back({"concat interleaved", [](TestFunction& f) {
                   const Shape shape = f.shape(2);
                   const std::vector<Value*> values = {f.floats(shape), viewed(f, shape)};
                   return f.b().emit("concat", {mil::operand("values", values), integer(f, "axis", f.below(2)),
                                                flag(f, "interleave", true)});
                 }});
  all.push_back({"stack", [](TestFunction& f) {
                   const Shape shape = f.shape(2);
                   const std::vector<Value*> values = {f.floats(shape), viewed(f, shape), f.floats(shape)};
                   return f.b().emit("stack", {mil::operand("values", values), integer(f, "axis", f.below(3))});
                 }});
  all.push_back({"split", [](TestFunction& f) {
                   const auto pieces =
                       f.b().emit_all("split", {mil::operand("x", viewed(f, {f.size(), 7, f.size()})),
                                                integer(f, "axis", 1), integers(f, "split_sizes", {2, 4, 1})});
                   return f.b().add(f.b().slice(pieces[1], Shape{0, 0, 0}, pieces[0]->shape()), pieces[0]);
                 }});
  for (const char* mode : {"constant", "reflect", "replicate"}) {
    all.push_back({"pad", [=](TestFunction& f) {
                     return f.b().emit("pad", {mil::operand("x", viewed(f, {f.size(), 4, 5})),
                                               integers(f, "pad", {f.below(3), f.below(3), f.below(3), f.below(3)}),
                                               text(f, "mode", mode), mil::operand("constant_val", f.scalar(0.5))});
                   }});
  }
  all.push_back(
      {"tile", [](TestFunction& f) {
         return f.b().tile(viewed(f, {f.size(), f.size(), 1}), std::vector<int64_t>{f.size(3), f.size(3), f.size(3)});
       }});
  all.push_back(
      {"reverse", [](TestFunction& f) {
         return f.b().emit("reverse", {mil::operand("x", viewed(f, f.shape(3))), integers(f, "axes", {0, -1})});
       }});
  all.push_back({"band_part", [](TestFunction& f) {
                   return f.b().emit("band_part",
                                     {mil::operand("x", viewed(f, f.shape(3))), integer(f, "lower", f.below(4) - 1),
                                      integer(f, "upper", f.below(4) - 1)});
                 }});
  all.push_back({"slice_by_index", [](TestFunction& f) {
                   return f.b().emit(
                       "slice_by_index",
                       {mil::operand("x", viewed(f, {6, 7, 4})), integers(f, "begin", {f.below(3), -1, f.below(4)}),
                        integers(f, "end", {3 + f.below(3), 0, 4}), integers(f, "stride", {1 + f.below(2), -2, 1}),
                        mil::operand("squeeze_mask", f.b().constant(Literal::bool_vector({false, false, true})))});
                 }});
  all.push_back(
      {"slice_by_size", [](TestFunction& f) {
         Value* begin = f.below(2) == 0 ? f.integers({2}, 0, 3) : f.b().int32_vector(std::vector<int64_t>{1, -4});
         return f.b().emit("slice_by_size", {mil::operand("x", viewed(f, {5, 6})), mil::operand("begin", begin),
                                             integers(f, "size", {3, 4})});
       }});
  all.push_back({"slice_update", [](TestFunction& f) {
                   return f.b().emit(
                       "slice_update",
                       {mil::operand("x", viewed(f, {5, 6})), mil::operand("update", viewed(f, {2, 3})),
                        integers(f, "begin", {1, 0}), integers(f, "end", {5, 6}), integers(f, "stride", {2, 2})});
                 }});
  all.push_back({"slice_update at a run-time place", [](TestFunction& f) {
                   Value* begin = f.integers({2}, 0, 3);
                   Value* end = f.b().add(begin, f.b().int32_vector(std::vector<int64_t>{3, 2}));
                   return f.b().emit("slice_update",
                                     {mil::operand("x", viewed(f, {5, 6})), mil::operand("update", viewed(f, {3, 2})),
                                      mil::operand("begin", begin), mil::operand("end", end)});
                 }});
  return all;
}

std::vector<Example> gather_examples() {
  std::vector<Example> all;
  all.push_back({"gather", [](TestFunction& f) {
                   const Shape shape = f.shape(3);
                   const int64_t axis = f.below(3), size = shape[static_cast<size_t>(axis)];
                   return f.b().gather(viewed(f, shape), f.integers(f.shape(f.below(3)), -size, size), axis);
                 }});
  all.push_back({"gather with batch axes", [](TestFunction& f) {
                   const Shape shape = f.shape(4);
                   return f.b().emit("gather", {mil::operand("x", viewed(f, shape)),
                                                mil::operand("indices", f.integers({shape[0], f.size()}, 0, shape[2])),
                                                integer(f, "axis", 2), integer(f, "batch_dims", 1)});
                 }});
  all.push_back({"gather_along_axis", [](TestFunction& f) {
                   const Shape shape = f.shape(3);
                   const int64_t axis = f.below(3), size = shape[static_cast<size_t>(axis)];
                   Shape indices = shape;
                   indices[static_cast<size_t>(axis)] = f.size();
                   return f.b().gather_along_axis(viewed(f, shape), f.integers(indices, -size, size), axis);
                 }});
  for (const char* mode : {"update", "add", "sub", "mul", "div", "max", "min"}) {
    all.push_back({"scatter", [=](TestFunction& f) {
                     const Shape shape = f.shape(3);
                     const int64_t axis = f.below(3), size = shape[static_cast<size_t>(axis)], count = f.size();
                     Shape updates = shape;
                     updates[static_cast<size_t>(axis)] = count;
                     return f.b().emit("scatter", {mil::operand("data", viewed(f, shape)),
                                                   mil::operand("indices", f.integers({count}, -size, size)),
                                                   mil::operand("updates", viewed(f, updates, 0.5, 2)),
                                                   integer(f, "axis", axis), text(f, "mode", mode)});
                   }});
    all.push_back({"scatter_along_axis", [=](TestFunction& f) {
                     const Shape shape = f.shape(3);
                     const int64_t axis = f.below(3), size = shape[static_cast<size_t>(axis)];
                     Shape updates = shape;
                     updates[static_cast<size_t>(axis)] = f.size();
                     return f.b().emit("scatter_along_axis", {mil::operand("data", viewed(f, shape)),
                                                              mil::operand("indices", f.integers(updates, -size, size)),
                                                              mil::operand("updates", viewed(f, updates, 0.5, 2)),
                                                              integer(f, "axis", axis), text(f, "mode", mode)});
                   }});
  }
  all.push_back(
      {"scatter of integers", [](TestFunction& f) {
         return f.b().scatter_add(f.integers({5, 3}, -4, 5), f.integers({4}, 0, 5), f.integers({4, 3}, -4, 5), 0);
       }});
  return all;
}

std::vector<Example> creation_examples() {
  std::vector<Example> all;
  all.push_back({"const", [](TestFunction& f) {
                   const double numbers[] = {1, -2, 3};
                   return f.b().constant(Literal::numbers(mil::Type::tensor(mil::ElementType::fp32, {3}), numbers));
                 }});
  all.push_back(
      {"fill", [](TestFunction& f) { return f.b().splat(mil::Type::tensor(f.element(), f.shape(2)), 0.25); }});
  all.push_back({"fill with a run-time value", [](TestFunction& f) {
                   return f.b().emit("fill", {integers(f, "shape", f.shape(2)), mil::operand("value", f.floats({}))});
                 }});
  all.push_back({"fill_like", [](TestFunction& f) {
                   return f.b().emit("fill_like", {mil::operand("ref_tensor", f.floats(f.shape(2))),
                                                   mil::operand("value", f.scalar(2))});
                 }});
  all.push_back(
      {"range_1d", [](TestFunction& f) {
         return f.b().emit("range_1d", {integer(f, "start", -3), integer(f, "end", 8), integer(f, "step", 2)});
       }});
  all.push_back({"shape", [](TestFunction& f) { return f.b().unary("shape", f.floats(f.shape(3))); }});
  all.push_back({"one_hot", [](TestFunction& f) {
                   return f.b().emit("one_hot", {mil::operand("indices", f.integers(f.shape(2), -1, 5)),
                                                 integer(f, "one_hot_vector_size", 4), integer(f, "axis", f.below(3))});
                 }});
  return all;
}

std::vector<Example> all_examples() {
  std::vector<Example> all;
  for (auto examples : {elementwise_examples, product_examples, reduction_examples, shape_examples, gather_examples,
                        creation_examples, rearrangement_examples, coordinate_examples, recurrent_examples,
                        sorting_examples, scale_examples, dense_examples}) {
    for (Example& example : examples()) all.push_back(std::move(example));
  }
  return all;
}

class OperationTest : public ::testing::TestWithParam<Example> {};

TEST_P(OperationTest, AgreesWithTheInterpreter) {
  for (const mil::ElementType element : {mil::ElementType::fp32, mil::ElementType::fp16, mil::ElementType::bf16}) {
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      TestFunction f(seed, element);
      f.returns({GetParam().build(f)});
      expect_same_as_interpreter(f.function(), f.inputs(), tolerance_of(element),
                                 fmt::format("{} of {}, seed {}", GetParam().name, mil::element_name(element), seed));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, OperationTest, ::testing::ValuesIn(all_examples()), [](const auto& info) {
  std::string name = fmt::format("{}_{}", info.param.name, info.index);
  std::ranges::replace_if(
      name, [](char c) { return std::isalnum(static_cast<unsigned char>(c)) == 0; }, '_');
  return name;
});

TEST(Operations, EachKindWithAKernelHasAnExample) {
  std::set<std::string, std::less<>> tested;
  for (const Example& example : all_examples()) {
    TestFunction f(0);
    f.returns({example.build(f)});
    for (const auto& operation : f.function().block().operations()) tested.insert(operation->kind());
  }
  std::vector<std::string_view> kinds = kinds_with_kernels();
  for (const std::string_view kind : kinds_decomposed_to_scales()) kinds.push_back(kind);
  for (const std::string_view kind : kinds) {
    if (kind.starts_with("mw.")) continue;
    if (kind == "non_zero") continue;  // the size of its result hangs on its data: golden_operations_test.cpp
    EXPECT_TRUE(tested.contains(kind)) << kind;
  }
}

TEST(Operations, SlicesAndRangesAtRunTimeAreCheckedAgainstTheirTypes) {
  TestFunction f(1);
  const mil::Type two = mil::Type::tensor(mil::ElementType::int32, {2});
  Value* x = f.floats({5, 4});
  Value* begin = f.input({two, {1, -1}});
  Value* end = f.input({two, {-1, 9}});
  Value* limit = f.input({mil::Type::scalar(mil::ElementType::int32), {7}});
  Value* mask = f.b().constant(Literal::bool_vector({false, true}));
  const std::vector<mil::Operand> bounds = {mil::operand("start", f.b().int32(1)), mil::operand("end", limit),
                                            mil::operand("step", f.b().int32(2))};
  mil::Block& block = f.function().block();
  mil::Operation* slice = block.add_operation("slice_by_index");
  for (const auto& item : {mil::operand("x", x), mil::operand("begin", begin), mil::operand("end", end),
                           mil::operand("squeeze_mask", mask)}) {
    slice->add_operand(item);
  }
  Value* column = slice->add_result("column", mil::Type::tensor(mil::ElementType::fp32, {3}));
  mil::Operation* range = block.add_operation("range_1d");
  for (const mil::Operand& item : bounds) range->add_operand(item);
  Value* odd = range->add_result("odd", mil::Type::tensor(mil::ElementType::int32, {3}));
  f.returns({column, odd});
  const auto compiled = compile(f.function());
  ASSERT_NE(compiled, nullptr);
  std::vector<mil::TensorValue> inputs = f.inputs();
  const auto results = run(*compiled, f.function(), inputs);
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ((*results)[0].numbers,
            (std::vector<double>{inputs[0].numbers[7], inputs[0].numbers[11], inputs[0].numbers[15]}));
  EXPECT_EQ((*results)[1].numbers, (std::vector<double>{1, 3, 5}));
  inputs[3].numbers = {8};
  const auto longer = run(*compiled, f.function(), inputs);
  ASSERT_FALSE(longer);
  EXPECT_EQ(longer.error().message, "odd (range_1d): from 1 to 8 by 2 are 4 numbers; its type has 3");
  inputs[2].numbers = {5, 0};
  const auto taller = run(*compiled, f.function(), inputs);
  ASSERT_FALSE(taller);
  EXPECT_EQ(taller.error().message,
            "column (slice_by_index): begin 1 and end 5 give 4 elements of axis 0 of size 5; its type has 3");
}

bool runs(std::string_view kind) {
  const std::set<std::string_view> states = {"read_state", "write_state", "coreml_update_state"};
  const std::vector<std::string_view> scales = kinds_decomposed_to_scales();
  return states.contains(kind) || is_decomposed(kind) || is_resize(kind) || std::ranges::count(scales, kind) > 0 ||
         std::ranges::count(kinds_with_kernels(), kind) > 0;
}

// Branches and loops, random numbers, labels and resampling are checked and printed, not run.
TEST(Operations, EachOperationOfTheRegistryRunsButThoseOfFourCategories) {
  const std::set<std::string_view> excluded = {"control flow", "random", "classify", "image resizing"};
  for (const mil::OperationDefinition& definition : mil::all_definitions()) {
    if (excluded.contains(definition.category) || definition.internal) continue;
    EXPECT_TRUE(runs(definition.name)) << definition.name;
  }
  for (const char* kind : {"crop", "resize", "resize_bilinear", "upsample_nearest_neighbor"}) EXPECT_TRUE(runs(kind));
}

// What can be differentiated can be run. Operations without a gradient and without a kernel are refused by name.
TEST(Operations, EachOperationWithAGradientHasAKernelOrIsDecomposed) {
  const std::vector<std::string_view> kernels = kinds_with_kernels();
  for (auto rules : {autodiff::elementwise_rules, autodiff::activation_rules, autodiff::product_rules,
                     autodiff::reduction_rules, autodiff::shape_rules, autodiff::slice_rules, autodiff::gather_rules}) {
    for (const autodiff::GradientRule& rule : rules()) {
      const bool runs = is_decomposed(rule.kind) || std::ranges::binary_search(kernels, rule.kind);
      EXPECT_TRUE(runs) << rule.kind;
    }
  }
}

// No model needs these, but a program that has them must not stop the process.
TEST(Operations, FunctionsOfIntegersAreComputedInFloatAndCut) {
  TestFunction f(3);
  Value* x = f.integers({40}, 0, 9);
  std::vector<Value*> results;
  for (const char* kind : {"silu", "relu", "sqrt", "softplus", "gelu"}) results.push_back(f.b().unary(kind, x));
  f.returns(results);
  const auto compiled = compile(f.function());
  const auto actual = run(*compiled, f.function(), f.inputs());
  ASSERT_TRUE(actual) << actual.error().message;
  for (size_t i = 0; i < 40; ++i) {
    const double number = f.inputs()[0].numbers[i];
    EXPECT_EQ((*actual)[0].numbers[i], std::trunc(number / (1 + std::exp(-number)))) << number;
    EXPECT_EQ((*actual)[1].numbers[i], number);
    EXPECT_EQ((*actual)[2].numbers[i], std::trunc(std::sqrt(number))) << number;
  }
}

TEST(Operations, EmptyTensorsAreNoProblem) {
  TestFunction f(1);
  Value* x = f.floats({0, 5});
  const std::vector<Value*> values = {x, f.floats({2, 5})};
  f.returns(
      {f.b().unary("exp", x), f.b().concat(values, 0), f.b().reduce("reduce_sum", x, std::vector<int64_t>{0}, false)});
  expect_same_as_interpreter(f.function(), f.inputs());
}

std::string compile_error(const mil::Function& function) {
  const auto compiled = CompiledFunction::compile(function, {});
  return compiled ? "" : compiled.error().message;
}

TEST(Operations, AnElementTypeWithoutAKernelIsNamed) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp64, {2, 2}));
  function.block().set_results({b.matmul(x, x, false, false, "scores")});
  EXPECT_EQ(compile_error(function),
            "scores (matmul): the CPU executor has no kernel of this operation for fp64, only for fp32");
}

TEST(Operations, AnOperationWithoutAKernelIsNamed) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp32, {2, 2}));
  function.block().set_results({b.cast(x, mil::ElementType::fp64, "wide")});
  EXPECT_EQ(compile_error(function), "wide (cast): the CPU executor has no kernel of this operation for fp64");
}

// The executor compiles for the number of elements that it finds in the constant.
TEST(Operations, ASizeThatHangsOnAConstantIsKnownWhenCompiled) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  const double numbers[] = {0, 3, 0, -1};
  Value* constant = b.constant(Literal::numbers(mil::Type::tensor(mil::ElementType::fp32, {2, 2}), numbers));
  Value* places = b.emit("non_zero", {mil::operand("x", constant)});
  Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp32, {2, 2}));
  function.block().set_results({b.emit("gather_nd", {mil::operand("x", x), mil::operand("indices", places)})});
  const auto compiled = compile(function);
  ASSERT_NE(compiled, nullptr);
  ASSERT_EQ(compiled->result_types(), (std::vector<mil::Type>{mil::Type::tensor(mil::ElementType::fp32, {2})}));
  AlignedBuffer input = to_buffer({x->type(), {1, 2, 3, 4}});
  AlignedBuffer result(sizeof(float) * 2);
  const Status status = compiled->run(std::vector<void*>{input.data()}, std::vector<void*>{result.data()});
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_EQ(to_tensor(compiled->result_types()[0], result).numbers, (std::vector<double>{2, 4}));
}

TEST(Operations, ASizeThatHangsOnRunTimeDataIsAnError) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp32, {2, 2}));
  function.block().set_results({b.emit("non_zero", {mil::operand("x", x)}, "places")});
  EXPECT_EQ(compile_error(function),
            "places (non_zero): places is tensor<int32, [?, 2]>; the CPU executor needs every size to be known");
}

TEST(Operations, MoreAxesThanMilHasIsAnError) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp32, {1, 2, 1, 2, 1, 2}));
  function.block().set_results({b.unary("exp", x)});
  EXPECT_EQ(compile_error(function), "function main: x has rank 6; MIL has at most 5 axes");
}

TEST(Operations, AWeightThatIsStillInItsFileIsAnError) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  const mil::Type type = mil::Type::tensor(mil::ElementType::fp32, {2, 2});
  Value* weight = b.constant(Literal::blob(type, {"weights/weight.bin", 64}), "w");
  function.block().set_results({b.unary("exp", weight)});
  EXPECT_EQ(compile_error(function),
            "w (const): its elements are in the weight file weights/weight.bin; load them before compiling");
}

TEST(Operations, AnUnknownSizeIsAnError) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp32, {mil::kUnknownDimension, 2}));
  function.block().set_results({b.unary("exp", x)});
  EXPECT_EQ(compile_error(function),
            "function main: x is tensor<fp32, [?, 2]>; the CPU executor needs every size to be known");
}

TEST(Operations, ARunTimeIndexOutsideItsAxisIsAnError) {
  TestFunction f(1);
  Value* table = f.floats({4, 3});
  Value* tokens = f.input({mil::Type::tensor(mil::ElementType::int32, {2}), {1, 4}});
  f.returns({f.b().gather(table, tokens, 0, "embedding.gather")});
  const auto compiled = compile(f.function());
  const auto results = run(*compiled, f.function(), f.inputs());
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().message, "embedding.gather (gather): index 4 is outside axis 0 of size 4");
}

// These divisions stop a process on x86.
TEST(Operations, AScatterThatDividesIntegersByZeroGivesZero) {
  TestFunction f(0);
  const mil::Type three = mil::Type::tensor(mil::ElementType::int32, {3});
  Value* data = f.input({three, {7, -2147483648.0, -7}});
  Value* indices = f.input({three, {0, 1, 2}});
  Value* updates = f.input({three, {0, -1, 2}});
  f.returns({f.b().emit("scatter", {mil::operand("data", data), mil::operand("indices", indices),
                                    mil::operand("updates", updates), integer(f, "axis", 0), text(f, "mode", "div")})});
  const auto compiled = compile(f.function());
  ASSERT_NE(compiled, nullptr);
  const auto results = run(*compiled, f.function(), f.inputs());
  ASSERT_TRUE(results) << results.error().message;
  EXPECT_EQ((*results)[0].numbers, (std::vector<double>{0, -2147483648.0, -3}));
}

TEST(Operations, ARunTimeSliceOutsideItsTensorIsAnError) {
  TestFunction f(1);
  Value* x = f.floats({5, 4});
  Value* begin = f.input({mil::Type::tensor(mil::ElementType::int32, {2}), {3, 0}});
  f.returns({f.b().emit("slice_by_size",
                        {mil::operand("x", x), mil::operand("begin", begin), integers(f, "size", {3, 2})}, "window")});
  const auto compiled = compile(f.function());
  const auto results = run(*compiled, f.function(), f.inputs());
  ASSERT_FALSE(results);
  EXPECT_EQ(results.error().message, "window (slice_by_size): begin 3 and size 3 leave axis 0 of size 5");
}

}  // namespace
}  // namespace millwright::cpu
