// Random well-typed graphs: executor against interpreter, and equal bits at every thread count.
#include "base/parallel.h"
#include "execution.h"
#include "mil/compare.h"
#include "mil/parser.h"
#include "mil/printer.h"
#include "mil/verifier.h"
#include "model_pieces.h"

namespace millwright::cpu {
namespace {

using mil::Shape;
using mil::Value;

constexpr uint64_t kGraphs = 120;
// Values stay near one (tanh after every product), but errors pass through up to 20 operations.
constexpr double kGraphTolerance = 2e-4;

// Grows a graph from a few inputs by operations drawn at random; some values become results, some stay unused.
class RandomGraph {
 public:
  explicit RandomGraph(uint64_t seed) : f_(seed) {
    for (int i = 0; i < 3; ++i) values_.push_back(f_.floats(random_shape()));
    const int64_t count = 5 + f_.below(15);
    for (int64_t i = 0; i < count; ++i) values_.push_back(grown());
    std::vector<Value*> results = {values_.back()};
    for (int i = 0; i < 2; ++i) results.push_back(any());
    f_.returns(results);
  }
  TestFunction& function() { return f_; }

 private:
  Shape random_shape() {
    Shape shape = f_.shape(1 + f_.below(4), 5);
    for (int64_t& size : shape) size = f_.below(4) == 0 ? 8 : size;
    return shape;
  }
  Value* any() { return values_[static_cast<size_t>(f_.below(static_cast<int64_t>(values_.size())))]; }

  // A value that broadcasts with `shape`: one of the graph's if there is one, else a new input.
  Value* fitting(const Shape& shape) {
    for (int attempt = 0; attempt < 6; ++attempt) {
      Value* value = any();
      const auto joined = mil::broadcast_shapes(shape, value->shape());
      if (joined && *joined == shape) return value;
    }
    Shape narrow = shape;
    for (int64_t& size : narrow) size = f_.below(3) == 0 ? 1 : size;
    return f_.floats(narrow);
  }

  Value* grown() {
    Value* x = any();
    const int64_t rank = x->type().rank();
    switch (f_.below(12)) {
      case 0:
      case 1:
        return binary(x);
      case 2:
      case 3:
        return unary(x);
      case 4:
        return matrix_product(x);
      case 5:
        return reduction(x);
      case 6:
        return f_.b().reshape(x, {x->type().count()});
      case 7:
        return rank < 2 ? unary(x) : swapped(x);
      case 8:
        return sliced(x);
      case 9:
        return joined(x);
      case 10:
        return f_.b().softmax(x, f_.below(rank));
      default:
        return padded(x);
    }
  }

  Value* binary(Value* x) {
    constexpr std::string_view kKinds[] = {"add", "sub", "mul", "maximum", "minimum"};
    Value* y = fitting(x->shape());
    const std::string_view kind = kKinds[f_.below(5)];
    return f_.below(2) == 0 ? f_.b().binary(kind, x, y) : f_.b().binary(kind, y, x);
  }
  Value* unary(Value* x) {
    constexpr std::string_view kKinds[] = {"tanh", "sigmoid", "silu", "sin", "abs", "relu"};
    Value* y = f_.b().unary(kKinds[f_.below(6)], x);
    return f_.below(3) == 0 ? f_.b().select(f_.b().binary("greater", y, x), x, y) : y;
  }
  Value* matrix_product(Value* x) {
    if (x->type().rank() < 2) return unary(x);
    const Shape& shape = x->shape();
    const int64_t columns = f_.size(9);
    const bool transpose_x = f_.below(2) == 1;
    const bool transpose_y = f_.below(2) == 1;
    const int64_t k = transpose_x ? shape[shape.size() - 2] : shape.back();
    Value* y = f_.floats(transpose_y ? Shape{columns, k} : Shape{k, columns});
    Value* product = f_.b().matmul(x, y, transpose_x, transpose_y);
    if (f_.below(3) == 0) product = f_.b().mul(product, f_.b().scalar_like(product, 0.5));
    if (f_.below(3) == 0) product = f_.b().add(product, f_.floats(product->shape()));
    if (f_.below(3) == 0 && product->type().rank() > 2) {
      product = f_.b().reduce("reduce_sum", product, std::vector<int64_t>{0}, f_.below(2) == 0);
    }
    return f_.b().unary("tanh", product);
  }
  Value* reduction(Value* x) {
    constexpr std::string_view kKinds[] = {"reduce_sum", "reduce_mean", "reduce_max", "reduce_log_sum_exp",
                                           "reduce_l2_norm"};
    const int64_t rank = x->type().rank();
    std::vector<int64_t> axes = {f_.below(rank)};
    if (f_.below(2) == 0) axes.push_back(f_.below(rank));
    Value* y = f_.b().reduce(kKinds[f_.below(5)], f_.below(2) == 0 ? f_.b().mul(x, x) : x, axes, true);
    return f_.b().unary("tanh", f_.below(2) == 0 ? f_.b().sub(x, y) : y);
  }
  Value* swapped(Value* x) {
    const int64_t rank = x->type().rank();
    std::vector<int64_t> permutation;
    for (int64_t axis = 0; axis < rank; ++axis) permutation.push_back(axis);
    std::swap(permutation[static_cast<size_t>(f_.below(rank))], permutation[static_cast<size_t>(f_.below(rank))]);
    return f_.b().transpose(x, permutation);
  }
  Value* sliced(Value* x) {
    Shape begin, size;
    for (const int64_t whole : x->shape()) {
      begin.push_back(f_.below(whole));
      size.push_back(1 + f_.below(whole - begin.back()));
    }
    return f_.b().slice(x, begin, size);
  }
  Value* joined(Value* x) {
    const int64_t axis = f_.below(x->type().rank());
    const std::vector<Value*> pieces = {x, f_.b().unary("tanh", x), f_.floats(x->shape())};
    return f_.b().concat(pieces, axis);
  }
  Value* padded(Value* x) {
    std::vector<int64_t> pads(static_cast<size_t>(2 * x->type().rank()), 0);
    pads[static_cast<size_t>(f_.below(static_cast<int64_t>(pads.size())))] = f_.size(3);
    return f_.b().pad(x, pads);
  }

  TestFunction f_;
  std::vector<Value*> values_;
};

mil::Literal identity_matrix(int64_t size) {
  std::vector<double> numbers(static_cast<size_t>(size * size), 0.0);
  for (int64_t i = 0; i < size; ++i) numbers[static_cast<size_t>(i * size + i)] = 1;
  return mil::Literal::numbers(mil::Type::tensor(mil::ElementType::fp32, {size, size}), numbers);
}

TEST(RandomGraphs, AgreeWithTheInterpreter) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    RandomGraph graph(seed);
    TestFunction& f = graph.function();
    expect_same_as_interpreter(f.function(), f.inputs(), kGraphTolerance, fmt::format("seed {}", seed));
    if (HasFailure()) return;
  }
}

// What the text says is what runs: the function read back from it gives the same bits.
TEST(RandomGraphs, GiveTheSameBitsWhenPrintedAndReadBack) {
  for (uint64_t seed = 0; seed < kGraphs; ++seed) {
    RandomGraph graph(seed);
    const mil::Function& function = graph.function().function();
    mil::Program program;
    program.add_function(mil::clone(function));
    const auto again = mil::parse_program(mil::print(program), "printed");
    ASSERT_TRUE(again.has_value()) << again.error().message;
    const mil::Function& read = *again->functions()[0];
    ASSERT_TRUE(mil::equal(function, read)) << "seed " << seed;
    ASSERT_TRUE(mil::verify(read).has_value()) << "seed " << seed;
    const auto built_results = run(*compile(function), function, graph.function().inputs());
    const auto read_results = run(*compile(read), read, graph.function().inputs());
    ASSERT_TRUE(built_results.has_value() && read_results.has_value());
    for (size_t i = 0; i < built_results->size(); ++i) {
      EXPECT_EQ((*built_results)[i].numbers, (*read_results)[i].numbers) << "seed " << seed;
    }
  }
}

// Long elementwise graphs with several results over tensors of many blocks: results take over the memory of dying
// values while others are still read.
TEST(RandomGraphs, LargeElementwiseGraphsAgreeWhenTheyRunInPlace) {
  for (uint64_t seed = 0; seed < 12; ++seed) {
    TestFunction f(seed);
    const int64_t columns = f.below(2) == 0 ? 1000 : 317;
    const Shape shape = {7, columns};
    // Products by the identity give buffers of the arena, which may be reused.
    Value* identity = f.b().constant(identity_matrix(7));
    std::vector<Value*> values = {f.floats({1, columns}), f.floats({7, 1})};
    for (int i = 0; i < 3; ++i) values.push_back(f.b().matmul(identity, f.floats(shape)));
    const auto any = [&] { return values[static_cast<size_t>(f.below(static_cast<int64_t>(values.size())))]; };
    for (int i = 0; i < 14; ++i) {
      Value* x = any();
      Value* y = any();
      constexpr std::string_view kBinary[] = {"add", "sub", "mul", "maximum"};
      Value* z = f.b().binary(kBinary[f.below(4)], x, y);
      values.push_back(f.below(2) == 0 ? f.b().unary("tanh", z) : z);
      if (f.below(4) == 0) values.push_back(f.b().matmul(identity, f.b().add(any(), values[2])));
    }
    std::vector<Value*> results;
    for (int i = 0; i < 3; ++i) results.push_back(f.b().matmul(identity, f.b().add(any(), values[2])));
    f.returns(results);
    expect_same_as_interpreter(f.function(), f.inputs(), kGraphTolerance, fmt::format("seed {}", seed));
    if (HasFailure()) return;
  }
}

// A block large enough that every kernel cuts it into several chunks.
void build_block(TestFunction& f) {
  Value* x = f.floats({2, 64, 1, 96});
  Value* in = f.b().reshape(rms_norm(f, x), {2, 64, 96});
  Value* q = f.b().reshape(f.b().matmul(f.floats({64, 64}), in), {2, 2, 2, 16, 96});
  Value* k = f.b().reshape(f.b().matmul(f.floats({32, 64}), in), {2, 2, 1, 16, 96});
  Value* cosine = f.floats({8, 96});
  Value* sine = f.floats({8, 96});
  q = rotary(f, q, cosine, sine);
  k = rotary(f, k, cosine, sine);
  Value* scores = f.b().matmul(q, k, true, false);
  Value* p = f.b().softmax(f.b().mul(scores, f.b().scalar_like(scores, 0.25)), -1);
  Value* mixed = f.b().reshape(f.b().matmul(k, p, false, true), {2, 64, 96});
  Value* out = f.b().add(x, f.b().reshape(f.b().matmul(f.floats({64, 64}), mixed), {2, 64, 1, 96}));
  Value* tokens = f.integers({500}, 0, 64);
  Value* table = f.b().zeros(mil::Type::tensor(mil::ElementType::fp32, {64, 33}));
  f.returns({out, f.b().reduce("reduce_log_sum_exp", out, std::vector<int64_t>{1}, false),
             f.b().reduce("reduce_sum", f.b().mul(out, out), std::vector<int64_t>{0, 1, 2, 3}, false),
             f.b().scatter_add(table, tokens, f.floats({500, 33}), 0)});
}

TEST(RandomGraphs, ResultsHaveTheSameBitsAtEveryThreadCount) {
  TestFunction f(5);
  build_block(f);
  expect_same_as_interpreter(f.function(), f.inputs(), 1e-4);
  const auto compiled = compile(f.function());
  const int before = thread_count();
  set_thread_count(1);
  const auto expected = run(*compiled, f.function(), f.inputs());
  for (const int threads : {2, 3, 5}) {
    set_thread_count(threads);
    const auto actual = run(*compiled, f.function(), f.inputs());
    for (size_t r = 0; r < expected->size(); ++r) {
      EXPECT_EQ((*actual)[r].numbers, (*expected)[r].numbers) << threads << " threads, result " << r;
    }
  }
  set_thread_count(before);
}

// Two compilations of one function choose the same calls: a resumed run repeats the bits of the first.
TEST(RandomGraphs, CompilingTwiceGivesTheSameCalls) {
  for (uint64_t seed = 0; seed < 20; ++seed) {
    RandomGraph graph(seed);
    const auto first = compile(graph.function().function());
    const auto second = compile(*mil::clone(graph.function().function()));
    EXPECT_EQ(first->listing(), second->listing());
  }
}

TEST(Profile, CountsEveryCallOnceARunAndTheWorkOfProducts) {
  TestFunction f(1);
  Value* x = f.floats({4, 8});
  f.returns({f.b().unary("exp", f.b().matmul(x, f.floats({8, 3}), false, false, "product"), "curve")});
  const auto compiled = compile(f.function(), {.profile = true});
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(run(*compiled, f.function(), f.inputs()));
  const std::vector<ProfileEntry> entries = compiled->profile();
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].kernel, "matmul");
  EXPECT_EQ(entries[0].label, "product");
  EXPECT_EQ(entries[0].calls, 3);
  EXPECT_EQ(entries[0].flops, 2 * 4 * 8 * 3);
  EXPECT_EQ(entries[0].bytes, 4 * (4 * 8 + 8 * 3 + 4 * 3));
  EXPECT_EQ(entries[1].label, "curve");
  EXPECT_EQ(entries[1].flops, 0);
  compiled->reset_profile();
  EXPECT_EQ(compiled->profile()[0].calls, 0);
  EXPECT_EQ(compiled->profile()[0].seconds, 0);
}

TEST(Profile, IsEmptyUnlessAskedFor) {
  TestFunction f(1);
  f.returns({f.b().unary("exp", f.floats({4}))});
  const auto compiled = compile(f.function());
  ASSERT_TRUE(run(*compiled, f.function(), f.inputs()));
  EXPECT_TRUE(compiled->profile().empty());
}

}  // namespace
}  // namespace millwright::cpu
