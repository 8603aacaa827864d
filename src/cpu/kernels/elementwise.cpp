// Checks an elementwise program, simplifies it and allots its registers ("slots"); runs it over an iteration space.
#include "cpu/kernels/elementwise.h"

#include <algorithm>

#include "base/check.h"
#include "base/parallel.h"
#include "cpu/kernels/elementwise_evaluation.h"

namespace millwright::cpu {

namespace {

struct OpcodeInfo {
  const char* name;
  int operands;
};

constexpr OpcodeInfo kOpcodes[] = {
#define MW_ELEMENTWISE_INFO(name, operands) {#name, operands},
    MW_ELEMENTWISE_OPCODES(MW_ELEMENTWISE_INFO)
#undef MW_ELEMENTWISE_INFO
};

bool gives_int(const ElementwiseInstruction& instruction) {
  switch (instruction.opcode) {
    case ElementwiseOpcode::less:
    case ElementwiseOpcode::less_equal:
    case ElementwiseOpcode::greater:
    case ElementwiseOpcode::greater_equal:
    case ElementwiseOpcode::equal:
    case ElementwiseOpcode::not_equal:
    case ElementwiseOpcode::logical_and:
    case ElementwiseOpcode::logical_or:
    case ElementwiseOpcode::logical_xor:
    case ElementwiseOpcode::logical_not:
    case ElementwiseOpcode::to_int:
      return true;
    case ElementwiseOpcode::to_float:
      return false;
    default:
      return instruction.type == LaneType::int32;
  }
}

bool has_int_form(ElementwiseOpcode opcode) {
  switch (opcode) {
    case ElementwiseOpcode::constant:
    case ElementwiseOpcode::add:
    case ElementwiseOpcode::sub:
    case ElementwiseOpcode::mul:
    case ElementwiseOpcode::floor_div:
    case ElementwiseOpcode::mod:
    case ElementwiseOpcode::trunc_div:
    case ElementwiseOpcode::pow:
    case ElementwiseOpcode::maximum:
    case ElementwiseOpcode::minimum:
    case ElementwiseOpcode::neg:
    case ElementwiseOpcode::abs:
    case ElementwiseOpcode::sign:
    case ElementwiseOpcode::square:
    case ElementwiseOpcode::select:
    case ElementwiseOpcode::less:
    case ElementwiseOpcode::less_equal:
    case ElementwiseOpcode::greater:
    case ElementwiseOpcode::greater_equal:
    case ElementwiseOpcode::equal:
    case ElementwiseOpcode::not_equal:
    case ElementwiseOpcode::wrap4:
    case ElementwiseOpcode::wrap8:
    case ElementwiseOpcode::wrap16:
    case ElementwiseOpcode::bit_and:
      return true;
    default:
      return false;
  }
}

// The lane type that operand `index` of an instruction must have.
LaneType operand_type(const ElementwiseInstruction& instruction, int index) {
  switch (instruction.opcode) {
    case ElementwiseOpcode::logical_and:
    case ElementwiseOpcode::logical_or:
    case ElementwiseOpcode::logical_xor:
    case ElementwiseOpcode::logical_not:
    case ElementwiseOpcode::to_float:
      return LaneType::int32;
    case ElementwiseOpcode::to_int:
      return LaneType::float32;
    case ElementwiseOpcode::select:
      return index == 0 ? LaneType::int32 : instruction.type;
    default:
      return instruction.type;
  }
}

LaneType storage_lane_type(Storage storage) { return is_float(storage) ? LaneType::float32 : LaneType::int32; }

void check_program(const ElementwiseProgram& program) {
  const auto inputs = static_cast<int>(program.inputs.size());
  MW_CHECK(inputs + program.instructions.size() <= 4096, "{} values", inputs + program.instructions.size());
  for (size_t j = 0; j < program.instructions.size(); ++j) {
    const ElementwiseInstruction& instruction = program.instructions[j];
    const char* name = elementwise_opcode_name(instruction.opcode);
    MW_CHECK(instruction.type == LaneType::float32 || has_int_form(instruction.opcode), "{} has no int32 form", name);
    for (int i = 0; i < elementwise_operand_count(instruction.opcode); ++i) {
      const int16_t operand = instruction.operands[static_cast<size_t>(i)];
      MW_CHECK(operand >= 0 && operand < inputs + static_cast<int>(j), "operand {} of {} is value {}", i, name,
               operand);
      MW_CHECK(program.lane_type(operand) == operand_type(instruction, i), "operand {} of {} has the wrong lane type",
               i, name);
    }
  }
  for (const ElementwiseProgram::Output& output : program.outputs) {
    MW_CHECK(output.value >= 0 && output.value < inputs + static_cast<int>(program.instructions.size()),
             "output is value {}", output.value);
    MW_CHECK(program.lane_type(output.value) == storage_lane_type(output.storage), "output storage of value {}",
             output.value);
  }
}

// pow with a constant exponent that has a cheaper exact or nearly exact form.
void simplify_powers(ElementwiseProgram& program) {
  const auto inputs = static_cast<int>(program.inputs.size());
  for (ElementwiseInstruction& instruction : program.instructions) {
    if (instruction.opcode != ElementwiseOpcode::pow || instruction.type != LaneType::float32) continue;
    if (instruction.operands[1] < inputs) continue;
    const ElementwiseInstruction& exponent =
        program.instructions[static_cast<size_t>(instruction.operands[1] - inputs)];
    if (exponent.opcode != ElementwiseOpcode::constant) continue;
    instruction.immediates = {0.0, 0.0};
    const double value = exponent.immediates[0];
    if (value == 2.0) instruction.opcode = ElementwiseOpcode::square;
    if (value == 0.5) instruction.opcode = ElementwiseOpcode::sqrt;
    if (value == -0.5) instruction.opcode = ElementwiseOpcode::rsqrt;
    if (value == -1.0) instruction.opcode = ElementwiseOpcode::inverse;
  }
}

// Hands out slot numbers; freed ones are used again, the lowest first.
class SlotPool {
 public:
  explicit SlotPool(int first) : next_(first) {}
  int16_t take() {
    if (free_.empty()) return take_new();
    const auto lowest = std::min_element(free_.begin(), free_.end());
    const int16_t slot = *lowest;
    free_.erase(lowest);
    return slot;
  }
  int16_t take_new() { return static_cast<int16_t>(next_++); }
  void give_back(int16_t slot) { free_.push_back(slot); }
  int count() const { return next_; }

 private:
  int next_;
  std::vector<int16_t> free_;
};

}  // namespace

const char* elementwise_opcode_name(ElementwiseOpcode opcode) { return kOpcodes[static_cast<size_t>(opcode)].name; }
int elementwise_operand_count(ElementwiseOpcode opcode) { return kOpcodes[static_cast<size_t>(opcode)].operands; }

int16_t ElementwiseProgram::append(ElementwiseOpcode opcode, std::initializer_list<int16_t> operands, LaneType type,
                                   double immediate0, double immediate1) {
  MW_CHECK(static_cast<int>(operands.size()) == elementwise_operand_count(opcode), "{} operands of {}", operands.size(),
           elementwise_opcode_name(opcode));
  ElementwiseInstruction instruction;
  instruction.opcode = opcode;
  instruction.type = type;
  std::copy(operands.begin(), operands.end(), instruction.operands.begin());
  instruction.immediates = {immediate0, immediate1};
  instructions.push_back(instruction);
  return static_cast<int16_t>(inputs.size() + instructions.size() - 1);
}

LaneType ElementwiseProgram::lane_type(int16_t value) const {
  const auto index = static_cast<size_t>(value);
  if (index < inputs.size()) return storage_lane_type(inputs[index]);
  return gives_int(instructions[index - inputs.size()]) ? LaneType::int32 : LaneType::float32;
}

ElementwiseKernel::ElementwiseKernel(ElementwiseProgram program) : program_(std::move(program)) {
  check_program(program_);
  simplify_powers(program_);
  const size_t inputs = program_.inputs.size();
  const size_t values = inputs + program_.instructions.size();

  // last_use[v]: the last instruction that reads value v; live ones only. Outputs live to the end.
  std::vector<bool> live(values, false);
  std::vector<int> last_use(values, -1);
  std::vector<bool> is_output(values, false);
  for (const ElementwiseProgram::Output& output : program_.outputs) {
    live[static_cast<size_t>(output.value)] = is_output[static_cast<size_t>(output.value)] = true;
  }
  for (size_t j = program_.instructions.size(); j-- > 0;) {
    if (!live[inputs + j]) continue;
    const ElementwiseInstruction& instruction = program_.instructions[j];
    for (int i = 0; i < elementwise_operand_count(instruction.opcode); ++i) {
      const auto operand = static_cast<size_t>(instruction.operands[static_cast<size_t>(i)]);
      live[operand] = true;
      last_use[operand] = std::max(last_use[operand], static_cast<int>(j));
    }
  }

  std::vector<int16_t> slot(values, -1);
  for (size_t input = 0; input < inputs; ++input) slot[input] = static_cast<int16_t>(input);
  auto next = static_cast<int>(inputs);
  const auto is_constant = [&](size_t value) {
    return value >= inputs && program_.instructions[value - inputs].opcode == ElementwiseOpcode::constant;
  };
  const auto make_step = [&](size_t j) {
    const ElementwiseInstruction& instruction = program_.instructions[j];
    Step step;
    step.opcode = instruction.opcode;
    step.type = instruction.type;
    step.destination = slot[inputs + j];
    for (size_t i = 0; i < static_cast<size_t>(elementwise_operand_count(instruction.opcode)); ++i) {
      step.sources[i] = slot[static_cast<size_t>(instruction.operands[i])];
    }
    for (size_t i = 0; i < 2; ++i) {
      step.immediates[i] = static_cast<float>(instruction.immediates[i]);
      if (instruction.type == LaneType::int32)
        step.integer_immediates[i] = static_cast<int32_t>(instruction.immediates[i]);
    }
    return step;
  };
  for (size_t j = 0; j < program_.instructions.size(); ++j) {
    if (!live[inputs + j] || !is_constant(inputs + j)) continue;
    slot[inputs + j] = static_cast<int16_t>(next++);
    constants_.push_back(make_step(j));
  }

  SlotPool pool(next);
  std::vector<int> step_of(program_.instructions.size(), -1);
  for (size_t j = 0; j < program_.instructions.size(); ++j) {
    const size_t value = inputs + j;
    if (!live[value] || is_constant(value)) continue;
    const ElementwiseInstruction& instruction = program_.instructions[j];
    // A source whose last reader this is may give its slot to the result: steps read each lane before they write it. An
    // output's slot is never shared, because it may be the output's own memory.
    for (size_t i = 0; i < static_cast<size_t>(elementwise_operand_count(instruction.opcode)); ++i) {
      const auto operand = static_cast<size_t>(instruction.operands[i]);
      if (operand < inputs || is_constant(operand) || is_output[operand]) continue;
      if (last_use[operand] != static_cast<int>(j)) continue;
      pool.give_back(slot[operand]);
      last_use[operand] = -1;  // an operand may occur twice
    }
    slot[value] = is_output[value] ? pool.take_new() : pool.take();
    step_of[j] = static_cast<int>(steps_.size());
    steps_.push_back(make_step(j));
  }
  slot_count_ = pool.count();

  for (size_t input = 0; input < inputs; ++input) {
    const int last_step = last_use[input] < 0 ? -1 : step_of[static_cast<size_t>(last_use[input])];
    // An input that is itself an output is read once more, after the last step.
    input_last_use_.push_back(is_output[input] ? static_cast<int>(steps_.size()) : last_step);
  }
  std::vector<bool> seen(values, false);
  for (const ElementwiseProgram::Output& output : program_.outputs) {
    const auto value = static_cast<size_t>(output.value);
    const bool computed = value >= inputs && !is_constant(value) && !seen[value];
    seen[value] = true;
    outputs_.push_back({slot[value], output.storage, computed ? step_of[value - inputs] : -1});
  }
}

void ElementwiseKernel::run(const Dims& sizes, std::span<const ElementwiseInput> inputs,
                            std::span<const ElementwiseOutput> outputs) const {
  MW_CHECK(inputs.size() == program_.inputs.size() && outputs.size() == program_.outputs.size(),
           "{} inputs and {} outputs for a program of {} and {}", inputs.size(), outputs.size(), program_.inputs.size(),
           program_.outputs.size());
  const int64_t count = element_count(sizes);
  if (count == 0) return;
  const IterationSpace space = IterationSpace::collapse(sizes, inputs, outputs);
  const BlockPlan blocks(space);
  // A task of a few ten thousand elements outweighs the cost of handing it out.
  const int64_t tasks = (blocks.count() + blocks.per_task() - 1) / blocks.per_task();
  parallel_for(tasks, [&](int64_t task) {
    BlockEvaluator evaluator(*this, space);
    const int64_t end = std::min((task + 1) * blocks.per_task(), blocks.count());
    for (int64_t block = task * blocks.per_task(); block < end; ++block) {
      evaluator.evaluate_to_outputs(blocks.first(block), blocks.length(block));
    }
  });
}

}  // namespace millwright::cpu
