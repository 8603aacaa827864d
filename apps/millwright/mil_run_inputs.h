// What `mil run` gives a function: the types of its inputs, and their numbers.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::app {

using Arrays = std::map<std::string, mil::Literal>;

// A type with known sizes for each input: those of its array, of a `NAME=SIZE,SIZE,…` word of --shape, of the declared
// type, or of the program's default shape, in this order.
Result<std::vector<mil::Type>> input_types(const mil::Function& function, const Arrays& arrays,
                                           const std::vector<std::string>& shapes);

// The array with the element type of the input; a line on standard error says what was converted.
Result<mil::Literal> converted_array(const mil::Value& input, const mil::Literal& array);

// Random numbers for an input of known size: indices where it is used as such, zeros for a state.
Result<mil::Literal> random_array(const mil::Value& input, int64_t seed, size_t stream);

}  // namespace millwright::app
