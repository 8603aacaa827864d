#include "mil/literal_conversion.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <limits>

namespace millwright::mil {
namespace {

using enum ElementType;

Literal tensor(ElementType element, std::vector<double> numbers) {
  return Literal::numbers(Type::tensor(element, {static_cast<int64_t>(numbers.size())}), numbers);
}

std::string failure(const Literal& literal, ElementType element) {
  const auto converted = convert(literal, element);
  return converted ? "none" : converted.error().message;
}

TEST(LiteralConversion, RoundsFloatingPointNumbersToTheNearest) {
  const auto narrow = convert(tensor(fp64, {1, 0.1, -1.0 / 3.0}), fp16);
  ASSERT_TRUE(narrow);
  EXPECT_TRUE(narrow->is_rounded);
  EXPECT_EQ(narrow->literal.type(), Type::tensor(fp16, {3}));
  EXPECT_EQ(narrow->literal.as_numbers(), (std::vector<double>{1, 0x1.998p-4, -0x1.554p-2}));
  const auto wide = convert(tensor(fp16, {0x1.998p-4, -2}), fp64);
  ASSERT_TRUE(wide);
  EXPECT_FALSE(wide->is_rounded);
  EXPECT_EQ(wide->literal.as_numbers(), (std::vector<double>{0x1.998p-4, -2}));
}

TEST(LiteralConversion, KeepsNanAndInfinityButMakesNone) {
  const double infinity = std::numeric_limits<double>::infinity();
  const auto kept = convert(tensor(fp32, {infinity, -infinity, std::nan("")}), fp16);
  ASSERT_TRUE(kept);
  EXPECT_FALSE(kept->is_rounded);
  EXPECT_EQ(kept->literal.number_at(1), -infinity);
  EXPECT_TRUE(std::isnan(kept->literal.number_at(2)));
  EXPECT_EQ(failure(tensor(fp32, {1, 70000}), fp16), "element 1 is 70000, which fp16 cannot hold");
}

TEST(LiteralConversion, KeepsIntegersExactly) {
  EXPECT_EQ(convert(tensor(int64, {-128, 127}), int8)->literal.as_integers(), (std::vector<int64_t>{-128, 127}));
  EXPECT_EQ(failure(tensor(int64, {0, 128}), int8), "element 1 is 128, which int8 cannot hold");
  EXPECT_EQ(failure(tensor(int32, {-1}), uint16), "element 0 is -1, which uint16 cannot hold");
  EXPECT_EQ(convert(tensor(boolean, {0, 1}), int32)->literal.as_integers(), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(convert(tensor(uint8, {0, 1}), boolean)->literal.as_integers(), (std::vector<int64_t>{0, 1}));
  EXPECT_EQ(failure(tensor(uint8, {2}), boolean), "element 0 is 2, which bool cannot hold");
  std::array<std::byte, 8> ones;
  ones.fill(std::byte{0xff});
  const Literal largest = Literal::bytes(Type::tensor(uint64, {1}), {ones.begin(), ones.end()});
  EXPECT_NE(failure(largest, int64), "none");
}

TEST(LiteralConversion, TakesNumbersForIntegersWhereNothingIsLost) {
  EXPECT_EQ(convert(tensor(fp32, {3, -4}), int32)->literal.as_integers(), (std::vector<int64_t>{3, -4}));
  EXPECT_EQ(failure(tensor(fp32, {3, 0.5}), int32), "element 1 is 0.5, which int32 cannot hold");
  EXPECT_EQ(failure(tensor(fp32, {std::numeric_limits<double>::quiet_NaN()}), int32),
            "element 0 is nan, which int32 cannot hold");
  EXPECT_EQ(failure(tensor(fp64, {1e19}), int64), "element 0 is 1e+19, which int64 cannot hold");
  EXPECT_EQ(convert(tensor(int32, {2048}), fp16)->literal.as_numbers(), std::vector<double>{2048});
  EXPECT_EQ(failure(tensor(int32, {2049}), fp16), "element 0 is 2049, which fp16 cannot hold");
  const Literal odd = Literal::integer(int64, (int64_t{1} << 53) + 1);
  EXPECT_NE(failure(odd, fp64), "none");
}

}  // namespace
}  // namespace millwright::mil
