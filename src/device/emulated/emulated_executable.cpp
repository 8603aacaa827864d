#include "device/emulated/emulated_executable.h"

#include <cstring>
#include <utility>
#include <vector>

#include "ane/rules/check.h"
#include "ane/rules/surface_layout.h"
#include "base/aligned_buffer.h"
#include "cpu/kernels/not_a_number.h"
#include "cpu/view.h"

namespace millwright::device {
namespace {

// A surface with the port that the engine takes it for.
struct Binding {
  const Port* port;
  Surface* surface;
  SurfaceLayout layout;
  AlignedBuffer room = {};  // a row-major copy where the rows are padded or hold NaN
};

// In every byte of a floating-point number: NaN.
constexpr int kNoNumber = 0xff;

double time_factor(const ane::ChipProfile& profile, ane::Qos qos) {
  return qos == ane::Qos::background ? profile.dispatch.background_factor.value_or(1) : 1;
}

bool is_aligned(const std::byte* data) { return reinterpret_cast<uintptr_t>(data) % AlignedBuffer::kAlignment == 0; }

class EmulatedRequest final : public Request {
 public:
  EmulatedRequest(std::shared_ptr<const CompiledProgram> program, std::shared_ptr<const EmulatedOptions> options,
                  std::shared_ptr<ExecutableState> state, ane::Qos qos, std::span<const ane::Finding> program_findings,
                  std::span<Surface* const> inputs, std::span<Surface* const> outputs)
      : program_(std::move(program)),
        options_(std::move(options)),
        state_(std::move(state)),
        time_factor_(time_factor(options_->profile, qos)) {
    const ane::ChipProfile& profile = options_->profile;
    const ane::SurfaceRows rows = profile.surfaces.rows.value_or(ane::SurfaceRows::padded);
    hides_nan_ = profile.numerics.hides_nan.value_or(false);
    inputs_ = bind(program_->inputs(), program_->input_order(), rows, inputs);
    outputs_ = bind(program_->outputs(), program_->output_order(), rows, outputs);
    const std::vector<ane::SurfaceUse> input_uses = uses_of(inputs);
    const std::vector<ane::SurfaceUse> output_uses = uses_of(outputs);
    std::vector<ane::Finding> findings = ane::check_request({program_->function(), input_uses, output_uses}, profile);
    if (options_->strict) ane::make_strict(findings);
    judge(program_findings);
    judge(findings);
    for (const ane::Finding& finding : findings) {
      if (finding.verdict == ane::Verdict::warning) warnings_.push_back(ane::finding_text(finding));
    }
  }

  std::vector<std::string> warnings() const override { return warnings_; }

  Status evaluate() override {
    MW_TRY(begin_waiting());
    const std::lock_guard queue(options_->process->queue());
    --state_->waiting;
    if (!state_->is_loaded) return fail("program {}: evaluate failed: the program is not loaded", program_->name());
    if (!refusal_.empty()) {
      return fail(
          "program {}: evaluate failed: ANEProgramProcessRequestDirect() Failed with status=0x1d : Program "
          "Inference error: {}",
          program_->name(), refusal_);
    }
    options_->process->evaluated(predicted_seconds(), program_->cost().joules);
    ++state_->evaluations;
    if (gives_zeros_) return fill_outputs(0);
    if (!program_->computes()) return fill_outputs(kNoNumber);
    std::vector<void*> inputs;
    std::vector<void*> outputs;
    for (Binding& input : inputs_) inputs.push_back(input_elements(input));
    for (Binding& output : outputs_) outputs.push_back(output_elements(output));
    MW_TRY(program_->run(inputs, outputs));
    for (size_t i = 0; i < outputs_.size(); ++i) {
      if (outputs[i] == outputs_[i].surface->data()) continue;
      pack_rows(outputs_[i].layout, static_cast<const std::byte*>(outputs[i]), outputs_[i].surface->data());
    }
    return {};
  }

 private:
  Status fill_outputs(int byte) {
    for (const Binding& output : outputs_) std::memset(output.surface->data(), byte, output.surface->bytes());
    return {};
  }

  // In the order of the ports: surface i feeds port order[i].
  static std::vector<Binding> bind(const std::vector<Port>& ports, const std::vector<size_t>& order,
                                   ane::SurfaceRows rows, std::span<Surface* const> surfaces) {
    std::vector<Binding> bindings(ports.size());
    for (size_t i = 0; i < ports.size(); ++i) {
      const Port& port = ports[order[i]];
      bindings[order[i]] = {&port, surfaces[i], surface_layout(port.type, rows)};
    }
    return bindings;
  }

  static std::vector<ane::SurfaceUse> uses_of(std::span<Surface* const> surfaces) {
    std::vector<ane::SurfaceUse> uses;
    for (const Surface* surface : surfaces) {
      uses.push_back({static_cast<int64_t>(surface->bytes()), 0,
                      static_cast<int64_t>(reinterpret_cast<uintptr_t>(surface->data()))});
    }
    return uses;
  }

  // One of the evaluations that wait for the queue, unless too many do (C23).
  Status begin_waiting() {
    const int64_t before = state_->waiting++;
    const ane::LifecycleEvent event = {.kind = ane::LifecycleEvent::Kind::evaluate, .waiting_evaluations = before};
    if (before < options_->profile.lifecycle.in_flight.value_or(ane::kNoLimit)) return {};
    --state_->waiting;
    return fail(ErrorKind::exhausted, "program {}: evaluate failed: {}", program_->name(),
                ane::finding_text(ane::check_event(event, options_->profile).at(0)));
  }

  double predicted_seconds() const {
    if (!options_->faults.cold_starts) return time_factor_ * program_->cost().seconds;
    return time_factor_ * program_->cold_seconds(state_->evaluations, options_->process->seconds_without_evaluation());
  }

  // Errors refuse every evaluation: those of this stage, and silent ones under strictness. Two reports are of
  // evaluations that succeed and write zeros.
  void judge(std::span<const ane::Finding> findings) {
    for (const ane::Finding& finding : findings) {
      const bool is_here = finding.stage == ane::Stage::evaluate || finding.stage == ane::Stage::silent;
      const bool is_error = finding.verdict == ane::Verdict::error && is_here;
      if (is_error && refusal_.empty()) refusal_ = ane::finding_text(finding);
      if (finding.rule == "C31" || finding.rule == "C35") gives_zeros_ = true;
    }
  }

  static bool is_row_major(const Binding& binding) {
    return binding.layout.is_packed() && is_aligned(binding.surface->data());
  }

  static std::byte* room_of(Binding& binding) {
    const auto bytes = static_cast<size_t>(binding.port->type.bytes());
    if (binding.room.size() < bytes) binding.room = AlignedBuffer(bytes);
    return binding.room.data();
  }

  // The surface itself where it is what the program computes with, else a copy: row-major, NaN infinite (C59).
  void* input_elements(Binding& binding) const {
    std::byte* elements = binding.surface->data();
    if (!is_row_major(binding)) {
      unpack_rows(binding.layout, elements, room_of(binding));
      elements = room_of(binding);
    }
    const mil::Type& type = binding.port->type;
    if (!hides_nan_ || !mil::is_floating(type.element())) return elements;
    const auto storage = cpu::storage_of(type.element());
    if (!storage || !cpu::has_nan(*storage, elements, type.count())) return elements;
    cpu::copy_nan_as_infinity(*storage, elements, type.count(), room_of(binding));
    return room_of(binding);
  }

  static void* output_elements(Binding& binding) {
    return is_row_major(binding) ? binding.surface->data() : room_of(binding);
  }

  std::shared_ptr<const CompiledProgram> program_;
  std::shared_ptr<const EmulatedOptions> options_;
  std::shared_ptr<ExecutableState> state_;
  std::vector<Binding> inputs_;
  std::vector<Binding> outputs_;
  double time_factor_;   // of the class of service
  std::string refusal_;  // of every evaluation; empty: none
  std::vector<std::string> warnings_;
  bool gives_zeros_ = false;
  bool hides_nan_ = false;
};

}  // namespace

EmulatedExecutable::EmulatedExecutable(std::shared_ptr<const CompiledProgram> program, ProgramIdentity identity,
                                       std::vector<ane::Finding> findings, const EmulatedOptions& options, ane::Qos qos)
    : Executable(program->name(), program->inputs(), program->outputs()),
      program_(std::move(program)),
      identity_(std::move(identity)),
      findings_(std::move(findings)),
      options_(std::make_shared<EmulatedOptions>(options)),
      state_(std::make_shared<ExecutableState>()),
      qos_(qos) {}

EmulatedExecutable::~EmulatedExecutable() { (void)unload(); }

Status EmulatedExecutable::load() {
  const std::lock_guard queue(options_->process->queue());
  if (state_->is_loaded) return {};
  for (const ane::Finding& finding : findings_) {
    if (finding.stage != ane::Stage::load || finding.verdict != ane::Verdict::error) continue;
    return fail(ErrorKind::exhausted, "program {}: load failed on {}: {}", name(), options_->profile.name,
                ane::finding_text(finding));
  }
  MW_TRY(options_->process->load(name(), program_->cost().load_seconds));
  state_->evaluations = 0;
  state_->is_loaded = true;
  return {};
}

Status EmulatedExecutable::unload() {
  const std::lock_guard queue(options_->process->queue());
  if (!state_->is_loaded) return {};
  options_->process->unload(program_->cost().unload_seconds);
  state_->is_loaded = false;
  return {};
}

std::vector<std::string> EmulatedExecutable::warnings() const {
  std::vector<std::string> texts;
  for (const ane::Finding& finding : findings_) {
    if (finding.verdict == ane::Verdict::warning) texts.push_back(ane::finding_text(finding));
  }
  return texts;
}

int64_t EmulatedExecutable::surface_bytes(const Port& port) const {
  return ane::surface_bytes(port.type, options_->profile.surfaces.rows.value_or(ane::SurfaceRows::padded));
}

// Sizes are the engine's business, when it evaluates.
Status EmulatedExecutable::check_surfaces(std::string_view, std::span<const Port>, std::span<Surface* const>) const {
  return {};
}

Result<std::unique_ptr<Request>> EmulatedExecutable::make_request(std::span<Surface* const> inputs,
                                                                  std::span<Surface* const> outputs) {
  return std::make_unique<EmulatedRequest>(program_, options_, state_, qos_, findings_, inputs, outputs);
}

}  // namespace millwright::device
