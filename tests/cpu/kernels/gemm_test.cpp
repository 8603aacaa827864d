// The matrix product against plain loops in double, over random shapes, layouts, storages and batches.
#include "cpu/kernels/gemm.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <vector>

#include "base/half.h"
#include "kernel_testing.h"

namespace millwright::cpu {
namespace {

// An operand with its memory: float values (exact in the chosen storage) in a buffer with gaps.
struct Operand {
  std::vector<float> values;
  std::vector<uint16_t> narrow;
  GemmInput input;

  float at(int64_t row, int64_t column, const std::array<int64_t, 3>& index) const {
    int64_t offset = row * input.row_stride + column * input.column_stride;
    for (size_t dim = 0; dim < 3; ++dim) offset += index[dim] * input.batch_strides[dim];
    return values[static_cast<size_t>(offset)];
  }
};

enum class Layout { row_major, column_major, strided };

Operand make_operand(RandomSource& random, int64_t rows, int64_t columns, const std::array<GemmBatch, 3>& batch,
                     const std::array<bool, 3>& shared, Layout layout, Storage storage) {
  Operand operand;
  operand.input.storage = storage;
  const int64_t gap = random.chance(0.5) ? 0 : random.integer(1, 5);
  int64_t span = 0;
  if (layout == Layout::row_major) {
    operand.input.column_stride = 1;
    operand.input.row_stride = columns + gap;
    span = rows * operand.input.row_stride;
  } else if (layout == Layout::column_major) {
    operand.input.row_stride = 1;
    operand.input.column_stride = rows + gap;
    span = columns * operand.input.column_stride;
  } else {
    operand.input.column_stride = 2;
    operand.input.row_stride = 2 * columns + gap;
    span = rows * operand.input.row_stride;
  }
  const int64_t batch_gap = random.chance(0.5) ? 0 : random.integer(1, 7);
  for (size_t dim = 3; dim-- > 0;) {
    if (shared[dim]) continue;
    operand.input.batch_strides[dim] = span + batch_gap;
    span = (span + batch_gap) * batch[dim].size;
  }
  operand.values = random.floats(span + 1);
  if (storage == Storage::float32) {
    operand.input.data = operand.values.data();
    return operand;
  }
  for (float& value : operand.values) {
    if (storage == Storage::float16) {
      operand.narrow.push_back(Half(value).bits);
      value = static_cast<float>(Half(value));
    } else {
      operand.narrow.push_back(BFloat16(value).bits);
      value = static_cast<float>(BFloat16(value));
    }
  }
  operand.input.data = operand.narrow.data();
  return operand;
}

struct Case {
  GemmProblem problem;
  Operand a, b;
  std::vector<float> c, addend;
};

// Calls body(index) for every batch index, or for those of the kept dimensions only.
template <class Body>
void for_each_batch(const std::array<GemmBatch, 3>& batch, bool reduced, const Body& body) {
  std::array<int64_t, 3> index{};
  const auto size = [&](size_t dim) { return batch[dim].reduce == reduced ? batch[dim].size : 1; };
  for (index[0] = 0; index[0] < size(0); ++index[0]) {
    for (index[1] = 0; index[1] < size(1); ++index[1]) {
      for (index[2] = 0; index[2] < size(2); ++index[2]) body(index);
    }
  }
}

int64_t c_offset(const GemmProblem& problem, int64_t row, int64_t column, const std::array<int64_t, 3>& index) {
  int64_t offset = row * problem.c.row_stride + column * problem.c.column_stride;
  for (size_t dim = 0; dim < 3; ++dim) offset += index[dim] * problem.c.batch_strides[dim];
  return offset;
}

// Every element of C within the error bound of a float sum of that length, and everything between untouched.
void expect_product(const Case& test, const std::vector<float>& result, const std::vector<float>& before) {
  const GemmProblem& problem = test.problem;
  int64_t length = problem.k;
  for (const GemmBatch& batch : problem.batch) {
    if (batch.reduce) length *= batch.size;
  }
  std::vector<bool> written(result.size(), false);
  int wrong = 0;
  for_each_batch(problem.batch, false, [&](const std::array<int64_t, 3>& kept) {
    for (int64_t row = 0; row < problem.m; ++row) {
      for (int64_t column = 0; column < problem.n; ++column) {
        double sum = 0.0, magnitude = 0.0;
        for_each_batch(problem.batch, true, [&](const std::array<int64_t, 3>& reduced) {
          const std::array<int64_t, 3> index{kept[0] + reduced[0], kept[1] + reduced[1], kept[2] + reduced[2]};
          for (int64_t k = 0; k < problem.k; ++k) {
            const double term = static_cast<double>(test.a.at(row, k, index)) * test.b.at(k, column, index);
            sum += term;
            magnitude += std::abs(term);
          }
        });
        const auto offset = static_cast<size_t>(c_offset(problem, row, column, kept));
        const double addend = problem.addend == nullptr         ? 0.0
                              : problem.addend == test.c.data() ? before[offset]
                                                                : test.addend[offset];
        const double exact = problem.alpha * sum + addend;
        const double bound =
            (static_cast<double>(length) + 4) * 6e-8 * (std::abs(problem.alpha) * magnitude + std::abs(addend)) + 1e-30;
        written[offset] = true;
        if (!(std::abs(result[offset] - exact) <= bound) && ++wrong <= 3) {
          ADD_FAILURE() << "C[" << row << ", " << column << "] is " << result[offset] << ", exactly " << exact;
        }
      }
    }
  });
  for (size_t i = 0; i < result.size(); ++i) {
    if (!written[i] && std::bit_cast<uint32_t>(result[i]) != std::bit_cast<uint32_t>(before[i])) {
      ADD_FAILURE() << "element " << i << " outside C was written";
      break;
    }
  }
}

enum class Addend { none, accumulate, residual };

struct CaseOptions {
  int64_t m, n, k;
  std::array<GemmBatch, 3> batch{};
  std::array<bool, 3> a_shared{};
  std::array<bool, 3> b_shared{};
  Layout a_layout = Layout::row_major, b_layout = Layout::row_major;
  Storage a_storage = Storage::float32, b_storage = Storage::float32;
  Layout c_layout = Layout::row_major;
  Addend addend = Addend::none;
  float alpha = 1.0f;
};

Case make_case(RandomSource& random, const CaseOptions& options) {
  Case test;
  GemmProblem& problem = test.problem;
  problem.m = options.m;
  problem.n = options.n;
  problem.k = options.k;
  problem.batch = options.batch;
  problem.alpha = options.alpha;
  test.a =
      make_operand(random, options.m, options.k, options.batch, options.a_shared, options.a_layout, options.a_storage);
  test.b =
      make_operand(random, options.k, options.n, options.batch, options.b_shared, options.b_layout, options.b_storage);
  std::array<bool, 3> c_shared{};
  for (size_t dim = 0; dim < 3; ++dim) c_shared[dim] = options.batch[dim].reduce;
  Operand c = make_operand(random, options.m, options.n, options.batch, c_shared, options.c_layout, Storage::float32);
  test.c = c.values;
  problem.c = {nullptr, c.input.row_stride, c.input.column_stride, c.input.batch_strides};
  test.addend = random.floats(static_cast<int64_t>(test.c.size()));
  problem.a = test.a.input;
  problem.b = test.b.input;
  return test;
}

std::vector<float> run(Case& test, Addend addend) {
  const std::vector<float> before = test.c;
  test.problem.a.data =
      test.a.input.storage == Storage::float32 ? static_cast<const void*>(test.a.values.data()) : test.a.narrow.data();
  test.problem.b.data =
      test.b.input.storage == Storage::float32 ? static_cast<const void*>(test.b.values.data()) : test.b.narrow.data();
  test.problem.c.data = test.c.data();
  test.problem.addend = addend == Addend::none         ? nullptr
                        : addend == Addend::accumulate ? test.c.data()
                                                       : test.addend.data();
  gemm(test.problem);
  std::vector<float> result = test.c;
  expect_product(test, result, before);
  test.c = before;
  return result;
}

void check(RandomSource& random, const CaseOptions& options) {
  Case test = make_case(random, options);
  run(test, options.addend);
}

template <class Value>
Value pick(RandomSource& random, std::initializer_list<Value> values) {
  return *(values.begin() + random.integer(0, static_cast<int64_t>(values.size()) - 1));
}

TEST(Gemm, AgreesWithPlainLoopsOnRandomShapesAndLayouts) {
  for_each_target([] {
    RandomSource random(1);
    for (int repetition = 0; repetition < 150 && !testing::Test::HasFailure(); ++repetition) {
      CaseOptions options{random.integer(1, 70), random.integer(1, 90), random.integer(1, 60)};
      if (random.chance(0.15)) options.k = random.integer(250, 600);
      if (random.chance(0.1)) options.n = random.integer(1, 9);
      if (random.chance(0.1)) options.m = random.integer(1, 9);
      options.a_layout = pick(random, {Layout::row_major, Layout::column_major, Layout::strided});
      options.b_layout = pick(random, {Layout::row_major, Layout::column_major, Layout::strided});
      options.c_layout = pick(random, {Layout::row_major, Layout::row_major, Layout::column_major, Layout::strided});
      options.a_storage = pick(random, {Storage::float32, Storage::float32, Storage::float16, Storage::bfloat16});
      options.b_storage = pick(random, {Storage::float32, Storage::float32, Storage::float16, Storage::bfloat16});
      options.addend = pick(random, {Addend::none, Addend::accumulate, Addend::residual});
      options.alpha = pick(random, {1.0f, 0.125f, -1.7f});
      SCOPED_TRACE(testing::Message() << "repetition " << repetition << ": " << options.m << "x" << options.n << "x"
                                      << options.k);
      check(random, options);
    }
  });
}

TEST(Gemm, HandlesEverySortOfBatchDimension) {
  for_each_target([] {
    RandomSource random(2);
    for (int repetition = 0; repetition < 150 && !testing::Test::HasFailure(); ++repetition) {
      CaseOptions options{random.integer(1, 40), random.integer(1, 50), random.integer(1, 40)};
      if (random.chance(0.2)) options.n = 1;
      if (random.chance(0.2)) options.m = 1;
      for (size_t dim = 0; dim < 3; ++dim) {
        options.batch[dim].size = random.integer(1, 4);
        options.batch[dim].reduce = random.chance(0.3);
        options.a_shared[dim] = random.chance(0.3);
        options.b_shared[dim] = random.chance(0.3);
      }
      options.a_layout = pick(random, {Layout::row_major, Layout::column_major});
      options.b_layout = pick(random, {Layout::row_major, Layout::column_major});
      options.addend = pick(random, {Addend::none, Addend::accumulate, Addend::residual});
      SCOPED_TRACE(testing::Message() << "repetition " << repetition << ": " << options.m << "x" << options.n << "x"
                                      << options.k);
      check(random, options);
    }
  });
}

TEST(Gemm, SpansSeveralBlocksOfColumnsAndOfK) {
  RandomSource random(3);
  check(random, {20, 1300, 300});   // more columns than one block
  check(random, {30, 1040, 2200});  // more k than one packed block
  check(random, {13, 33, 2048, {{{3, true}, {1, false}, {1, false}}}});
}

TEST(Gemm, OfAnEmptySumIsTheAddend) {
  std::vector<float> c{1, 2, 3, 4, 5, 6};
  const std::vector<float> addend{6, 5, 4, 3, 2, 1};
  GemmProblem problem;
  problem.m = 2;
  problem.n = 3;
  problem.k = 0;
  problem.c = {c.data(), 3, 1, {}};
  problem.addend = addend.data();
  gemm(problem);
  EXPECT_EQ(c, addend);
  problem.addend = nullptr;
  gemm(problem);
  EXPECT_EQ(c, std::vector<float>(6, 0.0f));
}

TEST(Gemm, LeavesCAloneWhenItHasNoElements) {
  std::vector<float> c{7};
  GemmProblem problem;
  problem.m = 0;
  problem.n = 3;
  problem.k = 2;
  problem.c.data = c.data();
  gemm(problem);
  EXPECT_EQ(c[0], 7.0f);
}

TEST(Gemm, GivesTheSameBitsAtAnyThreadCount) {
  const std::vector<CaseOptions> cases{
      {200, 130, 300},                                                             // plain
      {33, 1100, 70},                                                              // cut by columns
      {500, 1, 700},                                                               // one column
      {64, 48, 64, {{{6, false}, {1, false}, {1, false}}}},                        // independent
      {70, 40, 64, {{{5, true}, {1, false}, {1, false}}}},                         // summed
      {90, 64, 128, {{{3, false}, {1, false}, {1, false}}}, {true, false, false}}  // shared A
  };
  for (const CaseOptions& options : cases) {
    RandomSource random(4);
    Case test = make_case(random, options);
    const std::vector<float> expected = [&] {
      const ThreadCountScope threads(1);
      return run(test, Addend::accumulate);
    }();
    for (int count : {2, 3}) {
      const ThreadCountScope threads(count);
      EXPECT_TRUE(same_bits(run(test, Addend::accumulate), expected)) << count << " threads";
    }
  }
}

TEST(Gemm, StreamsOneColumnInBothOrientations) {
  for_each_target([] {
    RandomSource random(5);
    for (Layout layout : {Layout::row_major, Layout::column_major}) {
      for (int64_t n : {1, 2, 3, 4, 5, 6, 7, 8}) {
        check(random, {.m = 530, .n = n, .k = 75, .a_layout = layout});
        check(random, {.m = n, .n = 530, .k = 75, .b_layout = layout});
      }
    }
  });
}

}  // namespace
}  // namespace millwright::cpu
