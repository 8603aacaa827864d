// Writes programs as MIL text, laid out as Apple's compiler lays it out: what coremlc compiled prints back byte for
// byte, and parse(print(p)) equals p. Version 1.0 spells scalars as rank-0 tensors, later ones bare.
#pragma once

#include <string>

#include "mil/ir.h"

namespace millwright::mil {

struct PrintStyle {
  // Typed literals that stand as operands become const operations of their own, and every operation gets its `name`
  // attribute (the name of its first result where it has none): the engine's front end wants both.
  bool name_constants = false;
  // A program without buildInfo gets one with the entries of the compiler that was seen to accept such text.
  bool require_build_info = false;
  // Parameters in alphabetical order, as in every compiled program. Off in both styles below: programs that Apple's
  // compiler wrote are ordered already, and in ours the order carries meaning (loss scale, parameters, gradients), so
  // that sorting would give back another function. Only for exporting a function to someone who binds by name.
  bool sort_parameters = false;

  // The program as it is.
  static PrintStyle apple() { return {}; }
  // What the engine's compiler takes. Prints the program as it is, too, when that already has this form.
  static PrintStyle engine() { return {.name_constants = true, .require_build_info = true}; }
};

std::string print(const Program& program, const PrintStyle& style = PrintStyle::apple());
// One function alone, without the frame of a program: for logs and tests.
std::string print(const Function& function, const PrintStyle& style = PrintStyle::apple());
// A value with its type: "tensor<int32, [2]>([1, 4])".
std::string print(const Literal& literal);

}  // namespace millwright::mil
