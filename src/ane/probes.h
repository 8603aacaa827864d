// The published hardware study as probes: each is a set of programs, with what speaks against the published reading of
// their times. Who runs the programs is src/device/probe's; probe_report.h shows the outcome beside what was published.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ane/cost_basis.h"
#include "ane/qos.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "mil/ir.h"

namespace millwright::ane {

enum class ProbeUnit : uint8_t { milliseconds, tflops, watts, tflops_per_watt };

// One published number.
struct PublishedValue {
  double value = 0;
  ProbeUnit unit = ProbeUnit::milliseconds;
  std::string id;      // in the table of published measurements; empty where only a text says so
  std::string source;  // "maderix part 2", with the table's note
  // Whether the cost model was calibrated on it, so that agreement proves little.
  bool is_calibration = false;
};

// One program of a probe.
struct ProbePoint {
  std::string series;  // "one shared weight"
  double x = 0;        // what the probe varies
  std::string label;   // "2048 x 2048 x 2048"
  std::unique_ptr<mil::Function> function;
  double flops = 0;
  std::string workload = {};  // as the table of published measurements writes the program
  // The rows of that table that are of this point, where the workload alone does not tell.
  std::optional<std::vector<std::string>> rows = {};
  std::vector<PublishedValue> published = {};  // of an M4, beside what the table has
  Qos qos = Qos::standard;
};

// What running one program gave: the best evaluation, or why the device refused the program.
struct ProbeSample {
  double seconds = 0;
  std::optional<double> joules = {};  // nothing where the device does not measure energy
  std::string refusal = {};           // empty: it ran

  bool ran() const { return refusal.empty(); }
};

struct Probe {
  std::string name;
  std::string title;
  std::string axis;  // what x counts
  bool logarithmic = false;
  ProbeUnit unit = ProbeUnit::milliseconds;  // of the figure
  std::vector<ProbePoint> points = {};
  std::vector<std::string> published = {};                           // of an M4, where it is about no single program
  std::vector<std::string> disputes = {};                            // what speaks against the published reading
  std::vector<CostPart> parts = {CostPart::time, CostPart::energy};  // that predictions of it need
  // What the samples say together, in one line; empty where some of them are missing.
  std::string (*conclude)(const Probe&, std::span<const ProbeSample>) = nullptr;
};

// "peak", "matmul", "sram", "dispatch", "conv-vs-matmul", "depth", "int8", "qos", "power". The study's "compile-limit"
// compiles small_program(i) until it may not.
const std::vector<std::string>& probe_names();
Result<Probe> build_probe(std::string_view name);

// The same probe without programs of more than 4 GFLOP or 16 MB of weights, for slow devices. It may have no points.
Probe only_small_programs(Probe probe);

// Programs that differ in nothing but their text, so that each needs a compile of its own.
std::unique_ptr<mil::Function> small_program(int64_t index);

// Runs every program of a probe. A program that the device refuses becomes a sample with the reason; where it refuses
// all of them, and where the operating system fails, the probe fails.
using ProbeRunner = FunctionRef<Result<ProbeSample>(const ProbePoint&)>;
Result<std::vector<ProbeSample>> run_probe(const Probe& probe, ProbeRunner runner);

// A sample in a unit; nothing where the device did not measure what it takes.
std::optional<double> in_unit(ProbeUnit unit, const ProbePoint& point, const ProbeSample& sample);
std::string_view unit_name(ProbeUnit unit);

}  // namespace millwright::ane
