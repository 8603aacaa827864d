#include "device/emulated/compiled_program.h"

#include <string_view>
#include <utility>

#include "ane/rules/surface_layout.h"
#include "device/emulated/engine_function.h"
#include "mil/blob/program_blobs.h"

namespace millwright::device {
namespace {

std::vector<size_t> order_of(const std::vector<Port>& ports, const ane::ChipProfile& profile) {
  std::vector<std::string_view> names;
  for (const Port& port : ports) names.push_back(port.name);
  return ane::binding_order(names, profile.surfaces.binding.value_or(ane::Binding::alphabetical));
}

}  // namespace

Result<std::shared_ptr<CompiledProgram>> CompiledProgram::build(const mil::Function& function, std::string weights_hash,
                                                                const ane::ChipProfile& profile, Numerics numerics,
                                                                Arithmetic arithmetic, bool profiled) {
  for (const mil::Value* result : function.results()) {
    if (function.aliased_input(result) == nullptr) continue;
    return fail("program {}: result {} is stored into the memory of input {}; the engine has no such results",
                function.name(), result->name(), function.aliased_input(result)->name());
  }
  std::shared_ptr<CompiledProgram> program(new CompiledProgram);
  program->bare_.add_function(mil::clone(function));
  mil::strip_weights(program->bare_);
  program->inputs_ = input_ports(function);
  program->outputs_ = output_ports(function);
  program->input_order_ = order_of(program->inputs_, profile);
  program->output_order_ = order_of(program->outputs_, profile);
  program->weights_hash_ = std::move(weights_hash);
  MW_ASSIGN(program->parameters_, ane::cost_parameters(profile));
  MW_ASSIGN(program->cost_, ane::predict_cost(function, program->parameters_));
  if (arithmetic == Arithmetic::skipped) return program;
  MW_ASSIGN(program->runner_, make_runner(*engine_function(function, profile), profile, numerics, profiled));
  return program;
}

}  // namespace millwright::device
