// The published hardware study as probes: each builds its programs, and shows what running them gave as a table and as
// a figure, the published numbers beside. Who runs the programs, a device or the cost model, is the caller's choice.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ane/chip_profile.h"
#include "ane/cost_model.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "mil/ir.h"

namespace millwright::ane {

// One program of a probe.
struct ProbePoint {
  std::string series;  // "one shared weight"
  double x = 0;        // what the probe varies
  std::string label;   // "2048 x 2048 x 2048"
  std::unique_ptr<mil::Function> function;
  double published = 0;  // in the probe's unit, on an M4; 0 where nobody published it
};

enum class ProbeUnit : uint8_t { milliseconds, tflops, watts };

struct Probe {
  std::string name;
  std::string title;
  std::string axis;  // what x counts
  bool logarithmic = false;
  ProbeUnit unit = ProbeUnit::milliseconds;
  std::vector<ProbePoint> points;
  std::string source;   // of the published numbers
  std::string dispute;  // what speaks against their published reading; empty where nothing does
};

// "peak", "matmul", "sram", "dispatch", "conv-vs-matmul", "depth", "int8", "power". The probes "compile-limit" and
// "qos" of the study are about the device, not about programs: they run small_program(i) and dispatch_program().
const std::vector<std::string>& probe_names();
Result<Probe> build_probe(std::string_view name);

// Programs that differ in nothing but their text, so that each needs a compile of its own.
std::unique_ptr<mil::Function> small_program(int64_t index);
// The least that an engine can be asked to do.
std::unique_ptr<mil::Function> dispatch_program();

struct ProbeSample {
  double seconds = 0;
  double joules = 0;  // 0 where nobody measures energy
};

// Runs every program of a probe.
using ProbeRunner = FunctionRef<Result<ProbeSample>(const mil::Function&)>;
Result<std::vector<ProbeSample>> run_probe(const Probe& probe, ProbeRunner runner);
// Predicts instead of running.
Result<std::vector<ProbeSample>> predict_probe(const Probe& probe, const ChipProfile& profile,
                                               CostOptions options = {});

// Aligned text, one line per program; ends with the dispute. `is_m4` puts the published numbers beside.
std::string probe_table(const Probe& probe, const std::vector<ProbeSample>& samples, bool is_m4);
std::string probe_figure(const Probe& probe, const std::vector<ProbeSample>& samples, bool is_m4);

}  // namespace millwright::ane
