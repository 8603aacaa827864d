// Asks every rule of the catalogue about a program, an evaluation or a step of a program's life.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ane/rules/rule.h"

namespace millwright::ane {

// The program must have passed the verifier. With `files` its weight files are looked into, which must not have been
// loaded into the program then. In the order of the text.
std::vector<Finding> check_program(const mil::Program& program, const ChipProfile& profile,
                                   mil::WeightFiles* files = nullptr);
std::vector<Finding> check_request(const Request& request, const ChipProfile& profile);
std::vector<Finding> check_event(const LifecycleEvent& event, const ChipProfile& profile);

// Silent wrongness and disputed refusals count as errors.
void make_strict(std::vector<Finding>& findings);
bool has_errors(const std::vector<Finding>& findings);

// "C06 error at compile: y (conv): has a bias; the compiler refuses it (InvalidMILProgram); add it with add"
std::string finding_text(const Finding& finding);

}  // namespace millwright::ane
