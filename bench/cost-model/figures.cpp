#include "figures.h"

#include <algorithm>
#include <cstdint>

namespace millwright::bench {
namespace {

constexpr const char* kBlue = kPlotColors[0];
constexpr const char* kOrange = kPlotColors[1];
constexpr const char* kGreen = kPlotColors[2];
constexpr const char* kGrey = kPlotGrey;

// Published times of one kind of row, in milliseconds, over a number of its workload.
PlotSeries published(const std::vector<Measurement>& measurements, const std::string& chip, const std::string& prefix,
                     const std::string& suffix, const std::string& color) {
  PlotSeries series{"published", color, false, {}};
  for (const Measurement& m : measurements) {
    if (m.chip != chip || m.metric != "latency" || !m.workload.starts_with(prefix)) continue;
    if (!m.workload.ends_with(suffix)) continue;
    series.points.emplace_back(std::stod(m.workload.substr(prefix.size())), m.value);
  }
  return series;
}

// Predicted times, in milliseconds, of workloads that differ in one number.
Result<PlotSeries> predicted(const std::string& name, const std::string& color, const std::string& chip,
                             const std::vector<int64_t>& numbers, const auto& workload) {
  MW_ASSIGN(const ane::ChipProfile profile, ane::find_profile(chip));
  MW_ASSIGN(const ane::CostParameters parameters, ane::cost_parameters(profile));
  PlotSeries series{name, color, true, {}};
  for (const int64_t number : numbers) {
    MW_ASSIGN(const Workload parsed, parse_workload(workload(number), parameters.on_chip));
    series.points.emplace_back(static_cast<double>(number), 1e3 * cost_of(parsed, parameters, {}).seconds);
  }
  return series;
}

}  // namespace

std::string scatter_figure(const std::vector<Prediction>& predictions) {
  PlotSeries calibration{"calibration", kBlue, false, {}};
  PlotSeries validation{"validation", kOrange, false, {}};
  double least = 1e9;
  double most = 0;
  for (const Prediction& p : predictions) {
    const Measurement& m = *p.measurement;
    if (m.subject != Subject::time || (m.unit != "ms" && m.unit != "us")) continue;
    const double in_ms = m.unit == "us" ? 1e-3 : 1;
    PlotSeries& series = m.use == Use::calibration ? calibration : validation;
    series.points.emplace_back(m.value * in_ms, p.predicted * in_ms);
    least = std::min({least, m.value * in_ms, p.predicted * in_ms});
    most = std::max({most, m.value * in_ms, p.predicted * in_ms});
  }
  const PlotSeries equal{"predicted = published", kGrey, true, {{least, least}, {most, most}}};
  return svg_plot("Time of an evaluation", {"published, ms", true}, {"predicted, ms", true},
                  {equal, calibration, validation});
}

Result<std::string> channel_sweep_figure(const std::vector<Measurement>& measurements) {
  std::vector<int64_t> channels;
  for (int64_t c = 256; c <= 8192; c += 256) channels.push_back(c);
  const auto workload = [](int64_t c) { return fmt::format("conv ci={0} co={0} h=1 w=64 k=1", c); };
  PlotSeries points{"published", kGrey, false, {}};
  for (const Measurement& m : measurements) {
    if (m.chip != "m4-max" || m.metric != "latency" || !m.workload.ends_with("h=1 w=64 k=1")) continue;
    points.points.emplace_back(std::stod(m.workload.substr(std::string("conv ci=").size())), m.value);
  }
  MW_ASSIGN(PlotSeries strides, predicted("predicted: stride conflicts", kBlue, "m4-max", channels, workload));
  MW_ASSIGN(PlotSeries capacity,
            predicted("predicted: 32 MB capacity", kOrange, "m4-max+capacity32", channels, workload));
  return svg_plot("One 1x1 convolution on an M4 Max, 64 positions", {"channels", false}, {"ms", false},
                  {capacity, strides, points});
}

Result<std::string> depth_figure(const std::vector<Measurement>& measurements) {
  const std::string prefix = "conv ci=512 co=512 h=1 w=64 k=1 depth=";
  const std::vector<int64_t> depths = {1, 8, 16, 32, 48, 64, 96, 128, 192, 256};
  const auto workload = [&](const char* weights) {
    return [&prefix, weights](int64_t depth) { return fmt::format("{}{} weights={}", prefix, depth, weights); };
  };
  PlotSeries points = published(measurements, "m4", prefix, "weights=shared", kGrey);
  MW_ASSIGN(PlotSeries shared, predicted("predicted: one shared weight", kBlue, "m4", depths, workload("shared")));
  MW_ASSIGN(PlotSeries distinct,
            predicted("predicted: a weight per layer", kGreen, "m4", depths, workload("distinct")));
  return svg_plot("Chain of 512-channel convolutions on an M4, 64 positions", {"depth", false}, {"ms", false},
                  {distinct, shared, points});
}

}  // namespace millwright::bench
