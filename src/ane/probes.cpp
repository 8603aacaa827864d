#include "ane/probes.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <tuple>
#include <utility>

#include "ane/published_programs.h"
#include "base/check.h"
#include "base/svg_plot.h"
#include "mil/builder.h"
#include "mil/statistics.h"

namespace millwright::ane {
namespace {

using Function = std::unique_ptr<mil::Function>;
using Published = std::vector<std::pair<double, double>>;  // x and value, on an M4

// Programs of this file have sizes that their builders accept.
Function built(Result<Function> function) {
  MW_CHECK(function.has_value(), "{}", function.error().message);
  return std::move(*function);
}

double published_at(const Published& published, double x) {
  const auto found = std::ranges::find(published, x, &Published::value_type::first);
  return found == published.end() ? 0 : found->second;
}

// A chain of 512-channel convolutions, as published.
ConvChain chain_of(int64_t depth, int64_t height, ConvChain::Weights weights) {
  ConvChain chain{.depth = depth, .in_channels = 512, .out_channels = 512, .height = height, .width = 64};
  chain.weights = weights;
  return chain;
}

void add_chains(Probe& probe, const std::string& series, int64_t height, ConvChain::Weights weights,
                const std::vector<int64_t>& depths, const Published& published) {
  for (const int64_t depth : depths) {
    const auto x = static_cast<double>(depth);
    probe.points.push_back({series, x, fmt::format("{} layers", depth),
                            built(conv_chain(chain_of(depth, height, weights))), published_at(published, x)});
  }
}

void add_cubes(Probe& probe, const std::string& series, const std::vector<int64_t>& sizes, bool as_convolution,
               const Published& published) {
  for (const int64_t n : sizes) {
    const auto x = static_cast<double>(n);
    Function function = as_convolution ? built(conv_chain({.in_channels = n, .out_channels = n, .width = n}))
                                       : built(matmul_chain({.m = n, .k = n, .n = n}));
    probe.points.push_back(
        {series, x, fmt::format("{0} x {0} x {0}", n), std::move(function), published_at(published, x)});
  }
}

Probe peak() {
  Probe probe{"peak",
              "Convolutions of 512 channels over 64 x 64 positions",
              "layers",
              false,
              ProbeUnit::tflops,
              {},
              "maderix/ANE README",
              "The published chains name one weight in all layers. 4,096 positions hide a weight per layer just as "
              "well; with few "
              "positions it shows: see the probe depth."};
  add_chains(probe, "one shared weight, as published", 64, ConvChain::Weights::shared, {1, 8, 32, 64, 128},
             {{64, 18.4}, {128, 18.6}});
  add_chains(probe, "a weight per layer", 64, ConvChain::Weights::distinct, {1, 8, 32, 64, 128}, {});
  return probe;
}

Probe matmul() {
  Probe probe{"matmul",
              "Single matmuls",
              "m = k = n",
              true,
              ProbeUnit::tflops,
              {},
              "maderix, part 2",
              "Published as the end of 32 MB of on-chip memory. Operands above 2 MB already stream (ane-guide ch9, "
              "ch21), once per "
              "panel of the other: that explains the fall as well. The profile variant +capacity32 has the published "
              "reading."};
  add_cubes(probe, "matmul", {256, 512, 1024, 2048, 3072, 4096}, false, {{256, 0.332}, {2048, 5.7}, {4096, 4.0}});
  return probe;
}

Probe sram() {
  Probe probe{
      "sram",
      "One 1x1 convolution of growing weights, 64 positions",
      "channels",
      true,
      ProbeUnit::milliseconds,
      {},
      "maderix/ANE#3",
      "Slow at 4,096 and 8,192 channels, but not between (dev-erik/ANE, M4 Max): power-of-two rows rather than 32 MB."};
  const Published published = {{256, 0.106}, {512, 0.084}, {1024, 0.116}, {2048, 0.237}, {3072, 0.421}, {4096, 1.012}};
  for (const int64_t channels : {256, 512, 1024, 1536, 2048, 2560, 3072, 3584, 4096, 4608, 5120, 6144, 8192}) {
    const auto x = static_cast<double>(channels);
    probe.points.push_back({"convolution", x, fmt::format("{} channels, {:.1f} MiB", channels, x * x * 2 / 1048576),
                            built(conv_chain({.in_channels = channels, .out_channels = channels, .width = 64})),
                            published_at(published, x)});
  }
  return probe;
}

Probe dispatch() {
  Probe probe{"dispatch",
              "Small programs",
              "m = k = n",
              true,
              ProbeUnit::milliseconds,
              {},
              "maderix, part 2",
              "Others measure 0.065 to 0.19 ms for nothing on the same chip: the host's scheduling dominates."};
  probe.points.push_back({"nothing", 1, "one relu of 64 x 32", dispatch_program(), 0.095});
  add_cubes(probe, "matmul", {64, 128, 256, 512}, false, {{256, 0.101}});
  return probe;
}

Probe conv_vs_matmul() {
  Probe probe{
      "conv-vs-matmul",  "The same product as matmul and as 1x1 convolution",
      "m = k = n",       true,
      ProbeUnit::tflops, {},
      "maderix, part 2", "Published as 3 times on an M4, without shapes; 1.5 to 2.8 times on an M2 Pro (AutoANE)."};
  add_cubes(probe, "matmul", {256, 512, 1024, 2048}, false, {{2048, 5.7}});
  add_cubes(probe, "1x1 convolution", {256, 512, 1024, 2048}, true, {});
  return probe;
}

Probe depth() {
  Probe probe{"depth",
              "Convolutions of 512 channels over 64 positions",
              "layers",
              false,
              ProbeUnit::milliseconds,
              {},
              "maderix/ANE#3",
              "A weight per layer would need 210 to 280 GB/s at the published speed; the chip has 120: the published "
              "chains share "
              "one weight."};
  const std::vector<int64_t> depths = {1, 2, 4, 8, 16, 32, 48, 64, 96, 128};
  add_chains(probe, "one shared weight, as published", 1, ConvChain::Weights::shared, depths,
             {{32, 0.16}, {48, 0.19}, {64, 0.223}, {96, 0.302}, {128, 0.366}});
  add_chains(probe, "a weight per layer", 1, ConvChain::Weights::distinct, depths, {});
  return probe;
}

Probe int8() {
  Probe probe{
      "int8",
      "Convolutions of 512 channels over 64 x 64 positions, by precision",
      "layers",
      false,
      ProbeUnit::tflops,
      {},
      "maderix/ANE README",
      "Only int8 activations between the layers gain; int8 weights alone gain nothing here (maderix, part 2) and halve "
      "the bytes where weights stream (ane-guide ch7)."};
  using Precision = ConvChain::Precision;
  const std::array<std::tuple<const char*, Precision, Published>, 3> series = {{
      {"fp16", Precision::fp16, {{64, 18.4}, {128, 18.6}}},
      {"int8 weights", Precision::int8_weights, {}},
      {"int8 weights and activations", Precision::int8, {{64, 34.1}, {128, 35.1}}},
  }};
  for (const auto& [name, precision, published] : series) {
    for (const int64_t layers : {64, 128}) {
      ConvChain chain = chain_of(layers, 64, ConvChain::Weights::shared);
      chain.precision = precision;
      const auto x = static_cast<double>(layers);
      probe.points.push_back(
          {name, x, fmt::format("{} layers", layers), built(conv_chain(chain)), published_at(published, x)});
    }
  }
  return probe;
}

Probe power() {
  Probe probe{"power",
              "Power of the engine by what bounds it",
              "program",
              false,
              ProbeUnit::watts,
              {},
              "maderix, part 2",
              "2.8 W at 19 TFLOPS is one report of an M4; M1, M2 and M5 draw 4.3 to 6.4 W when bound by arithmetic "
              "(ane-guide ch10, "
              "ch31)."};
  ConvChain int8_chain = chain_of(128, 64, ConvChain::Weights::shared);
  int8_chain.precision = ConvChain::Precision::int8;
  probe.points.push_back({"dispatch", 1, "one relu of 64 x 32", dispatch_program(), 0});
  probe.points.push_back(
      {"weights", 2, "one row times 8192 x 8192",
       built(matmul_chain({.m = 1, .k = 8192, .n = 8192, .right = MatmulChain::RightOperand::constant})), 0});
  probe.points.push_back({"arithmetic", 3, "128 convolutions, fp16",
                          built(conv_chain(chain_of(128, 64, ConvChain::Weights::shared))), 2.8});
  probe.points.push_back({"arithmetic, int8", 4, "128 convolutions, int8", built(conv_chain(int8_chain)), 0});
  return probe;
}

struct ProbeEntry {
  std::string_view name;
  Probe (*build)();
};
constexpr ProbeEntry kProbes[] = {
    {"peak", peak},   {"matmul", matmul}, {"sram", sram},  {"dispatch", dispatch}, {"conv-vs-matmul", conv_vs_matmul},
    {"depth", depth}, {"int8", int8},     {"power", power}};

double flops_of(const mil::Function& function) {
  double flops = 0;
  for (const auto& operation : function.block().operations()) {
    if (!operation->is_const()) flops += mil::flops_of(*operation);
  }
  return flops;
}

double in_unit(ProbeUnit unit, const ProbePoint& point, const ProbeSample& sample) {
  switch (unit) {
    case ProbeUnit::milliseconds:
      return sample.seconds * 1e3;
    case ProbeUnit::tflops:
      return flops_of(*point.function) / sample.seconds * 1e-12;
    case ProbeUnit::watts:
      return sample.joules / sample.seconds;
  }
  return 0;
}

std::string_view unit_name(ProbeUnit unit) {
  switch (unit) {
    case ProbeUnit::milliseconds:
      return "ms";
    case ProbeUnit::tflops:
      return "TFLOPS";
    case ProbeUnit::watts:
      return "W";
  }
  return "";
}

std::string number(double value) {
  if (value <= 0) return "-";
  return value < 5e-4 ? "0.000" : fmt::format("{:.4g}", value);
}

}  // namespace

const std::vector<std::string>& probe_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const ProbeEntry& entry : kProbes) all.emplace_back(entry.name);
    return all;
  }();
  return names;
}

Result<Probe> build_probe(std::string_view name) {
  const auto found = std::ranges::find(kProbes, name, &ProbeEntry::name);
  if (found == std::end(kProbes)) {
    return fail("there is no probe \"{}\"; the probes are {}", name, fmt::join(probe_names(), ", "));
  }
  return found->build();
}

Function small_program(int64_t index) {
  auto function = std::make_unique<mil::Function>("main", "ios18");
  mil::Builder b(*function);
  mil::Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp16, {1, 64, 1, 32}));
  // 1,024 steps of 2^-10: numbers that fp16 tells apart.
  const double factor = 1 + static_cast<double>(index % 1024) / 1024;
  const double offset = static_cast<double>(index / 1024 % 1024);
  function->block().add_result(
      b.add(b.mul(x, b.scalar(mil::ElementType::fp16, factor)), b.scalar(mil::ElementType::fp16, offset)));
  return function;
}

Function dispatch_program() { return built(single_operation("relu", {1, 64, 1, 32})); }

Result<std::vector<ProbeSample>> run_probe(const Probe& probe, ProbeRunner runner) {
  std::vector<ProbeSample> samples;
  for (const ProbePoint& point : probe.points) {
    Result<ProbeSample> sample = runner(*point.function);
    if (!sample) return tl::unexpected<Error>(with_context(std::move(sample.error()), probe.name + ", " + point.label));
    samples.push_back(*sample);
  }
  return samples;
}

Result<std::vector<ProbeSample>> predict_probe(const Probe& probe, const ChipProfile& profile, CostOptions options) {
  return run_probe(probe, [&](const mil::Function& function) -> Result<ProbeSample> {
    MW_ASSIGN(const ProgramCost cost, predict_cost(function, profile, options));
    return ProbeSample{cost.seconds, cost.joules};
  });
}

std::string probe_table(const Probe& probe, const std::vector<ProbeSample>& samples, bool is_m4) {
  MW_CHECK(samples.size() == probe.points.size(), "{} samples of {} programs", samples.size(), probe.points.size());
  size_t series_width = 0;
  size_t label_width = 0;
  for (const ProbePoint& point : probe.points) {
    series_width = std::max(series_width, point.series.size());
    label_width = std::max(label_width, point.label.size());
  }
  const std::string published = is_m4 ? fmt::format("  published {}", unit_name(probe.unit)) : "";
  std::string text = fmt::format("{}\n{:<{}}  {:<{}}  {:>9}  {:>8}  {:>6}  {:>8}{}\n", probe.title, "", series_width,
                                 "", label_width, "ms", "TFLOPS", "W", "TFLOPS/W", published);
  for (size_t i = 0; i < samples.size(); ++i) {
    const ProbePoint& point = probe.points[i];
    const ProbeSample& sample = samples[i];
    const double flops = flops_of(*point.function);
    text += fmt::format("{:<{}}  {:<{}}  {:>9}  {:>8}  {:>6}  {:>8}", point.series, series_width, point.label,
                        label_width, number(sample.seconds * 1e3), number(flops / sample.seconds * 1e-12),
                        number(sample.joules / sample.seconds),
                        number(sample.joules > 0 ? flops / sample.joules * 1e-12 : 0));
    if (is_m4) text += fmt::format("  {:>{}}", number(point.published), published.size() - 2);
    text += "\n";
  }
  if (is_m4) text += fmt::format("Published: {}.\n", probe.source);
  if (!probe.dispute.empty()) text += fmt::format("Disputed: {}\n", probe.dispute);
  return text;
}

std::string probe_figure(const Probe& probe, const std::vector<ProbeSample>& samples, bool is_m4) {
  MW_CHECK(samples.size() == probe.points.size(), "{} samples of {} programs", samples.size(), probe.points.size());
  std::vector<PlotSeries> all;
  PlotSeries published{"published", kPlotGrey, false, {}};
  for (size_t i = 0; i < samples.size(); ++i) {
    const ProbePoint& point = probe.points[i];
    if (all.empty() || all.back().name != point.series) {
      all.push_back({point.series, kPlotColors[all.size() % std::size(kPlotColors)], true, {}});
    }
    all.back().points.emplace_back(point.x, in_unit(probe.unit, point, samples[i]));
    if (is_m4 && point.published > 0) published.points.emplace_back(point.x, point.published);
  }
  // A line needs two points.
  for (PlotSeries& series : all) series.joined = series.points.size() > 1;
  if (!published.points.empty()) all.push_back(std::move(published));
  return svg_plot(probe.title, {probe.axis, probe.logarithmic}, {std::string(unit_name(probe.unit)), false}, all);
}

}  // namespace millwright::ane
