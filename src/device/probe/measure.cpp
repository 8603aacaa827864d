#include "device/probe/measure.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <utility>
#include <vector>

#include "ane/published_programs.h"
#include "device/surface.h"

namespace millwright::device {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int64_t kSlowRuns = 2;

// Surfaces for the ports. The engine binds by sorted names: the programs of the study declare theirs in that order.
Result<std::vector<Surface>> make_surfaces(const Executable& executable, std::span<const Port> ports) {
  std::vector<Surface> surfaces;
  for (const Port& port : ports) {
    const int64_t bytes = executable.surface_bytes(port);
    MW_ASSIGN(Surface surface,
              bytes == port.type.bytes() ? Surface::allocate(port.type) : Surface::allocate_bytes(bytes));
    surfaces.push_back(std::move(surface));
  }
  return surfaces;
}

void fill(std::vector<Surface>& surfaces, std::span<const Port> ports) {
  for (size_t i = 0; i < surfaces.size(); ++i) {
    ane::fill_elements(ports[i].type.element(), 1, i, {surfaces[i].data(), surfaces[i].bytes()});
  }
}

std::vector<Surface*> pointers(std::vector<Surface>& surfaces) {
  std::vector<Surface*> all;
  for (Surface& surface : surfaces) all.push_back(&surface);
  return all;
}

Result<ane::ProbeSample> evaluate_once(const Device& device, Request& request) {
  const DeviceClock before = device.clock();
  MW_TRY(request.evaluate());
  const DeviceClock after = device.clock();
  ane::ProbeSample sample{.seconds = after.seconds - before.seconds};
  if (before.joules && after.joules) sample.joules = *after.joules - *before.joules;
  return sample;
}

Result<ane::ProbeSample> best_evaluation(const Device& device, Request& request, const MeasureOptions& options) {
  const Clock::time_point start = Clock::now();
  const auto is_patient = [&] {
    return std::chrono::duration<double>(Clock::now() - start).count() < options.patience;
  };
  for (int64_t run = 0; run < kSlowRuns && is_patient(); ++run) MW_TRY(request.evaluate());
  MW_ASSIGN(ane::ProbeSample best, evaluate_once(device, request));
  for (int64_t run = 1; run < options.runs && is_patient(); ++run) {
    MW_ASSIGN(const ane::ProbeSample sample, evaluate_once(device, request));
    if (sample.seconds < best.seconds) best = sample;
  }
  return best;
}

}  // namespace

Result<ane::ProbeSample> measure(Device& device, const ane::ProbePoint& point, const MeasureOptions& options) {
  mil::Program program;
  program.add_function(mil::clone(*point.function));
  ane::fill_weights(*program.functions().front());
  MW_ASSIGN(const std::unique_ptr<Executable> executable,
            device.compile(program, {.function = point.function->name(), .qos = point.qos}));
  MW_TRY(executable->load());
  MW_ASSIGN(std::vector<Surface> inputs, make_surfaces(*executable, executable->inputs()));
  MW_ASSIGN(std::vector<Surface> outputs, make_surfaces(*executable, executable->outputs()));
  fill(inputs, executable->inputs());
  MW_ASSIGN(const std::unique_ptr<Request> request, executable->bind(pointers(inputs), pointers(outputs)));
  MW_ASSIGN(ane::ProbeSample best, best_evaluation(device, *request, options));
  MW_TRY(executable->unload());
  return best;
}

Result<std::vector<ane::ProbeSample>> measure_probe(Device& device, const ane::Probe& probe,
                                                    const MeasureOptions& options) {
  if (probe.unit == ane::ProbeUnit::watts && !device.clock().joules) {
    return fail("probe {}: device {} measures no energy; use an engine, such as --device emulated", probe.name,
                device.name());
  }
  const auto has_standard_qos = [](const ane::ProbePoint& point) { return point.qos == ane::Qos::standard; };
  if (!device.has_qos() && !std::ranges::all_of(probe.points, has_standard_qos)) {
    return fail("probe {}: device {} has no classes of service; use an engine, such as --device emulated", probe.name,
                device.name());
  }
  return ane::run_probe(probe, [&](const ane::ProbePoint& point) { return measure(device, point, options); });
}

ane::ProbeSubject subject_of(const Device& device) {
  const ane::ChipProfile* chip = device.chip();
  return {std::string(device.name()) + (chip == nullptr ? "" : " " + chip->name), chip, device.clock().is_predicted};
}

}  // namespace millwright::device
