// Fast and faithful numerics side by side, for every operation of the in-memory interface: how far their rounding is
// apart, and that their range is the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "base/parallel.h"
#include "device/emulated_testing.h"
#include "device/operation_numerics.h"

namespace millwright::device {
namespace {

const std::vector<OperationProgram>& all_programs() {
  static const std::vector<OperationProgram> all = operation_programs();
  return all;
}

std::vector<const OperationProgram*> run_programs() {
  std::vector<const OperationProgram*> run;
  for (const OperationProgram& program : all_programs()) {
    if (program.apart != Apart::not_run) run.push_back(&program);
  }
  return run;
}

std::vector<double> results(const OperationProgram& program, const std::vector<mil::Literal>& inputs,
                            Numerics numerics) {
  const auto values = run_numerics(program, inputs, numerics);
  EXPECT_TRUE(values.has_value()) << program.kind << ": " << values.error().message;
  return values ? *values : std::vector<double>{};
}

// Parts of other constants, or a constant itself.
constexpr const char* kWithoutProgram[] = {"const", "constexpr_lut_to_sparse",
                                           "constexpr_sparse_blockwise_shift_scale"};

TEST(OperationNumerics, HaveAProgramForEveryOperationOfTheEngine) {
  std::set<std::string> kinds(std::begin(kWithoutProgram), std::end(kWithoutProgram));
  for (const OperationProgram& program : all_programs()) kinds.insert(program.kind);
  const std::vector<std::string> listed = *profile_of("m4").limits.operations;
  std::set<std::string> operations(listed.begin(), listed.end());
  operations.insert({"sin", "cos"});  // limits.native_sin_cos
  EXPECT_EQ(kinds, operations);
}

TEST(OperationNumerics, RefuseWhatTheyCannotCompute) {
  for (const OperationProgram& program : all_programs()) {
    if (program.apart != Apart::not_run) continue;
    for (const Numerics numerics : {Numerics::fast, Numerics::faithful}) {
      const auto refused = run_numerics(program, random_inputs(program, 1), numerics);
      ASSERT_FALSE(refused.has_value()) << program.kind;
      EXPECT_THAT(refused.error().message, ::testing::HasSubstr("(" + program.kind + "): ")) << program.kind;
    }
  }
}

TEST(OperationNumerics, AreApartByNoMoreThanTheyShould) {
  for (const OperationProgram* each : run_programs()) {
    const OperationProgram& program = *each;
    for (uint64_t seed = 1; seed <= 2; ++seed) {
      const std::vector<mil::Literal> inputs = random_inputs(program, seed);
      const Difference difference =
          difference_of(results(program, inputs, Numerics::fast), results(program, inputs, Numerics::faithful));
      const double found = program.apart == Apart::table ? difference.absolute : difference.units;
      EXPECT_LE(found, program.bound) << program.kind << " (" << apart_name(program.apart) << ")";
    }
  }
}

// A table that is not read, or a sum that is exact, would pass the bounds above.
TEST(OperationNumerics, AreApartWhereTablesAndSumsAre) {
  for (const OperationProgram* each : run_programs()) {
    const OperationProgram& program = *each;
    if (program.apart != Apart::table && program.apart != Apart::sums) continue;
    const std::vector<mil::Literal> inputs = random_inputs(program, 1);
    const Difference difference =
        difference_of(results(program, inputs, Numerics::fast), results(program, inputs, Numerics::faithful));
    EXPECT_GT(difference.differing, 0.05) << program.kind;
  }
}

// Infinite, not a number, or neither: the same in both (C51, C52, C59), whatever goes in.
TEST(OperationNumerics, HaveOneRange) {
  const auto kind_of = [](double number) { return std::isnan(number) ? 2.0 : std::isinf(number) ? number : 0.0; };
  for (const OperationProgram* each : run_programs()) {
    const OperationProgram& program = *each;
    const std::vector<mil::Literal> inputs = extreme_inputs(program);
    const std::vector<double> fast = results(program, inputs, Numerics::fast);
    const std::vector<double> faithful = results(program, inputs, Numerics::faithful);
    ASSERT_EQ(fast.size(), faithful.size());
    for (size_t i = 0; i < fast.size(); ++i) {
      EXPECT_FALSE(std::isnan(fast[i])) << program.kind << " element " << i;
      ASSERT_EQ(kind_of(fast[i]), kind_of(faithful[i]))
          << program.kind << " element " << i << ": " << fast[i] << " and " << faithful[i];
    }
  }
}

TEST(OperationNumerics, GiveTheSameBitsAtAnyThreadCount) {
  const int threads = thread_count();
  for (const Numerics numerics : {Numerics::fast, Numerics::faithful}) {
    for (const OperationProgram* each : run_programs()) {
      const OperationProgram& program = *each;
      const std::vector<mil::Literal> inputs = random_inputs(program, 3);
      std::vector<std::vector<double>> found;
      for (const int count : {1, 2, 5}) {
        set_thread_count(count);
        found.push_back(results(program, inputs, numerics));
      }
      EXPECT_EQ(found[1], found[0]) << program.kind;
      EXPECT_EQ(found[2], found[0]) << program.kind;
    }
  }
  set_thread_count(threads);
}

}  // namespace
}  // namespace millwright::device
