// The reference interpreter: one plain loop per operation, in double precision. It is the oracle of the type rules, the
// gradients, and every fast kernel and pass; it shares no code with them. Never use it where speed matters.
#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::mil {

enum class Precision {
  fp64,      // floating values are computed and kept in double, whatever type they declare
  declared,  // every result is rounded to its declared type after being computed in double
};

// A tensor as numbers, row-major. Integers and booleans are held as doubles too, exact up to 2^53.
struct TensorValue {
  Type type;
  std::vector<double> numbers;
};

// The elements of a constant; those of floating literals as stored. MW_CHECKs that they are held inline.
TensorValue to_value(const Literal& literal);
// Rounded to the type's element; the way back.
Literal to_literal(const TensorValue& value);

// Runs the function: one tensor per input and per result, in their order. An input of type state<T> takes a T; what the
// function stores there is seen by its own read_state only (see interpret_with_states). Internal operations run as
// their decompositions. Fails, naming the operation, where an operation is unknown or an index is out of range. An
// integer divided by zero gives 0.
Result<std::vector<TensorValue>> interpret(const Function& function, std::span<const TensorValue> inputs,
                                           Precision precision);

namespace interpreter {
class Evaluation;
}
// What some machine computes for an operation instead (evaluation.h has what a function sees of it): by kind.
using OperationOverrides =
    std::unordered_map<std::string_view,
                       std::function<Result<std::vector<TensorValue>>(const interpreter::Evaluation&)>>;
Result<std::vector<TensorValue>> interpret(const Function& function, std::span<const TensorValue> inputs,
                                           Precision precision, const OperationOverrides& overrides);

// The same, and each input that is a state becomes what the function leaves in it.
Result<std::vector<TensorValue>> interpret_with_states(const Function& function, std::span<TensorValue> inputs,
                                                       Precision precision, const OperationOverrides& overrides = {});

// Whether the interpreter knows a kind of operation itself; internal ones it decomposes.
bool is_interpreted(std::string_view kind);

}  // namespace millwright::mil
