// Numbers between MIL text and their stored bytes: correctly rounded to the element type in one step (to nearest, ties
// to even), independent of the locale and of the C library's printing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "mil/type.h"

namespace millwright::mil {

enum class NumberProblem : uint8_t { none, malformed, out_of_range };

// Reads a decimal ("-1e-05", "2", ".5") or hexadecimal ("0x1.8p-3") float, "inf" or "nan", each with an optional '-',
// to a floating element type. Values beyond the largest finite one become infinite, as IEEE rounding has it.
NumberProblem read_float(std::string_view text, ElementType element, std::byte* destination);
// A NaN with the given fraction bits. Out of range where the type has no such NaN.
NumberProblem read_nan(bool negative, std::string_view fraction, ElementType element, std::byte* destination);
// Reads a decimal integer to an integer element type.
NumberProblem read_integer(std::string_view text, ElementType element, std::byte* destination);

// The shortest hexadecimal form ("-0x1.4dfed8p-4", "0x0p+0"), "inf", "nan", or "nan(0x…)" with the fraction bits of a
// NaN that is not the usual quiet one.
void append_float(std::string& out, ElementType element, const std::byte* source);
void append_integer(std::string& out, ElementType element, const std::byte* source);

}  // namespace millwright::mil
