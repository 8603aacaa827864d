#include "device/device.h"

#include <algorithm>
#include <chrono>

namespace millwright::device {

namespace {

struct Range {
  const std::byte* begin;
  const std::byte* end;
  std::string_view what;  // "input" or "result"
  const Port* port;
  bool written;
};

Status check_count(const std::string& program, std::string_view what, size_t ports, size_t surfaces) {
  if (surfaces == ports) return {};
  return fail("program {}: expected {} {} surfaces, found {}", program, ports, what, surfaces);
}

void add_range(std::vector<Range>& ranges, Surface* surface, std::string_view what, const Port& port, bool written) {
  if (surface->bytes() == 0) return;
  ranges.push_back({surface->data(), surface->data() + surface->bytes(), what, &port, written});
}

// Inputs may share memory that nobody writes; a result overlaps nothing but the input it aliases.
Status check_overlap(const std::string& program, std::vector<Range> ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const Range& a, const Range& b) { return a.begin < b.begin; });
  const Range* reaching = nullptr;          // of those so far, the one that reaches furthest
  const Range* written_reaching = nullptr;  // the same among the written ones
  for (const Range& range : ranges) {
    const Range* other = range.written ? reaching : written_reaching;
    if (other != nullptr && other->end > range.begin) {
      return fail("program {}: the surfaces of {} \"{}\" and {} \"{}\" overlap, and at least one is written", program,
                  other->what, other->port->name, range.what, range.port->name);
    }
    if (reaching == nullptr || range.end > reaching->end) reaching = &range;
    if (range.written && (written_reaching == nullptr || range.end > written_reaching->end)) written_reaching = &range;
  }
  return {};
}

}  // namespace

Result<std::unique_ptr<Request>> Executable::bind(std::span<Surface* const> inputs, std::span<Surface* const> outputs) {
  if (!is_loaded()) return fail("program {}: not loaded; call load() before bind()", name_);
  MW_TRY(check_count(name_, "input", inputs_.size(), inputs.size()));
  MW_TRY(check_surfaces("input", inputs_, inputs));
  MW_TRY(check_count(name_, "result", outputs_.size(), outputs.size()));
  MW_TRY(check_surfaces("result", outputs_, outputs));
  std::vector<Range> ranges;
  std::vector<bool> is_aliased(inputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (const auto aliased = outputs_[i].aliased_input) {
      if (outputs[i]->data() != inputs[*aliased]->data()) {
        return fail("program {}: result \"{}\" aliases input \"{}\", so both need the same surface", name_,
                    outputs_[i].name, inputs_[*aliased].name);
      }
      is_aliased[*aliased] = true;
    }
    add_range(ranges, outputs[i], "result", outputs_[i], true);
  }
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!is_aliased[i]) add_range(ranges, inputs[i], "input", inputs_[i], inputs_[i].is_state);
  }
  MW_TRY(check_overlap(name_, std::move(ranges)));
  return make_request(inputs, outputs);
}

Status Executable::check_surfaces(std::string_view what, std::span<const Port> ports,
                                  std::span<Surface* const> surfaces) const {
  for (size_t i = 0; i < ports.size(); ++i) {
    if (surfaces[i]->type() == ports[i].type) continue;
    return fail("program {}: {} {} (\"{}\"): expected a surface of {}, found {}", name_, what, i, ports[i].name,
                mil::type_text(ports[i].type), mil::type_text(surfaces[i]->type()));
  }
  return {};
}

DeviceClock Device::clock() const {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return {std::chrono::duration<double>(now).count(), std::nullopt, false};
}

std::vector<Port> input_ports(const mil::Function& function) {
  std::vector<Port> ports;
  for (const auto& input : function.inputs()) {
    const mil::Type& type = input->type();
    ports.push_back({input->name(), cpu::memory_type(type), std::nullopt, cpu::is_state(type)});
  }
  return ports;
}

std::vector<Port> output_ports(const mil::Function& function) {
  std::vector<Port> ports;
  for (const mil::Value* result : function.results()) {
    Port port{result->name(), result->type(), std::nullopt, false};
    if (const mil::Value* aliased = function.aliased_input(result)) {
      const auto& inputs = function.inputs();
      const auto found =
          std::find_if(inputs.begin(), inputs.end(), [&](const auto& input) { return input.get() == aliased; });
      port.aliased_input = static_cast<size_t>(found - inputs.begin());
    }
    ports.push_back(std::move(port));
  }
  return ports;
}

Result<std::unique_ptr<Executable>> Device::compile_seeded(const Executable&, const mil::Program&,
                                                           const CompileOptions&) {
  return fail("the device {} loads no weights without a compile; compile the program", name());
}

mil::WeightFiles weight_files(const CompileOptions& options) {
  mil::WeightFiles files;
  for (const WeightFile& file : options.weights) files.provide(file.path, file.bytes);
  return files;
}

Result<const mil::Function*> find_function(const mil::Program& program, const std::string& name) {
  if (const mil::Function* function = program.function(name)) return function;
  std::string names;
  for (const auto& function : program.functions()) names += (names.empty() ? "" : ", ") + function->name();
  return fail("program: no function \"{}\"; it has {}", name, names.empty() ? "none" : names);
}

}  // namespace millwright::device
