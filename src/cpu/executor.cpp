#include "cpu/executor.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/aligned_buffer.h"
#include "base/check.h"
#include "cpu/lowering.h"
#include "cpu/memory_plan.h"
#include "cpu/passes/passes.h"
#include "cpu/states_to_values.h"
#include "mil/registry.h"
#include "mil/specialize.h"

namespace millwright::cpu {
namespace {

constexpr int64_t kMostAxes = 5;

Status check_value(const mil::Value& value, const mil::Type& type, const std::string& where) {
  if (!type.is_tensor()) {
    return fail("{}: {} is {}; the CPU executor takes tensors only", where, value.name(), mil::type_text(value.type()));
  }
  if (!mil::is_static(type.shape())) {
    return fail("{}: {} is {}; the CPU executor needs every size to be known", where, value.name(),
                mil::type_text(value.type()));
  }
  if (type.rank() > kMostAxes) {
    return fail("{}: {} has rank {}; MIL has at most {} axes", where, value.name(), type.rank(), kMostAxes);
  }
  return {};
}

Status check_literals(const mil::Operation& operation) {
  for (const mil::Operand& operand : operation.operands()) {
    for (const mil::Argument& argument : operand.arguments) {
      const auto* literal = std::get_if<mil::Literal>(&argument);
      if (literal == nullptr || !literal->is_blob()) continue;
      return fail("{}: the elements of {} are in the weight file {}; load them before compiling",
                  mil::describe(operation), operand.name, literal->blob_reference().path);
    }
  }
  for (const mil::Attribute& attribute : operation.attributes()) {
    if (operation.is_const() || !attribute.value.is_blob()) continue;
    return fail("{}: the elements of {} are in the weight file {}; load them before compiling",
                mil::describe(operation), attribute.name, attribute.value.blob_reference().path);
  }
  return {};
}

bool is_parameter_text(const mil::Operation& operation) {
  if (!operation.is_const() || operation.results().size() != 1) return false;
  const mil::Type& type = operation.result()->type();
  return !type.is_tensor() || type.element() == mil::ElementType::string;
}

Status check_function(const mil::Function& function) {
  const std::string where = "function " + function.name();
  for (const auto& input : function.inputs()) MW_TRY(check_value(*input, memory_type(input->type()), where));
  for (const auto& operation : function.block().operations()) {
    if (operation->definition() == nullptr) return fail("{}: unknown operation", mil::describe(*operation));
    if (!operation->blocks().empty()) {
      return fail("{}: the CPU executor has no control flow", mil::describe(*operation));
    }
    if (is_parameter_text(*operation)) continue;
    MW_TRY(check_literals(*operation));
    for (const auto& result : operation->results()) {
      MW_TRY(check_value(*result, result->type(), mil::describe(*operation)));
    }
  }
  for (const mil::Value* result : function.results()) MW_TRY(check_value(*result, result->type(), where));
  return {};
}

// The index of the input whose memory each result is stored to, or -1.
std::vector<int> aliases_of(const mil::Function& function) {
  std::vector<int> aliases;
  for (const mil::Value* result : function.results()) {
    const mil::Value* input = function.aliased_input(result);
    int index = -1;
    for (size_t i = 0; input != nullptr && i < function.inputs().size(); ++i) {
      if (function.inputs()[i].get() == input) index = static_cast<int>(i);
    }
    aliases.push_back(index);
  }
  return aliases;
}

// The function for the sizes of its inputs, where it leaves others open that follow from them and from constants; else
// nothing.
Result<std::unique_ptr<mil::Function>> with_known_sizes(const mil::Function& function) {
  if (mil::is_static(function)) return nullptr;
  std::vector<mil::Type> types;
  for (const auto& input : function.inputs()) {
    const mil::Type& type = memory_type(input->type());
    if (!type.is_tensor() || !mil::is_static(type.shape())) return nullptr;
    types.push_back(input->type());
  }
  return mil::specialize(function, types);
}

class Executable final : public CompiledFunction {
 public:
  Executable(LoweredFunction lowered, const MemoryPlan& plan, AlignedBuffer arena, std::vector<int> aliases,
             bool profile, size_t inputs, std::vector<mil::Type> result_types)
      : buffers_(std::move(lowered.buffers)),
        memory_(std::move(lowered.memory)),
        aliases_(std::move(aliases)),
        input_count_(inputs),
        result_types_(std::move(result_types)),
        result_count_(result_types_.size()),
        profiles_(profile),
        arena_(std::move(arena)) {
    report_.arena_bytes = plan.arena_bytes;
    report_.unplanned_bytes = plan.unplanned_bytes;
    for (size_t i = 0; i < lowered.calls.size(); ++i) {
      if (!plan.is_dropped[i]) calls_.push_back(std::move(lowered.calls[i]));
    }
    bind_buffers(plan);
    if (profiles_) seconds_.resize(calls_.size());
  }

  Status run(std::span<void* const> inputs, std::span<void* const> results) override {
    MW_CHECK(inputs.size() == input_count_, "{} input pointers for {} inputs", inputs.size(), input_count_);
    MW_CHECK(results.size() == result_count_, "{} result pointers for {} results", results.size(), result_count_);
    for (size_t i = 0; i < result_count_; ++i) {
      const int input = aliases_[i];
      MW_CHECK(input < 0 || results[i] == inputs[static_cast<size_t>(input)],
               "result {} and input {} are aliases, their pointers differ", i, input);
    }
    for (const Binding& binding : input_bindings_)
      memory_.set(binding.buffer, inputs[static_cast<size_t>(binding.index)]);
    for (const Binding& binding : result_bindings_) {
      const auto index = static_cast<size_t>(binding.index);
      memory_.set(binding.buffer,
                  index < result_count_ ? results[index] : inputs[static_cast<size_t>(aliases_[index])]);
    }
    return profiles_ ? run_timed() : run_calls();
  }

  const std::vector<mil::Type>& result_types() const override { return result_types_; }
  MemoryReport memory() const override { return report_; }

  std::vector<ProfileEntry> profile() const override {
    std::vector<ProfileEntry> entries;
    for (size_t i = 0; profiles_ && i < calls_.size(); ++i) {
      entries.push_back({calls_[i].label, calls_[i].kernel, runs_, seconds_[i], calls_[i].flops, calls_[i].bytes()});
    }
    return entries;
  }

  void reset_profile() override {
    std::ranges::fill(seconds_, 0.0);
    runs_ = 0;
  }

  std::string listing() const override {
    std::string text;
    for (const Call& call : calls_) {
      text += fmt::format("{} {}:", call.kernel, call.label);
      for (const View& view : call.reads) text += fmt::format(" {}", place_text(view));
      text += " ->";
      for (const View& view : call.writes) text += fmt::format(" {}", place_text(view));
      text += '\n';
    }
    return text;
  }

 private:
  struct Binding {
    int buffer;
    int index;
  };

  void bind_buffers(const MemoryPlan& plan) {
    // The caller's memory that each owner stands for.
    std::vector<const Buffer*> external(buffers_.size(), nullptr);
    for (size_t id = 0; id < buffers_.size(); ++id) {
      const Buffer& buffer = buffers_[id];
      if (buffer.kind == Buffer::Kind::constant) report_.constant_bytes += buffer.bytes;
      const Buffer*& shared = external[static_cast<size_t>(plan.owner[id])];
      // Of an input and the result stored over it, the input: a state has no result of its own.
      if (buffer.kind != Buffer::Kind::arena && (shared == nullptr || shared->kind != Buffer::Kind::input)) {
        shared = &buffer;
      }
    }
    for (size_t id = 0; id < buffers_.size(); ++id) {
      const auto owner = static_cast<size_t>(plan.owner[id]);
      const int buffer = static_cast<int>(id);
      places_.push_back(external[owner] == nullptr ? fmt::format("@{}", plan.offset[owner])
                                                   : external_text(*external[owner]));
      if (external[owner] == nullptr) {
        if (plan.offset[owner] >= 0) memory_.set(buffer, arena_.data() + plan.offset[owner]);
      } else if (external[owner]->kind == Buffer::Kind::input) {
        input_bindings_.push_back({buffer, external[owner]->index});
      } else if (external[owner]->kind == Buffer::Kind::result) {
        result_bindings_.push_back({buffer, external[owner]->index});
      }
    }
  }

  static std::string external_text(const Buffer& buffer) {
    if (buffer.kind == Buffer::Kind::constant) return "const";
    return fmt::format("{}{}", buffer.kind == Buffer::Kind::input ? "in" : "out", buffer.index);
  }

  std::string place_text(const View& view) const {
    return fmt::format("{}{}", places_[static_cast<size_t>(view.buffer)], mil::shape_text(view.sizes));
  }

  Status run_calls() {
    for (const Call& call : calls_) MW_TRY(call.run(memory_));
    return {};
  }

  Status run_timed() {
    using Clock = std::chrono::steady_clock;
    ++runs_;
    for (size_t i = 0; i < calls_.size(); ++i) {
      const auto start = Clock::now();
      MW_TRY(calls_[i].run(memory_));
      seconds_[i] += std::chrono::duration<double>(Clock::now() - start).count();
    }
    return {};
  }

  std::vector<Buffer> buffers_;
  Memory memory_;
  std::vector<Call> calls_;
  std::vector<int> aliases_;  // behind those of the results, the inputs that are written states
  size_t input_count_;
  std::vector<mil::Type> result_types_;
  size_t result_count_;
  bool profiles_;
  AlignedBuffer arena_;
  std::vector<Binding> input_bindings_;
  std::vector<Binding> result_bindings_;
  std::vector<std::string> places_;  // by buffer, for the listing
  MemoryReport report_;
  std::vector<double> seconds_;  // by call
  int64_t runs_ = 0;
};

}  // namespace

Result<std::unique_ptr<CompiledFunction>> CompiledFunction::compile(const mil::Function& declared,
                                                                    const CompileOptions& options) {
  MW_ASSIGN(const std::unique_ptr<mil::Function> specialized, with_known_sizes(declared));
  const mil::Function& function = specialized != nullptr ? *specialized : declared;
  MW_TRY(check_function(function));
  std::vector<int> aliases = aliases_of(function);
  const StatelessFunction stateless = states_to_values(function);
  aliases.insert(aliases.end(), stateless.written_to.begin(), stateless.written_to.end());
  run_passes(*stateless.function);
  MW_ASSIGN(LoweredFunction lowered, Lowering(*stateless.function, stateless.written_to).lower());
  MW_ASSIGN(const MemoryPlan plan, plan_memory(lowered, aliases));
  std::vector<mil::Type> result_types;
  for (const mil::Value* result : function.results()) result_types.push_back(result->type());
  MW_ASSIGN(AlignedBuffer arena, AlignedBuffer::allocate(static_cast<size_t>(plan.arena_bytes)));
  return std::unique_ptr<CompiledFunction>(
      std::make_unique<Executable>(std::move(lowered), plan, std::move(arena), std::move(aliases), options.profile,
                                   function.inputs().size(), std::move(result_types)));
}

}  // namespace millwright::cpu
