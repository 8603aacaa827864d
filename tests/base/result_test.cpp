// The macros of Result and the check that stops the program.
#include "base/result.h"

#include <gtest/gtest.h>

#include <memory>

#include "base/check.h"

namespace millwright {
namespace {

Result<int> parse_digit(char c) {
  if (c < '0' || c > '9') return fail("expected a digit, found {}", c);
  return c - '0';
}

Result<int> add_digits(const std::string& text) {
  int sum = 0;
  for (const char c : text) {
    MW_ASSIGN(const int digit, parse_digit(c));
    sum += digit;
  }
  return sum;
}

Status require_digits(const std::string& text) {
  MW_TRY(add_digits(text));
  return {};
}

TEST(Result, PassesTheFirstErrorUp) {
  EXPECT_EQ(add_digits("123"), 6);
  EXPECT_EQ(add_digits("1x3").error().message, "expected a digit, found x");
  EXPECT_TRUE(require_digits("12").has_value());
  EXPECT_EQ(require_digits("?").error().kind, ErrorKind::invalid_input);
}

TEST(Result, MovesValuesThatCannotBeCopied) {
  const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(5); };
  const auto use = [&]() -> Result<int> {
    MW_ASSIGN(const std::unique_ptr<int> value, make());
    return *value;
  };
  EXPECT_EQ(use(), 5);
}

TEST(Result, ContextIsPutInFront) {
  EXPECT_EQ(with_context(Error{ErrorKind::io, "short"}, "model.bin").message, "model.bin: short");
}

TEST(CheckDeathTest, StopsWithConditionAndValues) {
  const int rank = 7;
  EXPECT_DEATH(MW_CHECK(rank <= 5, "rank {}", rank), "rank <= 5 is false: rank 7");
}

}  // namespace
}  // namespace millwright
