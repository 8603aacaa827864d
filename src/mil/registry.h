// The operation registry: the one table from which parser, verifier, builder and executors take what an operation is.
// Adding an operation: an entry in src/mil/operations/<category>.cpp with its parameters and type rule, then a kernel
// and a gradient.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::mil {

struct ParameterDefinition {
  enum class Kind : uint8_t {
    value,     // a tensor, run-time or constant
    list,      // a parenthesised list of values
    constant,  // must be known at compile time
  };
  // What the operand's type must be; checked before a type rule runs, so that rules and parameters.h may rely on it.
  enum class Expect : uint8_t {
    tensor,    // a tensor of any element type but string
    boolean,   // one bool
    integer,   // one integer
    number,    // one floating-point number or integer
    text,      // one string
    booleans,  // a vector of bool
    integers,  // a vector of integers
    state,     // a state
    sequence,  // a list value, as make_list gives it
    anything,  // the type rule decides
  };
  std::string_view name;
  Kind kind = Kind::value;
  bool required = true;
  Expect expect = Expect::tensor;
  // For an optional parameter: its default, or nothing where absence has a meaning of its own.
  std::optional<Literal> default_value;
};

// Types of the results from the operands and parameters. The error is one line without the operation's name and place;
// infer_types() adds them.
using InferFunction = Result<std::vector<Type>> (*)(const Operation& operation);

struct OperationDefinition {
  std::string_view name;
  std::string_view since;     // first opset, "ios15"
  std::string_view category;  // as in the catalogue of operations: "elementwise", "reduction", …
  std::vector<ParameterDefinition> parameters;
  InferFunction infer;
  bool has_side_effects = false;
  bool internal = false;  // an `mw.` operation: created by passes, never in an engine program
  size_t blocks = 0;      // nested blocks it carries; its type rule checks their inputs and results

  const ParameterDefinition* parameter(std::string_view name) const;
};

const OperationDefinition* find_definition(std::string_view kind);
std::span<const OperationDefinition> all_definitions();  // sorted by name

// Whether two types can be one: equal, where a `?` on either side says nothing against the other's size.
bool types_agree(const Type& a, const Type& b);

// Checks the operands against the definition and returns the result types. The message begins with describe(operation).
Result<std::vector<Type>> infer_types(const Operation& operation);

}  // namespace millwright::mil
