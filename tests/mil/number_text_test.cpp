#include "mil/number_text.h"

#include <gtest/gtest.h>

#include <array>
#include <bit>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/random.h"
#include "mil/literal.h"

namespace millwright::mil {
namespace {

constexpr ElementType kFloats[] = {ElementType::fp16, ElementType::bf16,      ElementType::fp32,
                                   ElementType::fp64, ElementType::fp8e4m3fn, ElementType::fp8e5m2};

using Bytes = std::array<std::byte, 8>;

Bytes bytes_of(uint64_t bits) {
  Bytes bytes{};
  for (size_t i = 0; i < 8; ++i) bytes[i] = static_cast<std::byte>(bits >> (8 * i) & 0xff);
  return bytes;
}

std::string printed(ElementType element, const Bytes& bytes) {
  std::string text;
  append_float(text, element, bytes.data());
  return text;
}

// What "nan(0x1)" is to the parser: the word, then the fraction.
NumberProblem read_any(const std::string& text, ElementType element, Bytes& bytes) {
  const size_t open = text.find('(');
  if (open == std::string::npos) return read_float(text, element, bytes.data());
  return read_nan(text[0] == '-', text.substr(open + 1, text.size() - open - 2), element, bytes.data());
}

double read(const std::string& text, ElementType element) {
  Bytes bytes{};
  EXPECT_EQ(read_float(text, element, bytes.data()), NumberProblem::none) << text;
  return load_number(element, bytes.data());
}

void expect_bits_survive(ElementType element, uint64_t bits) {
  const Bytes bytes = bytes_of(bits);
  Bytes again{};
  const std::string text = printed(element, bytes);
  ASSERT_EQ(read_any(text, element, again), NumberProblem::none) << text;
  ASSERT_EQ(again, bytes) << element_name(element) << " " << text;
}

TEST(NumberText, PrintsAndReadsEveryBitPatternOfNarrowTypes) {
  for (const ElementType element : {ElementType::fp8e4m3fn, ElementType::fp8e5m2}) {
    for (uint64_t bits = 0; bits < 256; ++bits) expect_bits_survive(element, bits);
  }
  for (const ElementType element : {ElementType::fp16, ElementType::bf16}) {
    for (uint64_t bits = 0; bits < 65536; ++bits) expect_bits_survive(element, bits);
  }
}

TEST(NumberText, PrintsAndReadsRandomBitPatternsOfWideTypes) {
  RandomStream random(31);
  for (int i = 0; i < 100'000; ++i) {
    expect_bits_survive(ElementType::fp32, random.next_u32());
    expect_bits_survive(ElementType::fp64, random.next_u64());
  }
}

TEST(NumberText, PrintsNormalDoublesLikeTheCLibrary) {
  RandomStream random(32);
  for (int i = 0; i < 100'000; ++i) {
    const uint64_t bits = random.next_u64();
    const double value = std::bit_cast<double>(bits);
    if (!std::isnormal(value)) continue;
    char expected[64];
    std::snprintf(expected, sizeof expected, "%a", value);
    ASSERT_EQ(printed(ElementType::fp64, bytes_of(bits)), expected);
  }
}

TEST(NumberText, PrintsSubnormalsNormalised) {
  EXPECT_EQ(printed(ElementType::fp16, bytes_of(0x0001)), "0x1p-24");
  EXPECT_EQ(printed(ElementType::fp16, bytes_of(0x8003)), "-0x1.8p-23");
  EXPECT_EQ(printed(ElementType::fp32, bytes_of(0x00000001)), "0x1p-149");
  EXPECT_EQ(printed(ElementType::fp64, bytes_of(1)), "0x1p-1074");
  EXPECT_EQ(printed(ElementType::fp16, bytes_of(0x8000)), "-0x0p+0");
}

TEST(NumberText, ReadsDecimalsLikeTheCLibrary) {
  RandomStream random(33);
  for (int i = 0; i < 50'000; ++i) {
    std::string text = std::to_string(random.next_u64());
    text.resize(1 + random.below(text.size()));
    if (random.below(2) == 0) text.insert(random.below(text.size() + 1), ".");
    if (text == ".") continue;
    const int64_t exponent = static_cast<int64_t>(random.below(90)) - 60;
    if (random.below(2) == 0) text += "e" + std::to_string(exponent);
    ASSERT_EQ(read(text, ElementType::fp64), std::strtod(text.c_str(), nullptr)) << text;
    ASSERT_EQ(read(text, ElementType::fp32), static_cast<double>(std::strtof(text.c_str(), nullptr))) << text;
  }
}

// The exact decimal text of a number that a double holds.
std::string exact_text(double value) {
  char text[1200];
  std::snprintf(text, sizeof text, "%.1100f", value);
  return text;
}

// One less in the last place, by hand.
std::string one_less(std::string text) {
  for (size_t i = text.size(); i-- > 0;) {
    if (text[i] == '.') continue;
    if (text[i] != '0') {
      --text[i];
      return text;
    }
    text[i] = '9';
  }
  return text;
}

TEST(NumberText, RoundsAtTheMiddleBetweenTwoNumbersByTheLastDigit) {
  for (const ElementType element : {ElementType::fp16, ElementType::bf16, ElementType::fp32}) {
    RandomStream random(34);
    const uint64_t patterns =
        element == ElementType::fp32 ? 0x7f7fffff : (element == ElementType::fp16 ? 0x7bff : 0x7f7f);
    for (int i = 0; i < 2000; ++i) {
      const uint64_t bits = random.below(patterns);
      const double low = load_number(element, bytes_of(bits).data());
      const double high = load_number(element, bytes_of(bits + 1).data());
      const double even = bits % 2 == 0 ? low : high;
      const std::string middle = exact_text(low + (high - low) / 2);
      ASSERT_EQ(read(middle, element), even) << middle;
      ASSERT_EQ(read(middle + "0000001", element), high) << middle;
      ASSERT_EQ(read(one_less(middle), element), low) << middle;
    }
  }
}

TEST(NumberText, RoundsHexadecimalsToEvenAtTheMiddle) {
  EXPECT_EQ(read("0x1.002p+0", ElementType::fp16), 1.0);
  EXPECT_EQ(read("0x1.006p+0", ElementType::fp16), 0x1.008p+0);
  EXPECT_EQ(read("0x1.00200000000000000000000000000000001p+0", ElementType::fp16), 0x1.004p+0);
  EXPECT_EQ(read("0x1.00000000000008p+0", ElementType::fp64), 1.0);
  EXPECT_EQ(read("0x1.00000000000008000000000000001p+0", ElementType::fp64), 0x1.0000000000001p+0);
  EXPECT_EQ(read("0x1p-25", ElementType::fp16), 0.0);
  EXPECT_EQ(read("0x1.000001p-25", ElementType::fp16), 0x1p-24);
  EXPECT_EQ(read("0x3p-26", ElementType::fp16), 0x1p-24);
  EXPECT_EQ(read("0x1.2p+3", ElementType::fp8e5m2), 8.0);
  EXPECT_EQ(read("0x1.2p+3", ElementType::fp8e4m3fn), 9.0);
}

TEST(NumberText, TakesEverySpellingOfANumber) {
  EXPECT_EQ(read("2", ElementType::fp16), 2.0);
  EXPECT_EQ(read("-1", ElementType::fp16), -1.0);
  EXPECT_EQ(read(".5", ElementType::fp32), 0.5);
  EXPECT_EQ(read("5.", ElementType::fp32), 5.0);
  EXPECT_EQ(read("1E+2", ElementType::fp32), 100.0);
  EXPECT_EQ(read("0x1F", ElementType::fp32), 31.0);
  EXPECT_EQ(read("0X.8P1", ElementType::fp32), 1.0);
  EXPECT_EQ(read("0x0.0000001p28", ElementType::fp32), 1.0);
  EXPECT_EQ(read("0x1000000000000000000000000p-96", ElementType::fp32), 1.0);
  EXPECT_TRUE(std::signbit(read("-0", ElementType::fp32)));
  EXPECT_TRUE(std::signbit(read("-1e-400", ElementType::fp64)));
  EXPECT_EQ(read("-inf", ElementType::bf16), -std::numeric_limits<double>::infinity());
  EXPECT_TRUE(std::isnan(read("nan", ElementType::fp8e4m3fn)));
}

TEST(NumberText, LetsLargeValuesBecomeInfiniteAndTinyOnesZero) {
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(read("65519.999", ElementType::fp16), 65504.0);
  EXPECT_EQ(read("65520", ElementType::fp16), infinity);
  EXPECT_EQ(read("-1e99999999999999999999", ElementType::fp64), -infinity);
  EXPECT_EQ(read("0x1p99999999999999999999", ElementType::fp64), infinity);
  EXPECT_EQ(read("0x1p-99999999999999999999", ElementType::fp64), 0.0);
  EXPECT_EQ(read("1e-99999999999999999999", ElementType::fp64), 0.0);
  EXPECT_EQ(read("0e99999999999999999999", ElementType::fp64), 0.0);
  EXPECT_EQ(read("1e4", ElementType::fp8e4m3fn), 448.0);
  EXPECT_EQ(read("3.4028235677973367e38", ElementType::fp32), infinity);
  EXPECT_EQ(read("3.4028235677973366e38", ElementType::fp32), static_cast<double>(std::numeric_limits<float>::max()));
}

TEST(NumberText, ReadsVeryLongLiterals) {
  std::string text = "0." + std::string(5000, '3');
  EXPECT_EQ(read(text, ElementType::fp64), 1.0 / 3.0);
  text = "1" + std::string(5000, '0') + "e-5000";
  EXPECT_EQ(read(text, ElementType::fp64), 1.0);
  // The middle between 1 and the next double, and a digit far behind it.
  const std::string middle = "1.00000000000000011102230246251565404236316680908203125";
  EXPECT_EQ(read(middle, ElementType::fp64), 1.0);
  EXPECT_EQ(read(middle + std::string(5000, '0') + "1", ElementType::fp64), 1.0 + 0x1p-52);
}

TEST(NumberText, RefusesWhatIsNoNumber) {
  Bytes bytes{};
  for (const char* text : {"", "-", ".", "e5", "1e", "1e+", "1.2.3", "0x", "0xp1", "0x1p", "0x1.g", "1f", "infinity",
                           "+1", "--1", "1_000", "1e5.0", "0x1e-3"}) {
    for (const ElementType element : kFloats) {
      EXPECT_EQ(read_float(text, element, bytes.data()), NumberProblem::malformed) << text;
    }
  }
  for (const char* text : {"", "-", "1.0", "1e3", "0x10", "+1", "1-"}) {
    EXPECT_EQ(read_integer(text, ElementType::int32, bytes.data()), NumberProblem::malformed) << text;
    EXPECT_EQ(read_integer(text, ElementType::uint64, bytes.data()), NumberProblem::malformed) << text;
  }
}

TEST(NumberText, ReadsIntegersUpToTheBoundsOfTheirType) {
  struct Case {
    ElementType element;
    const char* lowest;
    const char* below;
    const char* highest;
    const char* above;
  };
  for (const Case& c :
       {Case{ElementType::int4, "-8", "-9", "7", "8"}, Case{ElementType::int8, "-128", "-129", "127", "128"},
        Case{ElementType::int16, "-32768", "-32769", "32767", "32768"},
        Case{ElementType::int32, "-2147483648", "-2147483649", "2147483647", "2147483648"},
        Case{ElementType::int64, "-9223372036854775808", "-9223372036854775809", "9223372036854775807",
             "9223372036854775808"},
        Case{ElementType::uint1, "0", "-1", "1", "2"}, Case{ElementType::uint2, "0", "-1", "3", "4"},
        Case{ElementType::uint3, "0", "-1", "7", "8"}, Case{ElementType::uint4, "0", "-1", "15", "16"},
        Case{ElementType::uint6, "0", "-1", "63", "64"}, Case{ElementType::uint8, "0", "-1", "255", "256"},
        Case{ElementType::uint16, "0", "-1", "65535", "65536"},
        Case{ElementType::uint32, "0", "-1", "4294967295", "4294967296"},
        Case{ElementType::uint64, "0", "-1", "18446744073709551615", "18446744073709551616"}}) {
    Bytes bytes{};
    for (const char* text : {c.lowest, c.highest}) {
      ASSERT_EQ(read_integer(text, c.element, bytes.data()), NumberProblem::none) << text;
      std::string again;
      append_integer(again, c.element, bytes.data());
      EXPECT_EQ(again, text) << element_name(c.element);
    }
    EXPECT_EQ(read_integer(c.below, c.element, bytes.data()), NumberProblem::out_of_range) << c.below;
    EXPECT_EQ(read_integer(c.above, c.element, bytes.data()), NumberProblem::out_of_range) << c.above;
  }
}

TEST(NumberText, SpellsOutUnusualNaNs) {
  EXPECT_EQ(printed(ElementType::fp16, bytes_of(0x7e00)), "nan");
  EXPECT_EQ(printed(ElementType::fp16, bytes_of(0xfe00)), "-nan");
  EXPECT_EQ(printed(ElementType::fp16, bytes_of(0x7c01)), "nan(0x1)");
  EXPECT_EQ(printed(ElementType::fp8e4m3fn, bytes_of(0x7f)), "nan");
  Bytes bytes{};
  EXPECT_EQ(read_nan(false, "0x0", ElementType::fp16, bytes.data()), NumberProblem::out_of_range);
  EXPECT_EQ(read_nan(false, "0x400", ElementType::fp16, bytes.data()), NumberProblem::out_of_range);
  EXPECT_EQ(read_nan(false, "0x11111111111111111", ElementType::fp64, bytes.data()), NumberProblem::out_of_range);
  EXPECT_EQ(read_nan(false, "1", ElementType::fp16, bytes.data()), NumberProblem::malformed);
  EXPECT_EQ(read_nan(false, "0x", ElementType::fp16, bytes.data()), NumberProblem::malformed);
}

}  // namespace
}  // namespace millwright::mil
