#include "plan/cpu_program.h"

#include <algorithm>
#include <unordered_map>

#include "base/check.h"
#include "mil/builder.h"

namespace millwright::plan {
namespace {

using mil::ElementType;
using mil::Operation;
using mil::Shape;
using mil::Value;

class CpuLowering {
 public:
  CpuLowering(const Segment& segment, const mil::Function& source, std::span<const PackedSurface> inputs,
              std::span<const PackedSurface> outputs)
      : segment_(segment), source_(source), engine_inputs_(inputs), engine_outputs_(outputs) {
    program_.function = std::make_unique<mil::Function>("main", source.opset());
    builder_.emplace(*program_.function);
  }

  CpuProgram lower() {
    take_inputs();
    for (const Operation* operation : segment_.operations) lower(*operation);
    std::vector<Value*> results;
    for (const Value* output : segment_.outputs) {
      Value* result = whole(output);
      if (const Value* aliased = source_.aliased_input(output)) program_.function->alias(result, values_.at(aliased));
      results.push_back(result);
      program_.outputs.push_back({CpuPort::Kind::value, output, 0});
    }
    if (segment_.staged) {
      results.push_back(stage(engine_inputs_[*segment_.staged]));
      program_.outputs.push_back({CpuPort::Kind::engine_input, nullptr, *segment_.staged});
    }
    program_.function->block().set_results(std::move(results));
    return std::move(program_);
  }

 private:
  bool is_from_engine(const SegmentInput& input) const { return engine_outputs_[input.from].width != 0; }

  void take_inputs() {
    std::unordered_map<size_t, Value*> surfaces;
    for (const SegmentInput& input : segment_.inputs) {
      if (!is_from_engine(input)) {
        values_[input.value] = builder_->input(input.value->name().view(), input.value->type());
        program_.inputs.push_back({CpuPort::Kind::value, input.value, 0});
        continue;
      }
      const PackedSurface& surface = engine_outputs_[input.from];
      Value*& packed = surfaces[input.from];
      if (packed == nullptr) {
        packed = builder_->input(fmt::format("engine_{}", input.from), surface.type());
        program_.inputs.push_back({CpuPort::Kind::engine_output, nullptr, input.from});
      }
      const PackedValue* place = surface.find(input.value);
      MW_CHECK(place != nullptr, "{} is not in the surface of segment {}", input.value->name().view(), input.from);
      Value* part = packed;
      if (place->channels != surface.channels) {
        part = builder_->slice(packed, Shape{0, place->first_channel, 0, 0},
                               Shape{1, place->channels, 1, surface.width}, "unpack");
      }
      halves_[input.value] = part;
    }
    for (const Value* parameter : segment_.parameters) {
      values_[parameter] = builder_->input(parameter->name().view(), parameter->type());
      program_.inputs.push_back({CpuPort::Kind::parameter, parameter, 0});
    }
  }

  // The value in its own type; fp16 of a surface is widened when it is first needed.
  Value* whole(const Value* value) {
    const auto found = values_.find(value);
    if (found != values_.end()) return found->second;
    Value* wide = builder_->cast(halves_.at(value), value->element(), "widen");
    return values_[value] = builder_->reshape(wide, value->shape());
  }

  Value* stage(const PackedSurface& surface) {
    builder_->set_scope("stage");
    std::vector<Value*> parts;
    for (const PackedValue& packed : surface.values) {
      const auto half = halves_.find(packed.value);
      if (half != halves_.end()) {
        parts.push_back(half->second);
        continue;
      }
      Value* flat = builder_->reshape(whole(packed.value), {1, packed.channels, 1, surface.width});
      parts.push_back(builder_->cast(flat, ElementType::fp16, "narrow"));
    }
    return parts.size() == 1 ? parts.front() : builder_->concat(parts, 1, "pack");
  }

  void lower(const Operation& operation) {
    builder_->set_scope(operation.label());
    if (operation.is_const()) {
      values_[operation.result()] = builder_->constant(*operation.attribute("val"));
      return;
    }
    std::vector<mil::Operand> operands;
    for (const mil::Operand& operand : operation.operands()) {
      mil::Operand copy{operand.name, {}, operand.is_list};
      for (const mil::Argument& argument : operand.arguments) {
        if (Value* const* value = std::get_if<Value*>(&argument)) {
          copy.arguments.emplace_back(whole(*value));
        } else {
          copy.arguments.push_back(argument);
        }
      }
      operands.push_back(std::move(copy));
    }
    values_[operation.result()] = builder_->emit(operation.kind().view(), std::move(operands));
  }

  const Segment& segment_;
  const mil::Function& source_;
  std::span<const PackedSurface> engine_inputs_;
  std::span<const PackedSurface> engine_outputs_;
  CpuProgram program_;
  std::optional<mil::Builder> builder_;
  std::unordered_map<const Value*, Value*> values_;  // of the source → of the function, in their own type
  std::unordered_map<const Value*, Value*> halves_;  // → [1, C, 1, W] of fp16, of the engine
};

}  // namespace

CpuProgram lower_to_cpu(const Segment& segment, const mil::Function& source, std::span<const PackedSurface> inputs,
                        std::span<const PackedSurface> outputs) {
  return CpuLowering(segment, source, inputs, outputs).lower();
}

}  // namespace millwright::plan
