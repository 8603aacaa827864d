// Small questions that passes ask of a function: constants of one value, values with a single use, chains of reshapes.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "mil/ir.h"

namespace millwright::cpu {

bool is_function_result(const mil::Value* value);
// Used by one operand of one operation, and not a result of the function.
bool has_one_use(const mil::Value* value);
// The value's operation if it is of that kind.
mil::Operation* producer_of_kind(const mil::Value* value, std::string_view kind);

// The number that every element of the operand has, where that is known: a constant, or a fill with one.
std::optional<double> splat_of(const mil::Argument& argument);
std::optional<double> splat_of(const mil::Operation& operation, std::string_view name);

// x and y of an operation, in both orders, where both are values: for commutative patterns.
struct Pair {
  mil::Value* first;
  mil::Value* second;
};
std::vector<Pair> operand_orders(const mil::Operation& operation);
// x · factor, factor · x or x / factor with a known factor and a tensor of the result's type.
struct Scaled {
  mil::Value* x;
  double factor;
};
std::optional<Scaled> match_scaled(const mil::Operation& operation);

// reshape, expand_dims or squeeze: the same elements in the same order.
bool is_reshape(const mil::Operation& operation);
// What lies before the reshapes that nothing else uses.
mil::Value* before_reshapes(mil::Value* value);

// An operation's operand with a literal.
mil::Operand literal_operand(std::string_view name, mil::Literal literal);
// Uses of `from` become uses of `to`. Functions of the executor have no nested blocks, so this takes time for the uses
// alone, where Block::replace_uses() looks at every operation.
void replace_uses(mil::Function& function, mil::Value* from, mil::Value* to);
// Uses of the operation's only result become `value`, and the operation goes.
void replace_operation(mil::Operation& operation, mil::Value* value);
// The operations of the function's block as they are now, in order.
std::vector<mil::Operation*> operations_of(mil::Function& function);

}  // namespace millwright::cpu
