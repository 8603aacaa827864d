#include "device/emulated/engine_run.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <memory>
#include <string_view>
#include <utility>

#include "ane/rules/surface_layout.h"
#include "base/check.h"
#include "device/emulated/emulated_device.h"
#include "device/emulated/surface_layout.h"

namespace millwright::device {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// The surfaces of one side, in the order in which the engine takes them; order[i] is the port of surface i.
struct Side {
  std::span<const Port> ports;
  std::vector<size_t> order;
  std::vector<Surface> surfaces;

  std::vector<Surface*> pointers() {
    std::vector<Surface*> all;
    for (Surface& surface : surfaces) all.push_back(&surface);
    return all;
  }
};

Result<Side> make_side(const Executable& executable, std::span<const Port> ports, const ane::ChipProfile& profile) {
  Side side{ports, {}, {}};
  std::vector<std::string_view> names;
  for (const Port& port : ports) names.push_back(port.name);
  side.order = ane::binding_order(names, profile.surfaces.binding.value_or(ane::Binding::alphabetical));
  for (const size_t port : side.order) {
    MW_ASSIGN(Surface surface, Surface::allocate_bytes(executable.surface_bytes(ports[port])));
    side.surfaces.push_back(std::move(surface));
  }
  return side;
}

}  // namespace

Result<EngineRun> run_on_engine(const mil::Function& function, std::span<const mil::Literal> inputs, int64_t runs,
                                const DeviceOptions& options, std::span<const WeightFile> weights) {
  MW_CHECK(inputs.size() == function.inputs().size(), "{} inputs were given", inputs.size());
  MW_ASSIGN(const std::unique_ptr<Device> device, open_device(EmulatedDevice::kName, options));
  auto& engine = dynamic_cast<EmulatedDevice&>(*device);
  const ane::SurfaceRows rows = engine.profile().surfaces.rows.value_or(ane::SurfaceRows::padded);
  mil::Program program;
  program.add_function(mil::clone(function));

  EngineRun result;
  result.chip = engine.profile().name;
  const Clock::time_point start = Clock::now();
  MW_ASSIGN(const std::unique_ptr<Executable> executable,
            engine.compile(program, {.function = function.name(), .weights = weights}));
  MW_TRY(executable->load());
  result.run.compile_seconds = seconds_since(start);
  result.warnings = executable->warnings();

  MW_ASSIGN(Side in, make_side(*executable, executable->inputs(), engine.profile()));
  MW_ASSIGN(Side out, make_side(*executable, executable->outputs(), engine.profile()));
  for (size_t i = 0; i < in.order.size(); ++i) {
    const size_t port = in.order[i];
    pack_rows(surface_layout(in.ports[port].type, rows), inputs[port].elements().data(), in.surfaces[i].data());
  }
  MW_ASSIGN(const std::unique_ptr<Request> request, executable->bind(in.pointers(), out.pointers()));
  std::ranges::copy(request->warnings(), std::back_inserter(result.warnings));
  for (int64_t run = 0; run < runs; ++run) {
    const Clock::time_point begin = Clock::now();
    MW_TRY(request->evaluate());
    result.run.run_seconds.push_back(seconds_since(begin));
  }

  result.run.memory = executable->memory();
  std::vector<std::vector<std::byte>> elements(out.ports.size());
  for (size_t i = 0; i < out.order.size(); ++i) {
    const mil::Type& type = out.ports[out.order[i]].type;
    elements[out.order[i]].resize(static_cast<size_t>(type.bytes()));
    unpack_rows(surface_layout(type, rows), out.surfaces[i].data(), elements[out.order[i]].data());
  }
  for (size_t port = 0; port < out.ports.size(); ++port) {
    result.run.results.push_back(mil::Literal::bytes(out.ports[port].type, std::move(elements[port])));
  }
  result.predicted = engine.meter();
  return result;
}

}  // namespace millwright::device
