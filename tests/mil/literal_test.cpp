#include "mil/literal.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>

namespace millwright::mil {
namespace {

TEST(Literal, ScalarsHaveTheirTypeAndValue) {
  EXPECT_EQ(Literal::boolean(true).type(), Type::scalar(ElementType::boolean));
  EXPECT_TRUE(Literal::boolean(true).as_bool());
  EXPECT_FALSE(Literal::boolean(false).as_bool());
  EXPECT_EQ(Literal::string("valid").as_string(), "valid");
  EXPECT_EQ(Literal::int32(-5).as_integer(), -5);
  EXPECT_EQ(Literal::integer(ElementType::uint4, 15).as_integer(), 15);
  EXPECT_EQ(Literal::integer(ElementType::int4, -8).as_integer(), -8);
  EXPECT_EQ(Literal::number(ElementType::fp32, 0.5).as_number(), 0.5);
}

TEST(Literal, NumbersAreRoundedToTheirType) {
  EXPECT_EQ(Literal::number(ElementType::fp16, 0.1).as_number(), 0x1.998p-4);
  EXPECT_EQ(Literal::number(ElementType::bf16, 0.1).as_number(), 0x1.9ap-4);
  EXPECT_EQ(Literal::number(ElementType::fp32, 0.1).as_number(), static_cast<double>(0.1f));
  EXPECT_EQ(Literal::number(ElementType::fp64, 0.1).as_number(), 0.1);
  EXPECT_EQ(Literal::number(ElementType::fp16, 1e6).as_number(), std::numeric_limits<double>::infinity());
}

// The value tables of the OCP 8-bit floating point specification, revision 1.0, table 1.
TEST(Literal, EightBitFloatsFollowTheOcpSpecification) {
  const auto value = [](ElementType element, uint8_t bits) {
    const std::byte byte{bits};
    return load_number(element, &byte);
  };
  EXPECT_EQ(value(ElementType::fp8e4m3fn, 0x7e), 448.0);
  EXPECT_EQ(value(ElementType::fp8e4m3fn, 0x08), 0x1p-6);
  EXPECT_EQ(value(ElementType::fp8e4m3fn, 0x07), 0.875 * 0x1p-6);
  EXPECT_EQ(value(ElementType::fp8e4m3fn, 0x01), 0x1p-9);
  EXPECT_TRUE(std::isnan(value(ElementType::fp8e4m3fn, 0x7f)));
  EXPECT_TRUE(std::isnan(value(ElementType::fp8e4m3fn, 0xff)));
  EXPECT_EQ(value(ElementType::fp8e5m2, 0x7b), 57344.0);
  EXPECT_EQ(value(ElementType::fp8e5m2, 0x04), 0x1p-14);
  EXPECT_EQ(value(ElementType::fp8e5m2, 0x03), 0.75 * 0x1p-14);
  EXPECT_EQ(value(ElementType::fp8e5m2, 0x01), 0x1p-16);
  EXPECT_EQ(value(ElementType::fp8e5m2, 0xfc), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(value(ElementType::fp8e5m2, 0x7d)));
}

TEST(Literal, EightBitFloatsRoundToTheNearest) {
  EXPECT_EQ(Literal::number(ElementType::fp8e4m3fn, 17).as_number(), 16.0);  // a tie, to even
  EXPECT_EQ(Literal::number(ElementType::fp8e4m3fn, 19).as_number(), 20.0);  // a tie, to even
  EXPECT_EQ(Literal::number(ElementType::fp8e4m3fn, -17.1).as_number(), -18.0);
  EXPECT_EQ(Literal::number(ElementType::fp8e4m3fn, 1e9).as_number(), 448.0);  // no infinity
  EXPECT_EQ(Literal::number(ElementType::fp8e5m2, 9).as_number(), 8.0);
}

TEST(Literal, EveryBitPatternOfAnEightBitFloatIsItsOwnNearest) {
  for (const ElementType element : {ElementType::fp8e4m3fn, ElementType::fp8e5m2}) {
    for (int bits = 0; bits < 256; ++bits) {
      const std::byte byte{static_cast<uint8_t>(bits)};
      const double value = load_number(element, &byte);
      if (std::isnan(value)) continue;
      std::byte again{};
      store_number(element, value, &again);
      EXPECT_EQ(again, byte) << element_name(element) << " " << value;
    }
  }
}

TEST(Literal, TensorsKeepTheirElementsInOrder) {
  const std::vector<int64_t> numbers = {3, -1, 7};
  const Literal vector = Literal::int32_vector(numbers);
  EXPECT_EQ(vector.type(), Type::tensor(ElementType::int32, {3}));
  EXPECT_EQ(vector.as_integers(), numbers);
  EXPECT_EQ(vector.as_numbers(), (std::vector<double>{3, -1, 7}));

  const Type matrix = Type::tensor(ElementType::fp16, {2, 2});
  const std::vector<double> values = {1, 2, 3, 4};
  EXPECT_EQ(Literal::numbers(matrix, values).number_at(2), 3.0);
  EXPECT_EQ(Literal::splat(matrix, 5).as_numbers(), (std::vector<double>{5, 5, 5, 5}));
  EXPECT_EQ(Literal::bool_vector({true, false, true}).as_integers(), (std::vector<int64_t>{1, 0, 1}));
  EXPECT_EQ(Literal::strings(Type::tensor(ElementType::string, {2}), {"a", "b"}).texts()[1], "b");
}

TEST(Literal, LargeUnsignedIntegersKeepTheirBits) {
  std::byte storage[8];
  store_integer(ElementType::uint64, -1, storage);
  EXPECT_EQ(load_number(ElementType::uint64, storage), 0x1p64);
  EXPECT_EQ(load_integer(ElementType::uint64, storage), -1);
}

TEST(Literal, IntegerTypesKnowTheirRange) {
  EXPECT_EQ(integer_range(ElementType::boolean), (std::pair<int64_t, int64_t>{0, 1}));
  EXPECT_EQ(integer_range(ElementType::int4), (std::pair<int64_t, int64_t>{-8, 7}));
  EXPECT_EQ(integer_range(ElementType::uint6), (std::pair<int64_t, int64_t>{0, 63}));
  EXPECT_EQ(integer_range(ElementType::int32), (std::pair<int64_t, int64_t>{-2147483648, 2147483647}));
  EXPECT_EQ(integer_range(ElementType::uint64).second, std::numeric_limits<int64_t>::max());
}

TEST(Literal, EqualityIsBitwise) {
  const Type type = Type::scalar(ElementType::fp32);
  EXPECT_EQ(Literal::number(ElementType::fp32, NAN), Literal::number(ElementType::fp32, NAN));
  EXPECT_FALSE(Literal::number(ElementType::fp32, 0.0) == Literal::number(ElementType::fp32, -0.0));
  EXPECT_FALSE(Literal::number(ElementType::fp32, 1) == Literal::number(ElementType::fp16, 1));
  EXPECT_FALSE(Literal::number(ElementType::fp32, 1) == Literal::splat(Type::tensor(ElementType::fp32, {1}), 1));
  EXPECT_EQ(Literal::blob(type, {"w.bin", 64}), Literal::blob(type, {"w.bin", 64}));
  EXPECT_FALSE(Literal::blob(type, {"w.bin", 64}) == Literal::blob(type, {"w.bin", 128}));
  EXPECT_FALSE(Literal::blob(type, {"w.bin", 64}) == Literal::number(ElementType::fp32, 0));
  const Type list = Type::list(type, kUnknownDimension);
  EXPECT_EQ(Literal::items(list, {Literal::number(ElementType::fp32, 1)}),
            Literal::items(list, {Literal::number(ElementType::fp32, 1)}));
  EXPECT_FALSE(Literal::items(list, {Literal::number(ElementType::fp32, 1)}) == Literal::items(list, {}));
}

TEST(Literal, DictionariesKeepTheirOrder) {
  const Type text = Type::scalar(ElementType::string);
  const Type type = Type::dict(text, text);
  const Literal dictionary = Literal::dictionary(
      type, {{Literal::string("b"), Literal::string("1")}, {Literal::string("a"), Literal::string("2")}});
  EXPECT_EQ(dictionary.pairs()[0].first.as_string(), "b");
  EXPECT_EQ(dictionary.pairs()[1].second.as_string(), "2");
  EXPECT_FALSE(dictionary.has_elements());
}

TEST(LiteralDeathTest, MisuseIsABug) {
  EXPECT_DEATH(Literal::integer(ElementType::int8, 128), "128 does not fit int8");
  const std::vector<int64_t> wide = {int64_t{1} << 31};
  EXPECT_DEATH(Literal::int32_vector(wide), "2147483648 does not fit int32");
  EXPECT_DEATH(Literal::string("x").elements(), "has none inline");
  EXPECT_DEATH(Literal::int32(1).texts(), "strings of a int32");
  EXPECT_DEATH(Literal::int32(1).number_at(1), "element 1 of int32");
  EXPECT_DEATH(Literal::bytes(Type::tensor(ElementType::fp32, {2}), std::vector<std::byte>(7)), "7 bytes");
}

}  // namespace
}  // namespace millwright::mil
