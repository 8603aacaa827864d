#include "measurements.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "ane/chip_profile.h"
#include "base/check.h"

namespace millwright::bench {
namespace {

constexpr size_t kMaxBytes = size_t{1} << 24;
struct MetricRule {
  std::string_view metric;  // the first letters of it
  Subject subject;
  double (*value)(const Workload&, const WorkloadCost&);  // in SI units
};

constexpr MetricRule kMetrics[] = {
    {"latency", Subject::time, [](const Workload&, const WorkloadCost& c) { return c.seconds; }},
    {"phase_time", Subject::time, [](const Workload&, const WorkloadCost& c) { return c.seconds; }},
    {"throughput", Subject::time, [](const Workload&, const WorkloadCost& c) { return c.flops / c.seconds; }},
    {"weight_bandwidth", Subject::time,
     [](const Workload& w, const WorkloadCost& c) { return w.weight_bytes / c.seconds; }},
    {"activation_bandwidth", Subject::time,
     [](const Workload& w, const WorkloadCost& c) { return w.activation_bytes / c.seconds; }},
    {"power", Subject::power, [](const Workload&, const WorkloadCost& c) { return c.joules / c.seconds; }},
    {"efficiency", Subject::power, [](const Workload&, const WorkloadCost& c) { return c.flops / c.joules; }},
    {"energy_per_flop", Subject::power, [](const Workload&, const WorkloadCost& c) { return c.joules / c.flops; }},
    {"energy", Subject::power, [](const Workload&, const WorkloadCost& c) { return c.joules; }},
    {"compile_time", Subject::compile, [](const Workload&, const WorkloadCost& c) { return c.compile_seconds; }},
    {"recompile_time", Subject::compile, [](const Workload&, const WorkloadCost& c) { return c.recompile_seconds; }},
    {"load_time", Subject::load, [](const Workload&, const WorkloadCost& c) { return c.load_seconds; }},
    {"reload_time", Subject::load, [](const Workload&, const WorkloadCost& c) { return c.reload_seconds; }},
    {"unload_time", Subject::load, [](const Workload&, const WorkloadCost& c) { return c.unload_seconds; }},
};

// "latency_min" is a latency; the longest name that fits wins ("energy_per_flop" before "energy").
const MetricRule* find_metric(std::string_view metric) {
  const MetricRule* best = nullptr;
  for (const MetricRule& rule : kMetrics) {
    if (!metric.starts_with(rule.metric)) continue;
    if (best == nullptr || rule.metric.size() > best->metric.size()) best = &rule;
  }
  return best;
}

struct Unit {
  std::string_view name;
  double si;
};
constexpr Unit kUnits[] = {{"s", 1},          {"ms", 1e-3},       {"us", 1e-6},     {"TFLOPS", 1e12},  {"TOPS", 1e12},
                           {"GFLOPS", 1e9},   {"GB/s", 1e9},      {"W", 1},         {"mJ", 1e-3},      {"J", 1},
                           {"GFLOPS/W", 1e9}, {"TFLOPS/W", 1e12}, {"TOPS/W", 1e12}, {"pJ/FLOP", 1e-12}};

double unit_in_si(std::string_view name) {
  const auto found = std::ranges::find(kUnits, name, &Unit::name);
  return found == std::end(kUnits) ? 0 : found->si;
}

Result<Measurement> with_subject(const ane::PublishedMeasurement& published) {
  const MetricRule* rule = find_metric(published.metric);
  if (rule == nullptr) return fail("{}: \"{}\" is no metric of the model", published.place, published.metric);
  if (unit_in_si(published.unit) == 0)
    return fail("{}: \"{}\" is no unit of the model", published.place, published.unit);
  Measurement m{published};
  m.subject = rule->subject;
  return m;
}

}  // namespace

Result<std::vector<Measurement>> read_measurements(const Path& path) {
  std::vector<ane::PublishedMeasurement> published;
  if (path.empty()) {
    published = ane::published_measurements();
  } else {
    MW_ASSIGN(const std::string text, read_text_file(path, kMaxBytes));
    MW_ASSIGN(published, ane::parse_measurements(text, path.string()));
  }
  std::vector<Measurement> all;
  for (const ane::PublishedMeasurement& row : published) {
    MW_ASSIGN(Measurement m, with_subject(row));
    all.push_back(std::move(m));
  }
  return all;
}

Result<std::map<std::string, Chip>> prepare_chips(const std::vector<Measurement>& measurements) {
  std::map<std::string, Chip> chips;
  for (const Measurement& m : measurements) {
    if (!chips.contains(m.chip)) {
      Chip chip;
      MW_ASSIGN(chip.profile, ane::find_profile(m.chip));
      MW_ASSIGN(chip.parameters, ane::cost_parameters(chip.profile));
      chips.emplace(m.chip, std::move(chip));
    }
    Chip& chip = chips.at(m.chip);
    if (chip.workloads.contains(m.workload)) continue;
    auto workload = parse_workload(m.workload, chip.parameters.on_chip);
    if (!workload) return tl::unexpected<Error>(with_context(workload.error(), m.id));
    chip.workloads.emplace(m.workload, std::move(*workload));
  }
  return chips;
}

double predict(const Measurement& m, const Workload& workload, const ane::CostParameters& parameters,
               ane::CostOptions options) {
  // Medians are of typical evaluations, everything else is of the best or of a long run.
  if (m.metric == "latency_p50") options.dispatch = ane::CostOptions::Dispatch::typical;
  return find_metric(m.metric)->value(workload, cost_of(workload, parameters, options)) / unit_in_si(m.unit);
}

double predict(const Measurement& m, const std::map<std::string, Chip>& chips, ane::CostOptions options) {
  const Chip& chip = chips.at(m.chip);
  return predict(m, chip.workloads.at(m.workload), chip.parameters, options);
}

double relative_error(double predicted, double published) { return std::abs(predicted / published - 1); }

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

}  // namespace millwright::bench
