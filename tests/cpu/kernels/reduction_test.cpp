// Reductions against plain loops in double over random shapes, axis sets and strides.
#include "cpu/kernels/reduction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "kernel_testing.h"

namespace millwright::cpu {
namespace {

using testing::ElementsAre;

constexpr ReductionKind kKinds[] = {ReductionKind::sum, ReductionKind::mean, ReductionKind::max,
                                    ReductionKind::min, ReductionKind::prod, ReductionKind::sum_square};

// The exact result and the sum of magnitudes that bounds its rounding error.
struct Exact {
  double value = 0, magnitude = 0;
  int64_t count = 0;

  void add(ReductionKind kind, double x) {
    if (kind == ReductionKind::sum_square) x *= x;
    magnitude += std::abs(x);
    if (count++ == 0) {
      value = x;
    } else if (kind == ReductionKind::max) {
      value = std::max(value, x);
    } else if (kind == ReductionKind::min) {
      value = std::min(value, x);
    } else if (kind == ReductionKind::prod) {
      value *= x;
    } else {
      value += x;
    }
  }
  double result(ReductionKind kind) const {
    return kind == ReductionKind::mean ? value / static_cast<double>(count) : value;
  }
  // Chunked sums: a few dozen roundings per element whatever the length; products round once per factor.
  double bound(ReductionKind kind) const {
    if (kind == ReductionKind::max || kind == ReductionKind::min) return 0;
    if (kind == ReductionKind::prod) return std::abs(value) * 6e-8 * (static_cast<double>(count) + 1) + 1e-40;
    const double scale = kind == ReductionKind::mean ? 1.0 / static_cast<double>(count) : 1.0;
    return magnitude * scale * 6e-8 * 40 + 1e-40;
  }
};

struct ReductionCase {
  Dims sizes, strides, output_strides;
  std::array<bool, kMaxRank> reduced{};
  std::vector<float> input;
  int64_t outputs = 1;
};

void check(ReductionKind kind, const ReductionCase& test) {
  std::vector<Exact> exact(static_cast<size_t>(test.outputs));
  for (int64_t flat = 0; flat < element_count(test.sizes); ++flat) {
    int64_t rest = flat, source = 0, target = 0;
    for (int dim = test.sizes.rank() - 1; dim >= 0; --dim) {
      const int64_t index = rest % test.sizes[dim];
      rest /= test.sizes[dim];
      source += index * test.strides[dim];
      if (!test.reduced[static_cast<size_t>(dim)]) target += index * test.output_strides[dim];
    }
    exact[static_cast<size_t>(target)].add(kind, test.input[static_cast<size_t>(source)]);
  }
  std::vector<float> output(static_cast<size_t>(test.outputs), 77.0f);
  reduce(kind, test.sizes, test.reduced, test.input.data(), test.strides, output.data(), test.output_strides);
  for (size_t i = 0; i < exact.size(); ++i) {
    const double result = exact[i].result(kind);
    ASSERT_NEAR(output[i], result, exact[i].bound(kind) + 1e-7 * std::abs(result))
        << "kind " << static_cast<int>(kind) << ", output " << i;
  }
}

ReductionCase random_case(RandomSource& random) {
  ReductionCase test;
  const int64_t rank = random.integer(1, 5);
  for (int64_t dim = 0; dim < rank; ++dim) {
    test.sizes.push_back(random.integer(1, 5));
    test.reduced[static_cast<size_t>(dim)] = random.chance(0.5);
  }
  if (random.chance(0.5)) test.sizes[static_cast<int>(random.integer(0, rank - 1))] = random.integer(200, 1500);
  int64_t span = random.chance(0.2) ? 2 : 1;
  test.strides = test.output_strides = test.sizes;
  for (int dim = static_cast<int>(rank) - 1; dim >= 0; --dim) {
    test.strides[dim] = span;
    span = span * test.sizes[dim] + (random.chance(0.2) ? 3 : 0);
    test.output_strides[dim] = test.reduced[static_cast<size_t>(dim)] ? 0 : test.outputs;
    if (!test.reduced[static_cast<size_t>(dim)]) test.outputs *= test.sizes[dim];
  }
  test.input = random.floats(span + 1, 0.5f, 1.5f);
  if (random.chance(0.5)) {
    for (float& value : test.input) value = random.chance(0.5) ? value : -value;
  }
  return test;
}

TEST(Reduction, AgreesWithPlainLoopsOverRandomAxes) {
  for_each_target([] {
    RandomSource random(21);
    for (int repetition = 0; repetition < 60 && !testing::Test::HasFailure(); ++repetition) {
      const ReductionCase test = random_case(random);
      for (ReductionKind kind : kKinds) check(kind, test);
    }
  });
}

TEST(Reduction, StaysAccurateOverAMillionElements) {
  RandomSource random(22);
  ReductionCase test;
  test.sizes = {1'000'003};
  test.strides = {1};
  test.output_strides = {0};
  test.reduced[0] = true;
  test.input = random.floats(1'000'003, 0.0f, 1.0f);
  check(ReductionKind::sum, test);
  ReductionCase tall;  // many rows of few columns
  tall.sizes = {400'000, 3};
  tall.strides = {3, 1};
  tall.output_strides = {0, 1};
  tall.reduced[0] = true;
  tall.outputs = 3;
  tall.input = random.floats(1'200'000, 0.0f, 1.0f);
  check(ReductionKind::sum, tall);
}

TEST(Reduction, OverTheChannelAxisKeepsPositions) {
  // [2, 3, 4] over axis 1.
  std::vector<float> x(24);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  std::vector<float> y(8);
  reduce(ReductionKind::sum, {2, 3, 4}, {false, true, false}, x.data(), {12, 4, 1}, y.data(), {4, 0, 1});
  EXPECT_THAT(y, ElementsAre(12, 15, 18, 21, 48, 51, 54, 57));
}

TEST(Reduction, ReducesTheValueOfAProgram) {
  // Σ x·g over the last axis of [3, 5], g [5] broadcast.
  ElementwiseProgram program;
  program.inputs = {Storage::float32, Storage::float32};
  program.outputs = {{program.append(ElementwiseOpcode::mul, {0, 1}), Storage::float32}};
  const ElementwiseKernel map(program);
  std::vector<float> x(15), g{1, 2, 3, 4, 5}, y(3);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(i);
  const std::vector<ElementwiseInput> inputs{{x.data(), {5, 1}}, {g.data(), {0, 1}}};
  reduce(ReductionKind::sum, map, {3, 5}, {false, true}, inputs, y.data(), {1, 0});
  EXPECT_THAT(y, ElementsAre(40, 115, 190));
  std::vector<float> columns(5);
  reduce(ReductionKind::sum, map, {3, 5}, {true, false}, inputs, columns.data(), {0, 1});
  EXPECT_THAT(columns, ElementsAre(15, 36, 63, 96, 135));
}

TEST(Reduction, OfNothingIsTheNeutralElement) {
  float y = 5;
  const auto empty = [&](ReductionKind kind) {
    reduce(kind, {0}, {true}, nullptr, {1}, &y, {0});
    return y;
  };
  EXPECT_EQ(empty(ReductionKind::sum), 0.0f);
  EXPECT_EQ(empty(ReductionKind::prod), 1.0f);
  EXPECT_EQ(empty(ReductionKind::max), -std::numeric_limits<float>::infinity());
  EXPECT_EQ(empty(ReductionKind::min), std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(empty(ReductionKind::mean)));
}

TEST(Reduction, MaximumAndMinimumPropagateNaN) {
  for_each_target([] {
    for (ReductionKind kind : {ReductionKind::max, ReductionKind::min}) {
      for (size_t where : {0u, 1u, 37u, 2047u}) {
        std::vector<float> x(2048, 1.0f);
        x[where] = std::numeric_limits<float>::quiet_NaN();
        float y = 0;
        reduce(kind, {2048}, {true}, x.data(), {1}, &y, {0});
        EXPECT_TRUE(std::isnan(y));
      }
    }
  });
}

TEST(Reduction, GivesTheSameBitsAtAnyThreadCount) {
  RandomSource random(23);
  const std::vector<float> x = random.floats(300 * 700);
  const auto run = [&](int threads) {
    const ThreadCountScope scope(threads);
    std::vector<float> y(1 + 700 + 300);
    reduce(ReductionKind::sum, {300, 700}, {true, true}, x.data(), {700, 1}, y.data(), {0, 0});
    reduce(ReductionKind::sum, {300, 700}, {true, false}, x.data(), {700, 1}, y.data() + 1, {0, 1});
    reduce(ReductionKind::sum_square, {300, 700}, {false, true}, x.data(), {700, 1}, y.data() + 701, {1, 0});
    return y;
  };
  const std::vector<float> expected = run(1);
  EXPECT_TRUE(same_bits(run(2), expected));
  EXPECT_TRUE(same_bits(run(3), expected));
}

}  // namespace
}  // namespace millwright::cpu
