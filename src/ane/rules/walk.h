// Going through a program: what the rules ask of operations and values.
#pragma once

#include <string>

#include "mil/ir.h"

namespace millwright::ane {

// Every operation of every function and nested block, constants included, in the order of the text.
template <class Visit>
void for_each_operation(const mil::Block& block, Visit&& visit) {
  for (const auto& operation : block.operations()) {
    visit(*operation);
    for (const auto& nested : operation->blocks()) for_each_operation(*nested, visit);
  }
}
template <class Visit>
void for_each_operation(const mil::Program& program, Visit&& visit) {
  for (const auto& function : program.functions()) for_each_operation(function->block(), visit);
}

// "scores (softmax)": as describe() of ir.h, but without the line, which findings hold by themselves.
std::string subject_of(const mil::Operation& operation);

// Known when the program is compiled: of a const or constexpr_… operation.
bool is_constant_kind(const mil::Operation& operation);
bool is_constant(const mil::Value* value);
inline bool is_runtime(const mil::Value* value) { return value != nullptr && !is_constant(value); }

// Computed by an operation, an input, or a constant: a tensor of numbers or bool (strings and lists are not).
bool is_data(const mil::Type& type);

// The last axis, 1 for a scalar.
int64_t width_of(const mil::Shape& shape);

}  // namespace millwright::ane
