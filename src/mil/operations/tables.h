// The tables that make up the registry, one per category file, and the words they are written in.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "mil/parameters.h"
#include "mil/registry.h"

namespace millwright::mil::operations {

std::vector<OperationDefinition> elementwise();
std::vector<OperationDefinition> activations();
std::vector<OperationDefinition> products();
std::vector<OperationDefinition> reductions();
std::vector<OperationDefinition> shapes();
std::vector<OperationDefinition> slices();
std::vector<OperationDefinition> gathers();
std::vector<OperationDefinition> creation();
std::vector<OperationDefinition> normalizations();
std::vector<OperationDefinition> windows();
std::vector<OperationDefinition> recurrent();
std::vector<OperationDefinition> rearrangements();
std::vector<OperationDefinition> sorting();
std::vector<OperationDefinition> images();
std::vector<OperationDefinition> compression();
std::vector<OperationDefinition> states();
std::vector<OperationDefinition> control_flow();
std::vector<OperationDefinition> random();
std::vector<OperationDefinition> internal();

// Parameter descriptions.
using Expect = ParameterDefinition::Expect;
ParameterDefinition value(std::string_view name, Expect expect = Expect::tensor);
ParameterDefinition optional_value(std::string_view name, Expect expect = Expect::tensor);
ParameterDefinition list(std::string_view name, Expect expect = Expect::tensor);
ParameterDefinition constant(std::string_view name, Expect expect);
ParameterDefinition optional_constant(std::string_view name, Expect expect);
// Expects what the default is: a scalar bool, integer, number or string.
ParameterDefinition defaulted(std::string_view name, Literal default_value);
// The same where the value may be computed at run time.
ParameterDefinition defaulted_value(std::string_view name, Literal default_value);
ParameterDefinition defaulted_number(std::string_view name, double value);  // fp32
ParameterDefinition defaulted_flag(std::string_view name, bool value);

// Type rules that several categories share.
using Types = Result<std::vector<Type>>;
// The one result has the type of the operand x.
Types same_as_x(const Operation& operation);
// The type of an operand, literal or value; MW_CHECKs that it is there (infer_types has made sure).
const Type& operand_type(const Operation& operation, std::string_view name);
bool has_operand(const Operation& operation, std::string_view name);
// "x has type fp16, y has fp32; expected one element type".
Result<ElementType> common_element(const Operation& operation, std::string_view a, std::string_view b);
// An axis inside [−rank, rank), counted from the front.
Result<int64_t> checked_axis(int64_t axis, int64_t rank, std::string_view name);

// Both sizes are known and not equal.
bool may_differ(int64_t a, int64_t b);
// a · b, unknown where one is. The factors are sizes or 32-bit parameters; a product beyond 2^62 is cut there, which
// the check of result types refuses.
int64_t size_product(int64_t a, int64_t b);
// "gamma is tensor<fp32, [3]>, expected the shape [4]" unless the operand is absent, no parameter, or its shape agrees.
Status check_shape(const Operation& operation, std::string_view name, const Shape& expected);
// "mode is "wrap", expected add or mul" unless the text parameter is one of them.
Status check_choice(const Operation& operation, std::string_view name, std::span<const std::string_view> choices);
// The operand's type where its rank is in the range.
Result<Type> ranked(const Operation& operation, std::string_view name, int64_t lowest, int64_t highest);
// The shape that a run-time vector of sizes gives: as many unknown dimensions as it has entries.
Result<Shape> shape_at_run_time(const Operation& operation, std::string_view name);
// The element type of a number parameter, whether constant, computed or defaulted.
ElementType parameter_element(const Operation& operation, std::string_view name);
// The type of one argument of a list operand.
const Type& argument_type(const Argument& argument);
// The constant bound to one argument of a list operand; nothing where it is computed or in a blob file.
const Literal* argument_constant(const Argument& argument);

}  // namespace millwright::mil::operations
