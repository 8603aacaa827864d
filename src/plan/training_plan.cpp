#include "plan/training_plan.h"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "base/check.h"
#include "mil/printer.h"
#include "plan/cpu_program.h"
#include "plan/engine_program.h"
#include "plan/placement.h"
#include "plan/segmentation.h"
#include "plan/surface_sharing.h"
#include "plan/task_order.h"

namespace millwright::plan {
namespace {

using mil::Value;

class TrainingPlanner {
 public:
  TrainingPlanner(const mil::Function& function, const Pipeline& pipeline) : function_(function), pipeline_(pipeline) {}

  Result<TrainingPlan> plan() {
    MW_ASSIGN(segments_, cut(function_, place(function_, pipeline_), pipeline_));
    for (const auto& input : function_.inputs()) {
      surfaces_[input.get()] = add_surface(std::string(input->name().view()), input->type());
    }
    inputs_.resize(segments_.size());
    outputs_.resize(segments_.size());
    std::vector<EngineProgram> programs(segments_.size());
    for (size_t i = 0; i < segments_.size(); ++i) {
      if (segments_[i].kind != Segment::Kind::engine) continue;
      MW_ASSIGN(programs[i], lower_to_engine(segments_[i], function_, pipeline_.weights));
      inputs_[i] = programs[i].input;
      outputs_[i] = programs[i].output;
    }
    for (size_t i = 0; i < segments_.size(); ++i) {
      if (segments_[i].kind == Segment::Kind::engine) {
        MW_TRY(add_engine_task(i, std::move(programs[i])));
      } else if (!segments_[i].operations.empty() || segments_[i].staged) {
        add_cpu_task(i);
      }
    }
    plan_.plan.tasks.push_back({"update", UpdateTask{}, {}});
    for (const Value* result : function_.results()) plan_.results.push_back(surfaces_.at(result));
    share_surfaces(plan_.plan, function_.inputs().size(), plan_.results);
    order_tasks(plan_.plan);
    return std::move(plan_);
  }

 private:
  size_t add_surface(std::string name, const mil::Type& type) {
    plan_.plan.surfaces.push_back({std::move(name), type});
    return plan_.plan.surfaces.size() - 1;
  }

  // Of a value that crosses between CPU segments or is a result; one that aliases an input has that input's.
  size_t surface_of(const Value* value) {
    const auto found = surfaces_.find(value);
    if (found != surfaces_.end()) return found->second;
    const Value* aliased = function_.aliased_input(value);
    const size_t surface =
        aliased != nullptr ? surfaces_.at(aliased) : add_surface(std::string(value->name().view()), value->type());
    surfaces_[value] = surface;
    return surface;
  }

  size_t engine_surface(std::unordered_map<size_t, size_t>& surfaces, size_t segment, const PackedSurface& layout,
                        std::string_view what) {
    const auto found = surfaces.find(segment);
    if (found != surfaces.end()) return found->second;
    const size_t surface = add_surface(fmt::format("{}.{}", segments_[segment].name, what), layout.type());
    surfaces[segment] = surface;
    return surface;
  }
  size_t input_of(size_t segment) { return engine_surface(engine_inputs_, segment, inputs_[segment], "x"); }
  size_t output_of(size_t segment) { return engine_surface(engine_outputs_, segment, outputs_[segment], "y"); }

  size_t add_program(std::string name, std::unique_ptr<mil::Function> function, Target target) {
    PlannedProgram program{std::move(name), std::make_unique<mil::Program>(), function->name(), target, {}};
    program.program->add_function(std::move(function));
    plan_.plan.programs.push_back(std::move(program));
    return plan_.plan.programs.size() - 1;
  }

  Status add_engine_task(size_t index, EngineProgram lowered) {
    const Segment& segment = segments_[index];
    EvaluateTask task{0, {input_of(index)}, {output_of(index)}};
    if (pipeline_.weights == WeightPolicy::constants) {
      task.program = add_program(segment.name, std::move(lowered.function), Target::engine);
      // The surface of a function's input has the index of the input.
      plan_.plan.programs[task.program].weights = std::move(lowered.weights);
    } else {
      for (const ProgramWeight& weight : lowered.weights) {
        const mil::Type& type = lowered.function->inputs()[weight.input]->type();
        if (!fills_rows(type.shape().back())) {
          return fail(
              "plan: {} as an input of {} is {}, whose rows do not fill whole multiples of 64 bytes (C30); use a model "
              "whose "
              "dimensions are multiples of 32, or --pipeline static",
              plan_.plan.surfaces[weight.surface].name, segment.name, mil::type_text(type));
        }
        task.inputs.push_back(half_of(weight.surface, type));
      }
      task.program = shared_program(segment, std::move(lowered.function));
    }
    const bool is_backward = model_place(*segment.operations.back()).is_gradient;
    plan_.plan.tasks.push_back({segment.name, std::move(task), {}, false, is_backward});
    return {};
  }

  // The fp16 surface of a parameter; every program that multiplies by it reads the same.
  size_t half_of(size_t master, const mil::Type& type) {
    const auto found = halves_.find(master);
    if (found != halves_.end()) return found->second;
    const size_t half = add_surface(plan_.plan.surfaces[master].name + ".half", type);
    plan_.plan.staged_weights.push_back({master, half});
    return halves_[master] = half;
  }

  // One program for all segments whose functions are the same text; it is named like them, without their layer.
  size_t shared_program(const Segment& segment, std::unique_ptr<mil::Function> function) {
    mil::Program alone;
    alone.add_function(std::move(function));
    std::string text = mil::print(alone);
    const auto found = shared_.find(text);
    if (found != shared_.end()) return found->second;
    std::string name = segment.name.substr(segment.name.rfind('.') + 1);
    const size_t program = add_program(std::move(name), alone.take_function("main"), Target::engine);
    return shared_[std::move(text)] = program;
  }

  void add_cpu_task(size_t index) {
    const Segment& segment = segments_[index];
    CpuProgram lowered = lower_to_cpu(segment, function_, inputs_, outputs_);
    EvaluateTask task;
    for (const CpuPort& port : lowered.inputs) task.inputs.push_back(surface_of(port));
    for (const CpuPort& port : lowered.outputs) task.outputs.push_back(surface_of(port));
    task.program = add_program(segment.name, std::move(lowered.function), Target::cpu);
    plan_.plan.tasks.push_back({segment.name, std::move(task), {}, segment.kind == Segment::Kind::gradients});
  }

  size_t surface_of(const CpuPort& port) {
    switch (port.kind) {
      case CpuPort::Kind::parameter:
      case CpuPort::Kind::value:
        return surface_of(port.value);
      case CpuPort::Kind::engine_output:
        return output_of(port.segment);
      case CpuPort::Kind::engine_input:
        return input_of(port.segment);
    }
    MW_CHECK(false, "a port of kind {}", static_cast<int>(port.kind));
  }

  const mil::Function& function_;
  const Pipeline& pipeline_;
  std::vector<Segment> segments_;
  std::vector<PackedSurface> inputs_;   // by segment
  std::vector<PackedSurface> outputs_;  // by segment
  std::unordered_map<const Value*, size_t> surfaces_;
  std::unordered_map<size_t, size_t> engine_inputs_;  // segment → surface
  std::unordered_map<size_t, size_t> engine_outputs_;
  std::unordered_map<size_t, size_t> halves_;       // master → surface
  std::unordered_map<std::string, size_t> shared_;  // text → program
  TrainingPlan plan_;
};

}  // namespace

Result<TrainingPlan> plan_training(const mil::Function& function, const Pipeline& pipeline) {
  return TrainingPlanner(function, pipeline).plan();
}

}  // namespace millwright::plan
