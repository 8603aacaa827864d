// The tables that make up the registry, one per category file, and the words they are written in.
#pragma once

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
std::vector<OperationDefinition> internal();

// Parameter descriptions.
using Expect = ParameterDefinition::Expect;
ParameterDefinition value(std::string_view name, Expect expect = Expect::tensor);
ParameterDefinition optional_value(std::string_view name);
ParameterDefinition list(std::string_view name);
ParameterDefinition constant(std::string_view name, Expect expect);
ParameterDefinition optional_constant(std::string_view name, Expect expect);
// Expects what the default is: a scalar bool, integer, number or string.
ParameterDefinition defaulted(std::string_view name, Literal default_value);

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

}  // namespace millwright::mil::operations
