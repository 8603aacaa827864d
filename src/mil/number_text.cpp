#include "mil/number_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "mil/literal.h"

namespace millwright::mil {
namespace {

// A binary floating format: `precision` bits with the leading one, exponents of the first bit of normal numbers.
struct Format {
  int bytes;
  int precision;
  int lowest_exponent;
  double largest;  // finite
  bool has_infinity;
};

Format format_of(ElementType element) {
  switch (element) {
    case ElementType::fp16:
      return {2, 11, -14, 65504.0, true};
    case ElementType::bf16:
      return {2, 8, -126, 0x1.fep+127, true};
    case ElementType::fp32:
      return {4, 24, -126, 0x1.fffffep+127, true};
    case ElementType::fp64:
      return {8, 53, -1022, std::numeric_limits<double>::max(), true};
    case ElementType::fp8e4m3fn:
      return {1, 4, -6, 448.0, false};
    case ElementType::fp8e5m2:
      return {1, 3, -14, 57344.0, true};
    default:
      MW_CHECK(false, "{} is no floating type", element_name(element));
      return {};
  }
}

// mantissa · 2^exponent split at the last bit that the format keeps.
struct Split {
  uint64_t kept;
  bool half;  // the first dropped bit
  bool rest;  // any further dropped bit
  int lowest_bit;
};

Split split_at_precision(uint64_t mantissa, int exponent, const Format& format) {
  const int first_bit = exponent + static_cast<int>(std::bit_width(mantissa)) - 1;
  const int lowest_bit = std::max(first_bit, format.lowest_exponent) - (format.precision - 1);
  const int shift = lowest_bit - exponent;
  if (shift <= 0) return {mantissa, false, false, exponent};
  if (shift > 64) return {0, false, true, lowest_bit};
  const uint64_t dropped = shift == 64 ? mantissa : mantissa & ((uint64_t{1} << shift) - 1);
  const uint64_t half = uint64_t{1} << (shift - 1);
  return {shift == 64 ? 0 : mantissa >> shift, (dropped & half) != 0, (dropped & (half - 1)) != 0, lowest_bit};
}

// mantissa · 2^exponent, plus something below its last bit when `sticky`, as a number of the format.
double round_to(uint64_t mantissa, int exponent, bool sticky, const Format& format) {
  if (mantissa == 0) return 0.0;
  const Split split = split_at_precision(mantissa, exponent, format);
  const bool up = split.half && (split.rest || sticky || (split.kept & 1) != 0);
  const double value = std::ldexp(static_cast<double>(split.kept + (up ? 1 : 0)), split.lowest_bit);
  if (value <= format.largest) return value;
  return format.has_infinity ? std::numeric_limits<double>::infinity() : format.largest;
}

// Exponents beyond these bounds decide by themselves, whatever the digits are.
constexpr int64_t kExponentBound = 1'000'000'000'000;

// "-12": nothing when there is no digit or something else. Saturates at the bound.
bool read_exponent(std::string_view text, int64_t& exponent) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text.empty()) return false;
  exponent = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return false;
    exponent = std::min(exponent * 10 + (c - '0'), kExponentBound);
  }
  if (negative) exponent = -exponent;
  return true;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The text behind "0x".
bool read_hexadecimal(std::string_view text, const Format& format, double& value) {
  uint64_t mantissa = 0;
  int64_t exponent = 0;
  bool sticky = false, in_fraction = false, any_digit = false;
  size_t i = 0;
  for (; i < text.size() && text[i] != 'p' && text[i] != 'P'; ++i) {
    if (text[i] == '.' && !in_fraction) {
      in_fraction = true;
      continue;
    }
    const int digit = hex_digit(text[i]);
    if (digit < 0) return false;
    any_digit = true;
    if (mantissa >> 60 == 0) {
      mantissa = mantissa * 16 + static_cast<uint64_t>(digit);
      if (in_fraction) exponent -= 4;
    } else {
      sticky = sticky || digit != 0;
      if (!in_fraction) exponent += 4;
    }
  }
  if (!any_digit) return false;
  if (i < text.size()) {
    int64_t written = 0;
    if (!read_exponent(text.substr(i + 1), written)) return false;
    exponent += written;
  }
  value = round_to(mantissa, static_cast<int>(std::clamp<int64_t>(exponent, -100'000, 100'000)), sticky, format);
  return true;
}

// 0.d₁d₂d₃… · 10^exponent with d₁ ≠ 0; no digits for zero.
struct Decimal {
  std::string digits;
  int64_t exponent = 0;
};

bool split_decimal(std::string_view text, Decimal& decimal) {
  // Half-way points between doubles have at most 767 digits; more digits only say "a little above".
  constexpr size_t kMaximumDigits = 800;
  bool in_fraction = false, any_digit = false, sticky = false;
  size_t i = 0;
  for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
    const char c = text[i];
    if (c == '.' && !in_fraction) {
      in_fraction = true;
      continue;
    }
    if (c < '0' || c > '9') return false;
    any_digit = true;
    if (c == '0' && decimal.digits.empty()) {
      if (in_fraction) --decimal.exponent;
      continue;
    }
    if (decimal.digits.size() < kMaximumDigits) {
      decimal.digits += c;
    } else {
      sticky = sticky || c != '0';
    }
    if (!in_fraction) ++decimal.exponent;
  }
  if (!any_digit) return false;
  if (i < text.size()) {
    int64_t written = 0;
    if (!read_exponent(text.substr(i + 1), written)) return false;
    decimal.exponent += written;
  }
  if (sticky) {
    decimal.digits += '1';
  } else {
    while (!decimal.digits.empty() && decimal.digits.back() == '0') decimal.digits.pop_back();
  }
  return true;
}

double nearest_double(const Decimal& decimal) {
  if (decimal.digits.empty() || decimal.exponent < -400) return 0.0;
  if (decimal.exponent > 400) return std::numeric_limits<double>::infinity();
  const int scale = static_cast<int>(decimal.exponent) - static_cast<int>(decimal.digits.size());
  // Both factors are exact, so the one operation rounds once (Clinger, "How to read floating point numbers
  // accurately").
  constexpr double kPowers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  if (decimal.digits.size() <= 15 && scale >= -22 && scale <= 22) {
    uint64_t integer = 0;
    for (const char c : decimal.digits) integer = integer * 10 + static_cast<uint64_t>(c - '0');
    const double exact = static_cast<double>(integer);
    return scale < 0 ? exact / kPowers[-scale] : exact * kPowers[scale];
  }
  // Without a decimal point the text means the same in every locale.
  return std::strtod(fmt::format("{}e{}", decimal.digits, scale).c_str(), nullptr);
}

// The sign of decimal − value, for a value that is a half-way point of a narrower format.
int compare(const Decimal& decimal, double value) {
  // Such points have fewer than 200 digits, so that this is the exact value.
  char text[512];
  const int length = std::snprintf(text, sizeof text, "%.400e", value);
  MW_CHECK(length > 0 && length < static_cast<int>(sizeof text), "printing {}", value);
  const std::string_view printed(text, static_cast<size_t>(length));
  const size_t exponent_at = printed.find('e');
  Decimal exact;
  for (const char c : printed.substr(0, exponent_at)) {
    if (c >= '0' && c <= '9') exact.digits += c;  // skips the locale's decimal point
  }
  int64_t written = 0;
  MW_CHECK(read_exponent(printed.substr(exponent_at + 1), written), "the exponent of {}", printed);
  exact.exponent = written + 1;
  while (!exact.digits.empty() && exact.digits.back() == '0') exact.digits.pop_back();
  if (decimal.exponent != exact.exponent) return decimal.exponent < exact.exponent ? -1 : 1;
  return decimal.digits.compare(exact.digits);
}

bool read_decimal(std::string_view text, const Format& format, double& value) {
  Decimal decimal;
  if (!split_decimal(text, decimal)) return false;
  value = nearest_double(decimal);
  if (format.precision == 53 || value == 0.0) return true;
  if (std::isinf(value)) {
    value = format.has_infinity ? value : format.largest;
    return true;
  }
  // Rounding the nearest double once more is right unless it fell exactly half-way between two numbers of the format:
  // then the digits decide.
  int exponent = 0;
  const uint64_t mantissa = static_cast<uint64_t>(std::ldexp(std::frexp(value, &exponent), 53));
  exponent -= 53;
  const Split split = split_at_precision(mantissa, exponent, format);
  if (!split.half || split.rest) {
    value = round_to(mantissa, exponent, false, format);
    return true;
  }
  const int side = compare(decimal, value);
  const uint64_t beside = mantissa * 4 + (side > 0 ? 1 : 0) - (side < 0 ? 1 : 0);
  value = round_to(beside, exponent - 2, false, format);
  return true;
}

uint64_t load_bits(const std::byte* source, int bytes) {
  uint64_t bits = 0;
  for (int i = 0; i < bytes; ++i) bits |= static_cast<uint64_t>(source[i]) << (8 * i);
  return bits;
}

void store_bits(uint64_t bits, int bytes, std::byte* destination) {
  for (int i = 0; i < bytes; ++i) destination[i] = static_cast<std::byte>(bits >> (8 * i) & 0xff);
}

// The fraction bits of the usual NaN.
uint64_t usual_nan_fraction(const Format& format) {
  return format.has_infinity ? uint64_t{1} << (format.precision - 2) : 7;
}

void store_nan(bool negative, uint64_t fraction, const Format& format, std::byte* destination) {
  const int width = format.bytes * 8;
  const int fraction_bits = format.precision - 1;
  const uint64_t exponent = (uint64_t{1} << (width - 1 - fraction_bits)) - 1;
  store_bits(uint64_t{negative} << (width - 1) | exponent << fraction_bits | fraction, format.bytes, destination);
}

}  // namespace

NumberProblem read_float(std::string_view text, ElementType element, std::byte* destination) {
  const Format format = format_of(element);
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.remove_prefix(1);
  double value = 0;
  if (text == "nan") {
    store_nan(negative, usual_nan_fraction(format), format, destination);
    return NumberProblem::none;
  }
  if (text == "inf") {
    if (!format.has_infinity) return NumberProblem::out_of_range;
    value = std::numeric_limits<double>::infinity();
  } else if (text.substr(0, 2) == "0x" || text.substr(0, 2) == "0X") {
    if (!read_hexadecimal(text.substr(2), format, value)) return NumberProblem::malformed;
  } else if (!read_decimal(text, format, value)) {
    return NumberProblem::malformed;
  }
  store_number(element, negative ? -value : value, destination);
  return NumberProblem::none;
}

NumberProblem read_nan(bool negative, std::string_view fraction, ElementType element, std::byte* destination) {
  const Format format = format_of(element);
  if (fraction.substr(0, 2) != "0x") return NumberProblem::malformed;
  fraction.remove_prefix(2);
  uint64_t bits = 0;
  const auto [end, error] = std::from_chars(fraction.data(), fraction.data() + fraction.size(), bits, 16);
  if (error == std::errc::result_out_of_range) return NumberProblem::out_of_range;
  if (error != std::errc() || end != fraction.data() + fraction.size()) return NumberProblem::malformed;
  const bool exists = format.has_infinity ? bits > 0 && bits >> (format.precision - 1) == 0 : bits == 7;
  if (!exists) return NumberProblem::out_of_range;
  store_nan(negative, bits, format, destination);
  return NumberProblem::none;
}

NumberProblem read_integer(std::string_view text, ElementType element, std::byte* destination) {
  const char* const end = text.data() + text.size();
  if (element == ElementType::uint64 && !text.starts_with('-')) {
    uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text.data(), end, value);
    if (error == std::errc::invalid_argument || stop != end) return NumberProblem::malformed;
    if (error == std::errc::result_out_of_range) return NumberProblem::out_of_range;
    store_integer(element, static_cast<int64_t>(value), destination);
    return NumberProblem::none;
  }
  int64_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc::invalid_argument || stop != end) return NumberProblem::malformed;
  const auto [lowest, highest] = integer_range(element);
  if (error == std::errc::result_out_of_range || value < lowest || value > highest) return NumberProblem::out_of_range;
  store_integer(element, value, destination);
  return NumberProblem::none;
}

void append_float(std::string& out, ElementType element, const std::byte* source) {
  const double value = load_number(element, source);
  if (std::isnan(value)) {
    const Format format = format_of(element);
    const uint64_t bits = load_bits(source, format.bytes);
    const uint64_t fraction = bits & ((uint64_t{1} << (format.precision - 1)) - 1);
    if (bits >> (format.bytes * 8 - 1) != 0) out += '-';
    out += "nan";
    if (fraction != usual_nan_fraction(format)) out += fmt::format("(0x{:x})", fraction);
    return;
  }
  if (std::signbit(value)) out += '-';
  if (std::isinf(value)) {
    out += "inf";
    return;
  }
  if (value == 0.0) {
    out += "0x0p+0";
    return;
  }
  int exponent = 0;
  const uint64_t mantissa = static_cast<uint64_t>(std::ldexp(std::frexp(std::fabs(value), &exponent), 53));
  uint64_t fraction = mantissa & ((uint64_t{1} << 52) - 1);
  out += "0x1";
  if (fraction != 0) {
    int digits = 13;
    for (; (fraction & 0xf) == 0; fraction >>= 4) --digits;
    out += '.';
    for (int i = digits; i-- > 0;) out += "0123456789abcdef"[fraction >> (4 * i) & 0xf];
  }
  --exponent;
  out += exponent < 0 ? "p-" : "p+";
  out += std::to_string(std::abs(exponent));
}

void append_integer(std::string& out, ElementType element, const std::byte* source) {
  const int64_t value = load_integer(element, source);
  out += element == ElementType::uint64 ? std::to_string(static_cast<uint64_t>(value)) : std::to_string(value);
}

}  // namespace millwright::mil
