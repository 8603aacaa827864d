#include "plan/engine_program.h"

#include <algorithm>
#include <unordered_map>

#include "base/check.h"
#include "mil/builder.h"
#include "mil/literal_conversion.h"
#include "mil/parameters.h"
#include "plan/placement.h"

namespace millwright::plan {
namespace {

using mil::ElementType;
using mil::Operation;
using mil::Shape;
using mil::Type;
using mil::Value;

// What stands for minus infinity in an additive mask: the lowest finite number of fp16, as published kernels have it.
constexpr double kLowestHalf = -65504;

// A constant of the model as the engine holds it. Numbers beyond the range of fp16 become its ends: masks only.
mil::Literal half_literal(const mil::Literal& literal) {
  const Type type = literal.type().with_element(ElementType::fp16);
  std::vector<double> numbers = literal.as_numbers();
  for (double& number : numbers) number = std::clamp(number, kLowestHalf, -kLowestHalf);
  return mil::Literal::numbers(type, numbers);
}

bool is_float(const Type& type) { return type.is_tensor() && mil::is_floating(type.element()); }

class EngineLowering {
 public:
  EngineLowering(const Segment& segment, const mil::Function& source, WeightPolicy policy)
      : segment_(segment),
        source_(source),
        policy_(policy),
        function_(std::make_unique<mil::Function>("main", source.opset())),
        builder_(*function_) {}

  Result<EngineProgram> lower() {
    std::vector<const Value*> inputs;
    for (const SegmentInput& input : segment_.inputs) inputs.push_back(input.value);
    EngineProgram program;
    MW_ASSIGN(program.input, pack(inputs, segment_.name));
    MW_ASSIGN(program.output, pack(segment_.outputs, segment_.name));
    Value* x = builder_.input("activations", program.input.type());
    declare_weights();
    unpack(program.input, x);
    for (const Operation* operation : segment_.operations) lower(*operation);
    function_->block().set_results({pack_results(program.output)});
    mil::remove_dead_operations(*function_);
    program.function = std::move(function_);
    program.weights = std::move(weights_);
    return program;
  }

 private:
  // How a segment uses a matrix: W · x, or Wᵀ · x. A constant that it uses both ways comes twice.
  struct WeightUse {
    const Value* parameter;
    bool transposed;
    bool operator==(const WeightUse&) const = default;
  };

  static bool is_parameter(const Value* value) { return value->producer() == nullptr; }

  // matmul(W, x) with a matrix of the model's and an activation [1, in, S].
  static const Value* linear_weight(const Operation& operation) {
    if (operation.kind() != "matmul") return nullptr;
    const Value* x = operation.operand("x");
    const Value* y = operation.operand("y");
    if (x == nullptr || y == nullptr || !is_parameter(x) || x->type().rank() != 2) return nullptr;
    if (y->type().rank() != 3 || y->shape()[0] != 1 || mil::flag(operation, "transpose_y")) return nullptr;
    return x;
  }

  size_t input_index(const Value* parameter) const {
    const auto& inputs = source_.inputs();
    const auto found =
        std::find_if(inputs.begin(), inputs.end(), [&](const auto& input) { return input.get() == parameter; });
    MW_CHECK(found != inputs.end(), "{} is no input of the function", parameter->name().view());
    return static_cast<size_t>(found - inputs.begin());
  }

  Value* declare(const WeightUse& use, const Shape& shape) {
    const std::string name = policy_ == WeightPolicy::constants ? std::string(use.parameter->name().view())
                                                                : fmt::format("weight_{:02}", weights_.size());
    Value* input = builder_.input(name, Type::tensor(ElementType::fp16, shape));
    weights_.push_back({function_->inputs().size() - 1, input_index(use.parameter), use.transposed});
    return input;
  }

  WeightUse use_of(const Operation& operation, const Value* weight) const {
    return {weight, policy_ == WeightPolicy::constants && mil::flag(operation, "transpose_x")};
  }

  Shape weight_shape(const WeightUse& use) const {
    const int64_t rows = use.parameter->shape()[0];
    const int64_t columns = use.parameter->shape()[1];
    if (policy_ == WeightPolicy::surfaces) return {1, rows, 1, columns};
    return use.transposed ? Shape{columns, rows, 1, 1} : Shape{rows, columns, 1, 1};
  }

  Value* find_linear(const WeightUse& use) const {
    const auto found =
        std::find_if(linear_.begin(), linear_.end(), [&](const auto& pair) { return pair.first == use; });
    return found == linear_.end() ? nullptr : found->second;
  }

  void declare_weights() {
    for (const Operation* operation : segment_.operations) {
      if (const Value* linear = linear_weight(*operation)) {
        const WeightUse use = use_of(*operation, linear);
        if (find_linear(use) == nullptr) linear_.emplace_back(use, declare(use, weight_shape(use)));
        continue;
      }
      for (const Value* operand : operation->all_operands()) {
        if (!is_parameter(operand) || values_.contains(operand)) continue;
        values_[operand] = declare({operand, false}, operand->shape());
      }
    }
  }

  // W · x or Wᵀ · x, [1, in, S] → [1, out, S].
  Value* product(const Operation& operation, const Value* weight) {
    const bool transposes = mil::flag(operation, "transpose_x");
    Value* x = values_.at(operation.operand("y"));
    Value* w = find_linear(use_of(operation, weight));
    const int64_t in = x->shape()[1];
    const int64_t width = x->shape()[2];
    if (policy_ == WeightPolicy::surfaces) {
      const Shape matrix = {1, 1, weight->shape()[0], weight->shape()[1]};
      return builder_.matmul(relabel(w, matrix), relabel(x, {1, 1, in, width}), transposes, false);
    }
    return builder_.emit(
        "conv",
        {mil::operand("x", relabel(x, {1, in, 1, width})), mil::operand("weight", w),
         mil::operand("strides", builder_.int32_vector(Shape{1, 1})), mil::operand("pad_type", builder_.text("valid")),
         mil::operand("pad", builder_.int32_vector(Shape{0, 0, 0, 0})),
         mil::operand("dilations", builder_.int32_vector(Shape{1, 1})), mil::operand("groups", builder_.int32(1))});
  }

  // Layers share programs that differ in nothing but their weights, so their labels must not differ either.
  std::string label_of(const Operation& operation) const {
    if (policy_ == WeightPolicy::constants) return operation.label();
    const ModelPlace place = model_place(operation);
    return fmt::format("{}.{}{}", place.part, place.operation, place.is_gradient ? ".grad" : "");
  }

  // The same elements with other axes; a chain of such changes becomes one.
  Value* relabel(Value* value, const Shape& shape) {
    while (value->producer() != nullptr && value->producer()->kind() == "reshape" && value->shape() != shape) {
      value = value->producer()->operand("x");
    }
    return value->shape() == shape ? value : builder_.reshape(value, shape);
  }

  void unpack(const PackedSurface& surface, Value* x) {
    for (const PackedValue& packed : surface.values) {
      Value* part = x;
      if (packed.channels != surface.channels) {
        part = builder_.slice(x, Shape{0, packed.first_channel, 0, 0}, Shape{1, packed.channels, 1, surface.width});
      }
      values_[packed.value] = relabel(part, packed.value->shape());
    }
  }

  Value* pack_results(const PackedSurface& surface) {
    std::vector<Value*> parts;
    for (const PackedValue& packed : surface.values) {
      parts.push_back(relabel(values_.at(packed.value), {1, packed.channels, 1, surface.width}));
    }
    return parts.size() == 1 ? parts.front() : builder_.concat(parts, 1, "y");
  }

  // A value of the source in the program; its constants in the order of their use there, not of the source, where other
  // layers may have brought them in before.
  Value* lowered(const Value* value) {
    const auto found = values_.find(value);
    if (found != values_.end()) return found->second;
    const Operation* producer = value->producer();
    MW_CHECK(producer != nullptr && producer->is_const(), "{} is not in the program", value->name().view());
    const mil::Literal* literal = producer->attribute("val");
    return values_[value] = builder_.constant(is_float(literal->type()) ? half_literal(*literal) : *literal);
  }

  void lower(const Operation& operation) {
    const Value* result = operation.result();
    builder_.set_scope(label_of(operation));
    if (operation.is_const()) return;  // where it is first used
    if (const Value* weight = linear_weight(operation)) {
      values_[result] = relabel(product(operation, weight), result->shape());
      return;
    }
    if (operation.kind() == "reshape" || operation.kind() == "squeeze" || operation.kind() == "expand_dims") {
      values_[result] = relabel(values_.at(operation.operand("x")), result->shape());
      return;
    }
    std::vector<mil::Operand> operands;
    for (const mil::Operand& operand : operation.operands()) {
      mil::Operand copy{operand.name, {}, operand.is_list};
      for (const mil::Argument& argument : operand.arguments) {
        if (Value* const* value = std::get_if<Value*>(&argument)) {
          copy.arguments.emplace_back(lowered(*value));
        } else {
          copy.arguments.push_back(argument);
        }
      }
      operands.push_back(std::move(copy));
    }
    values_[result] = builder_.emit(operation.kind().view(), std::move(operands));
  }

  const Segment& segment_;
  const mil::Function& source_;
  WeightPolicy policy_;
  std::unique_ptr<mil::Function> function_;
  mil::Builder builder_;
  std::unordered_map<const Value*, Value*> values_;  // of the source → of the program
  std::vector<std::pair<WeightUse, Value*>> linear_;
  std::vector<ProgramWeight> weights_;
};

}  // namespace

Result<EngineProgram> lower_to_engine(const Segment& segment, const mil::Function& source, WeightPolicy policy) {
  return EngineLowering(segment, source, policy).lower();
}

}  // namespace millwright::plan
