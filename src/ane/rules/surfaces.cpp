// Section 4 of the catalogue: sizes and order of the surfaces of an evaluation, and what a program can do so that its
// surfaces are hard to bind.
#include <algorithm>
#include <array>

#include "ane/rules/rule.h"
#include "ane/rules/surface_layout.h"
#include "ane/rules/walk.h"

namespace millwright::ane {

namespace {

using mil::Operation;
using mil::Shape;
using mil::Value;

// Inputs or outputs of a function, and the surfaces given for them.
struct Side {
  std::string_view name;  // "input"
  std::vector<const Value*> values;
  std::span<const SurfaceUse> surfaces;
};

std::vector<const Value*> inputs_of(const mil::Function& function) {
  std::vector<const Value*> values;
  for (const auto& input : function.inputs()) values.push_back(input.get());
  return values;
}

std::vector<const Value*> outputs_of(const mil::Function& function) {
  return {function.results().begin(), function.results().end()};
}

std::array<Side, 2> sides_of(const Request& request) {
  return {{{"input", inputs_of(request.function), request.inputs},
           {"output", outputs_of(request.function), request.outputs}}};
}

std::vector<size_t> order_of(const std::vector<const Value*>& values, Binding binding) {
  std::vector<std::string_view> names;
  for (const Value* value : values) names.push_back(value->name());
  return binding_order(names, binding);
}

// Each surface with the tensor that the engine takes it for.
template <class Visit>
void for_each_binding(const Request& request, const ChipProfile& profile, Visit&& visit) {
  for (const Side& side : sides_of(request)) {
    const std::vector<size_t> order = order_of(side.values, *profile.surfaces.binding);
    for (size_t slot = 0; slot < std::min(order.size(), side.surfaces.size()); ++slot) {
      const Value& value = *side.values[order[slot]];
      if (!is_data(value.type()) || !mil::is_static(value.shape())) continue;
      visit(side.surfaces[slot], value, fmt::format("{} surface {} ({})", side.name, slot, value.name()));
    }
  }
}

// Under the option "zeros", tensors whose rows are shorter than 64 bytes run with any surface and give zeros.
bool gives_zeros(const mil::Type& type, const ChipProfile& profile) {
  return *profile.surfaces.narrow == NarrowSurfaces::zeros && row_stride(type, SurfaceRows::packed) < kRowBytes;
}

// C30, and C39 for outputs.
void surface_sizes(const Request& request, const ChipProfile& profile, Report& report) {
  for_each_binding(request, profile, [&](const SurfaceUse& surface, const Value& value, std::string subject) {
    const int64_t needed = surface_bytes(value.type(), *profile.surfaces.rows);
    if (surface.bytes >= needed || gives_zeros(value.type(), profile)) return;
    report.add(std::move(subject),
               fmt::format("has {} bytes, {} needs {}: rows of {} bytes", surface.bytes, mil::type_text(value.type()),
                           needed, row_stride(value.type(), *profile.surfaces.rows)));
  });
}

// C31.
void narrow_surfaces(const mil::Function& function, const ChipProfile& profile, Report& report) {
  const auto check = [&](std::string_view side, const std::vector<const Value*>& values) {
    for (const Value* value : values) {
      if (!is_data(value->type()) || !mil::is_static(value->shape()) || !gives_zeros(value->type(), profile)) continue;
      report.add(fmt::format("{} {}", side, value->name()),
                 fmt::format("its rows have {} bytes, fewer than {}", row_stride(value->type(), SurfaceRows::packed),
                             kRowBytes));
    }
  };
  check("input", inputs_of(function));
  check("output", outputs_of(function));
}

// C32.
void oversized_surfaces(const Request& request, const ChipProfile& profile, Report& report) {
  for_each_binding(request, profile, [&](const SurfaceUse& surface, const Value& value, std::string subject) {
    const int64_t needed = surface_bytes(value.type(), *profile.surfaces.rows);
    if (surface.bytes <= needed) return;
    report.add(std::move(subject),
               fmt::format("has {} bytes, {} takes {}", surface.bytes, mil::type_text(value.type()), needed));
  });
}

// C33.
void binding(const mil::Function& function, const ChipProfile& profile, Report& report) {
  if (*profile.surfaces.binding != Binding::alphabetical) return;
  const auto check = [&](std::string_view side, const std::vector<const Value*>& values) {
    std::vector<std::string_view> declared;
    std::vector<std::string_view> bound;
    for (const Value* value : values) declared.push_back(value->name());
    for (const size_t index : binding_order(declared, Binding::alphabetical)) bound.push_back(declared[index]);
    if (declared == bound) return;
    report.add("function " + function.name(), fmt::format("its {}s are declared as {} and bind as {}", side,
                                                          fmt::join(declared, ", "), fmt::join(bound, ", ")));
  };
  check("input", inputs_of(function));
  check("output", outputs_of(function));
}

// C34.
void equal_sizes(const Request& request, const ChipProfile& profile, Report& report) {
  if (!*profile.surfaces.equal_sizes) return;
  std::vector<int64_t> sizes;
  for (const SurfaceUse& surface : request.inputs) sizes.push_back(surface.bytes);
  for (const SurfaceUse& surface : request.outputs) sizes.push_back(surface.bytes);
  const auto [smallest, largest] = std::ranges::minmax_element(sizes);
  if (sizes.empty() || *smallest == *largest) return;
  report.add("evaluation", fmt::format("its surfaces have {} to {} bytes", *smallest, *largest));
}

// What one report of an M1 under macOS 26 adds to the order of sizes.
constexpr int64_t kSmallestOrderedSurface = 2048;

// C35.
void ordered_sizes(const Request& request, const ChipProfile& profile, Report& report) {
  if (!*profile.surfaces.m1_order) return;
  for (size_t i = 1; i < request.inputs.size(); ++i) {
    if (request.inputs[i].bytes >= request.inputs[i - 1].bytes) continue;
    report.add(fmt::format("input surface {}", i), "is smaller than the one before it");
  }
  for (size_t i = 1; i < request.outputs.size(); ++i) {
    if (request.outputs[i].bytes <= request.outputs[i - 1].bytes) continue;
    report.add(fmt::format("output surface {}", i), "is larger than the one before it");
  }
  for (const Side& side : sides_of(request)) {
    for (size_t i = 0; i < side.surfaces.size(); ++i) {
      if (side.surfaces[i].bytes >= kSmallestOrderedSurface) continue;
      report.add(fmt::format("{} surface {}", side.name, i),
                 fmt::format("has {} bytes, fewer than {}", side.surfaces[i].bytes, kSmallestOrderedSurface));
    }
  }
}

// C37.
void rank4_inputs(const mil::Function& function, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.surfaces.rank4_inputs;
  const auto count = std::ranges::count_if(
      function.inputs(), [](const auto& input) { return is_data(input->type()) && input->type().rank() == 4; });
  if (count > limit) {
    report.add("function " + function.name(), fmt::format("has {} inputs of rank 4, at most {} work", count, limit));
  }
}

// C38: two ways in which outputs go wrong.
void identity_outputs(const mil::Function& function, const ChipProfile&, Report& report) {
  const std::vector<Value*>& results = function.results();
  if (results.size() == 1 && results[0]->producer() != nullptr && results[0]->producer()->kind() == "identity") {
    Finding& finding = report.add(*results[0]->producer(), "is the only output");
    finding.stage = Stage::silent;
    finding.effect = "the output is NaN";
    finding.remedy = "return the value itself";
  }
  for (const Value* result : results) {
    if (result->producer() == nullptr || result->users().empty()) continue;
    report.add("output " + result->name(), "is used by other operations too", result->producer()->location());
  }
}

bool is_vector_beside(const Shape& vector, const Shape& whole) {
  return vector.size() == 3 && whole.size() == 3 && vector[2] == 1 && whole[2] > 1;
}

// C3A.
void runtime_broadcasts(const Operation& operation, const ChipProfile& profile, Report& report) {
  constexpr std::array kKinds = {"add", "sub", "mul", "real_div", "maximum", "minimum"};
  if (!*profile.surfaces.m1_broadcasts || std::ranges::find(kKinds, operation.kind()) == kKinds.end()) return;
  const Value* x = operation.operand("x");
  const Value* y = operation.operand("y");
  if (!is_runtime(x) || !is_runtime(y)) return;
  if (!is_vector_beside(x->shape(), y->shape()) && !is_vector_beside(y->shape(), x->shape())) return;
  report.add(operation, fmt::format("broadcasts {} with {}", mil::shape_text(x->shape()), mil::shape_text(y->shape())));
}

// C3B.
void start_offsets(const Request& request, const ChipProfile&, Report& report) {
  for (const Side& side : sides_of(request)) {
    for (size_t i = 0; i < side.surfaces.size(); ++i) {
      if (side.surfaces[i].start_offset == 0) continue;
      report.add(fmt::format("{} surface {}", side.name, i),
                 fmt::format("begins at byte {}", side.surfaces[i].start_offset));
    }
  }
}

// C3C.
void alignment(const Request& request, const ChipProfile& profile, Report& report) {
  const int64_t expected = *profile.surfaces.alignment;
  for (const Side& side : sides_of(request)) {
    for (size_t i = 0; i < side.surfaces.size(); ++i) {
      if (side.surfaces[i].address % expected == 0) continue;
      report.add(fmt::format("{} surface {}", side.name, i),
                 fmt::format("its address is no multiple of {} bytes", expected));
    }
  }
}

// C3D.
void surface_slots(const mil::Function& function, const ChipProfile& profile, Report& report) {
  const int64_t limit = *profile.limits.surface_slots;
  const auto count = static_cast<int64_t>(function.inputs().size() + function.results().size());
  if (count > limit) {
    report.add("function " + function.name(), fmt::format("has {} inputs and outputs, at most {} fit", count, limit));
  }
}

bool may_cross_border(const mil::Type& type) {
  using mil::ElementType;
  return type.is_tensor() && (type.element() == ElementType::fp16 || type.element() == ElementType::fp32 ||
                              type.element() == ElementType::boolean);
}

// C3F: what may cross the border.
void border_types(const mil::Function& function, const ChipProfile&, Report& report) {
  const auto check = [&](std::string_view side, const std::vector<const Value*>& values) {
    for (const Value* value : values) {
      if (may_cross_border(value->type())) continue;
      report.add(fmt::format("{} {}", side, value->name()),
                 fmt::format("is {}, expected fp16, fp32 or bool", mil::type_text(value->type())));
    }
  };
  check("input", inputs_of(function));
  check("output", outputs_of(function));
}

// C3F: what happens behind the border.
void arithmetic_types(const Operation& operation, const ChipProfile&, Report& report) {
  if (operation.kind() == "cast" || is_constant_kind(operation)) return;
  for (const auto& result : operation.results()) {
    if (!is_data(result->type()) || result->element() != mil::ElementType::fp32) continue;
    report.add(operation, "computes in fp32");
    return;
  }
}

}  // namespace

std::span<const Rule> surface_rules() {
  static const Rule rules[] = {
      {"C30", Stage::evaluate, Verdict::error,
       "U1: a surface holds every row of the last axis, each a multiple of 64 bytes", "surfaces.rows",
       "iron; apidoc; m5doc; or #4; rl; sl", "the evaluation is refused (0x1d, Program Inference error)",
       "make the surface larger, or choose widths whose rows are multiples of 64 bytes", surface_sizes},
      {"C31", Stage::silent, Verdict::warning, "tensors with rows shorter than 64 bytes", "surfaces.narrow", "m5doc",
       "every element is zero", "widen the last axis", narrow_surfaces},
      {"C32", Stage::silent, Verdict::warning, "a surface that is too large is used from its start", "", "or #14",
       "the tensor lies at the start of the surface, row after row, not spread over it",
       "give the surface the tensor's size", oversized_surfaces},
      {"C33", Stage::silent, Verdict::warning, "U2: surfaces belong to tensors in the ASCII order of their names",
       "surfaces.binding", "or #3, #13; m5doc; iron",
       "surfaces listed as declared are swapped, or refused (0x1d) where their sizes differ",
       "choose names whose order is that of the declaration", binding},
      {"C34", Stage::evaluate, Verdict::error, "all surfaces of an evaluation have one size", "surfaces.equal_sizes",
       "or #2, #12", "the evaluation is refused (0x1d, Program Inference error)",
       "give every surface the size of the largest", equal_sizes},
      {"C35", Stage::silent, Verdict::warning,
       "sizes of inputs ascend, sizes of outputs descend, and none is below 2048 bytes", "surfaces.m1_order", "im",
       "every element is zero", "order the surfaces by size", ordered_sizes},
      {"C37", Stage::evaluate, Verdict::warning, "inputs of rank 4 may not come in pairs", "surfaces.rank4_inputs",
       "im", "the evaluation may fail, or give zeros", "declare the inputs with rank 3", rank4_inputs},
      {"C38", Stage::compile, Verdict::warning, "an output is used by nothing else, and is no lone identity", "",
       "m5doc", "the compile may fail (ANECCompile() FAILED)", "return identity of it", identity_outputs},
      {"C3A", Stage::silent, Verdict::warning, "computed vectors broadcast along the last axis",
       "surfaces.m1_broadcasts", "im against mx", "the results are wrong", "make the vector a constant",
       runtime_broadcasts},
      {"C3B", Stage::silent, Verdict::warning, "surfaces begin at their first byte", "", "apidoc",
       "the offset is ignored", "make a surface of its own", start_offsets},
      {"C3C", Stage::evaluate, Verdict::error, "surfaces are aligned", "surfaces.alignment", "mx#35 against mx",
       "the evaluation is refused", "align the surface", alignment},
      {"C3D", Stage::compile, Verdict::error, "an evaluation has at most this many surfaces", "limits.surface_slots",
       "sl; im", "the compile fails (ANECCompile() FAILED)", "pack several tensors into one", surface_slots},
      {"C3F", Stage::compile, Verdict::error, "inputs and outputs are fp16, fp32 or bool", "", "iron; guide ch4; mx",
       "the compile fails (ANECCompile() FAILED)", "cast it outside of the program", border_types},
      {"C3F", Stage::silent, Verdict::warning, "fp32 is a type of inputs and outputs only", "", "mx",
       "the engine computes in fp16", "cast to fp16 first", arithmetic_types},
  };
  return rules;
}

}  // namespace millwright::ane
