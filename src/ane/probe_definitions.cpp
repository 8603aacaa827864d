#include "ane/probe_definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ane/published_programs.h"
#include "base/check.h"
#include "mil/statistics.h"

namespace millwright::ane {
namespace {

using Function = std::unique_ptr<mil::Function>;
using Samples = std::span<const ProbeSample>;
using Weights = ConvChain::Weights;
constexpr const char* kShared = "one shared weight, as published";
constexpr const char* kDistinct = "a weight per layer";

// Programs of this file have sizes that their builders accept.
Function built(Result<Function> function) {
  MW_CHECK(function.has_value(), "{}", function.error().message);
  return std::move(*function);
}

double flops_of(const mil::Function& function) {
  double flops = 0;
  for (const auto& operation : function.block().operations()) {
    if (!operation->is_const()) flops += mil::flops_of(*operation);
  }
  return flops;
}

ProbePoint& add_point(Probe& probe, const std::string& series, double x, std::string label, Function function,
                      std::string workload) {
  ProbePoint& point = probe.points.emplace_back();
  point.series = series;
  point.x = x;
  point.label = std::move(label);
  point.flops = flops_of(*function);
  point.function = std::move(function);
  point.workload = std::move(workload);
  return point;
}

// As the table of published measurements writes it.
std::string workload_of(const ConvChain& c) {
  std::string text =
      fmt::format("conv ci={} co={} h={} w={} k={}", c.in_channels, c.out_channels, c.height, c.width, c.kernel);
  if (c.depth > 1) {
    text += fmt::format(" depth={} weights={}", c.depth, c.weights == Weights::shared ? "shared" : "distinct");
  }
  if (c.precision == ConvChain::Precision::int8) text += " precision=int8";
  if (c.precision == ConvChain::Precision::int8_weights) text += " precision=int8_weights";
  return text;
}

ProbePoint& add_convolutions(Probe& probe, const std::string& series, double x, std::string label,
                             const ConvChain& chain) {
  return add_point(probe, series, x, std::move(label), built(conv_chain(chain)), workload_of(chain));
}

// A chain of 512-channel convolutions, as published.
ConvChain chain_of(int64_t depth, int64_t height, Weights weights) {
  ConvChain chain{.depth = depth, .in_channels = 512, .out_channels = 512, .height = height, .width = 64};
  chain.weights = weights;
  return chain;
}

void add_chains(Probe& probe, const std::string& series, int64_t height, Weights weights,
                const std::vector<int64_t>& depths) {
  for (const int64_t depth : depths) {
    add_convolutions(probe, series, static_cast<double>(depth), fmt::format("{} layer{}", depth, depth == 1 ? "" : "s"),
                     chain_of(depth, height, weights));
  }
}

constexpr const char* kMatmul = "matmul";
constexpr const char* kConvolution = "1x1 convolution";

void add_cubes(Probe& probe, const std::vector<int64_t>& sizes, bool as_convolution) {
  for (const int64_t n : sizes) {
    const auto x = static_cast<double>(n);
    std::string label = fmt::format("{0} x {0} x {0}", n);
    if (as_convolution) {
      add_convolutions(probe, kConvolution, x, std::move(label), {.in_channels = n, .out_channels = n, .width = n});
    } else {
      add_point(probe, kMatmul, x, std::move(label), built(matmul_chain({.m = n, .k = n, .n = n})),
                fmt::format("matmul m={0} k={0} n={0} right=input", n));
    }
  }
}

// A sample of the series at x in the unit; nothing where it did not run.
std::optional<double> sample_at(const Probe& probe, Samples samples, std::string_view series, double x,
                                ProbeUnit unit) {
  for (size_t i = 0; i < samples.size(); ++i) {
    const ProbePoint& point = probe.points[i];
    if (point.series == series && point.x == x) return in_unit(unit, point, samples[i]);
  }
  return std::nullopt;
}

// b / a, where both are there.
std::optional<double> ratio(std::optional<double> a, std::optional<double> b) {
  if (!a || !b || *a <= 0) return std::nullopt;
  return *b / *a;
}

std::string conclude_peak(const Probe& probe, Samples samples) {
  std::string text;
  for (const char* series : {kShared, kDistinct}) {
    size_t best = samples.size();
    for (size_t i = 0; i < samples.size(); ++i) {
      const auto rate = in_unit(ProbeUnit::tflops, probe.points[i], samples[i]);
      if (!rate || probe.points[i].series != series) continue;
      if (best == samples.size() || *rate > *in_unit(ProbeUnit::tflops, probe.points[best], samples[best])) best = i;
    }
    if (best == samples.size()) return "";
    text += fmt::format("{}{}: at best {:.3g} TFLOPS", text.empty() ? "" : "; ", series,
                        *in_unit(ProbeUnit::tflops, probe.points[best], samples[best]));
    const auto watts = in_unit(ProbeUnit::watts, probe.points[best], samples[best]);
    if (!watts) continue;
    text += fmt::format(" at {:.2g} W, {:.2g} TFLOPS/W", *watts,
                        *in_unit(ProbeUnit::tflops_per_watt, probe.points[best], samples[best]));
  }
  return text;
}

Probe peak() {
  Probe probe{
      .name = "peak",
      .title = "convolutions of 512 channels over 64 x 64 positions, one after the other",
      .axis = "layers",
      .unit = ProbeUnit::tflops,
      .disputes = {"the published chains name one weight in all layers; 4,096 positions hide a weight per layer "
                   "just as well, few positions do not: see the probe depth",
                   "2.8 W at 19 TFLOPS is one report; M1, M2 and M5 draw 4.3 to 6.4 W when bound by "
                   "arithmetic, about 1.5 TFLOPS/W on an M1 (ane-guide ch31)",
                   "others reach 11.7 to 13.9 TFLOPS on an M4 mini with 64 positions (maderix#3, slavko) and 9.5 "
                   "on an M4 Air (ane-guide)"},
      .conclude = conclude_peak};
  add_chains(probe, kShared, 64, Weights::shared, {1, 8, 32, 64, 128});
  add_chains(probe, kDistinct, 64, Weights::distinct, {1, 8, 32, 64, 128});
  return probe;
}

std::string conclude_matmul(const Probe& probe, Samples samples) {
  const auto before = sample_at(probe, samples, kMatmul, 2048, ProbeUnit::tflops);
  const auto after = sample_at(probe, samples, kMatmul, 4096, ProbeUnit::tflops);
  if (!before || !after) return "";
  return fmt::format("from 2048 to 4096: {:.3g} to {:.3g} TFLOPS", *before, *after);
}

Probe matmul() {
  Probe probe{
      .name = "matmul",
      .title = "single matmuls of m = k = n",
      .axis = "m = k = n",
      .logarithmic = true,
      .unit = ProbeUnit::tflops,
      .disputes = {"the fall from 2048 to 4096 is published as the end of 32 MB of on-chip memory; operands "
                   "above 2 MB stream already (C64, ane-guide ch9, ch21), once per panel of the other, and that "
                   "explains it too; weights of 4096 channels add stride conflicts (C65): see the probe sram",
                   "the profile variant +capacity32 has the published reading",
                   "of 512 and 1024 only an M4 Air has published numbers, 1.3 and 2.9 TFLOPS (ane-guide), where the "
                   "model of an M4 gives 2.0 and 5.7: its floor and its surface rate come from other programs",
                   "an M4 Air is fastest at 4096 and falls at 6144 (ane-guide): neither reading explains both"},
      .conclude = conclude_matmul};
  add_cubes(probe, {256, 512, 1024, 2048, 3072, 4096, 6144}, false);
  // Of an M4 Air, which has no rows in the table.
  const std::pair<double, double> air[] = {{512, 1.3}, {1024, 2.9}, {2048, 4.9}, {4096, 5.4}, {6144, 3.4}};
  for (ProbePoint& point : probe.points) {
    for (const auto& [n, rate] : air) {
      if (point.x == n) point.published.push_back({rate, ProbeUnit::tflops, "", "ane-guide, an M4 Air", false});
    }
  }
  return probe;
}

std::string conclude_sram(const Probe& probe, Samples samples) {
  std::string text;
  for (const double channels : {3584.0, 4096.0, 4608.0}) {
    const auto ms = sample_at(probe, samples, kConvolution, channels, ProbeUnit::milliseconds);
    if (!ms) return "";
    text += fmt::format("{}{:.3g} GB/s at {:.0f} channels", text.empty() ? "weights pass at " : ", ",
                        channels * channels * 2 / *ms * 1e-6, channels);
  }
  return text;
}

Probe sram() {
  Probe probe{
      .name = "sram",
      .title = "one 1x1 convolution of growing weights over 64 positions",
      .axis = "channels",
      .logarithmic = true,
      .disputes = {"published as 32 MB of on-chip memory, which 4,096 channels fill; an M4 Max is slow at 4,096 "
                   "and 8,192 channels and fast from 4,608 to 6,144 (dev-erik), and an M3 Pro shows no cliff "
                   "(slavko): rows of a power of two (C65) rather than a capacity",
                   "the profile variant +capacity32 has the published reading"},
      .conclude = conclude_sram};
  for (const int64_t channels : {256, 512, 1024, 1536, 2048, 2560, 3072, 3584, 4096, 4608, 5120, 6144, 8192}) {
    const auto x = static_cast<double>(channels);
    add_convolutions(probe, kConvolution, x, fmt::format("{} channels, {:.1f} MiB", channels, x * x * 2 / 1048576),
                     {.in_channels = channels, .out_channels = channels, .width = 64});
  }
  return probe;
}

// The least that an engine can be asked to do.
constexpr const char* kNothing = "op kind=relu shape=1x64x1x32";
Function dispatch_program() { return built(single_operation("relu", {1, 64, 1, 32})); }

std::string conclude_dispatch(const Probe& probe, Samples samples) {
  const auto nothing = sample_at(probe, samples, "nothing", 1, ProbeUnit::milliseconds);
  const auto product = sample_at(probe, samples, kMatmul, 256, ProbeUnit::milliseconds);
  const auto share = ratio(product, nothing);
  if (!share) return "";
  return fmt::format("of a matmul of 256 x 256 x 256, {:.0f} % is what an evaluation that does nothing takes",
                     100 * std::min(*share, 1.0));
}

Probe dispatch() {
  Probe probe{
      .name = "dispatch",
      .title = "small programs",
      .axis = "m = k = n",
      .logarithmic = true,
      .disputes = {"others measure 0.065 to 0.19 ms for nothing on the same chip: the host's scheduling dominates"},
      .conclude = conclude_dispatch};
  add_point(probe, "nothing", 1, "one relu of 64 x 32", dispatch_program(), kNothing);
  add_convolutions(probe, kConvolution, 128, "128 channels, 64 positions",
                   {.in_channels = 128, .out_channels = 128, .width = 64});
  add_cubes(probe, {64, 128, 256, 512}, false);
  return probe;
}

std::string conclude_conv_vs_matmul(const Probe& probe, Samples samples) {
  std::string text;
  for (const ProbePoint& point : probe.points) {
    if (point.series != kMatmul) continue;
    const auto faster = ratio(sample_at(probe, samples, kConvolution, point.x, ProbeUnit::milliseconds),
                              sample_at(probe, samples, kMatmul, point.x, ProbeUnit::milliseconds));
    if (!faster) return "";
    text +=
        fmt::format("{}{:.2g} times at {:.0f}", text.empty() ? "the convolution is faster " : ", ", *faster, point.x);
  }
  return text;
}

Probe conv_vs_matmul() {
  Probe probe{.name = "conv-vs-matmul",
              .title = "the same product as matmul and as 1x1 convolution",
              .axis = "m = k = n",
              .logarithmic = true,
              .unit = ProbeUnit::tflops,
              .published = {"convolutions are 3 times faster, without shapes (M0627, maderix part 2)"},
              .disputes = {"1.5 to 2.8 times on an M2 Pro (AutoANE)"},
              .conclude = conclude_conv_vs_matmul};
  const std::vector<int64_t> sizes = {256, 512, 1024, 2048};
  add_cubes(probe, sizes, false);
  add_cubes(probe, sizes, true);
  return probe;
}

std::string conclude_depth(const Probe& probe, Samples samples) {
  std::string text;
  for (const char* series : {kShared, kDistinct}) {
    const auto few = sample_at(probe, samples, series, 8, ProbeUnit::milliseconds);
    const auto many = sample_at(probe, samples, series, 128, ProbeUnit::milliseconds);
    if (!few || !many) return "";
    text += fmt::format("{}{}: {:.3g} us a layer", text.empty() ? "" : "; ", series, (*many - *few) / 120 * 1e3);
  }
  return text;
}

Probe depth() {
  Probe probe{
      .name = "depth",
      .title = "convolutions of 512 channels over 64 positions, one after the other",
      .axis = "layers",
      .disputes = {"a weight per layer would need 210 to 280 GB/s at the published speeds, and the chip has 120: "
                   "the published chains share one weight",
                   "two M4 of equal title differ by 1.8 times (0.223 and 0.395 ms with 64 layers)"},
      .conclude = conclude_depth};
  const std::vector<int64_t> depths = {1, 2, 4, 8, 16, 32, 48, 64, 96, 128};
  add_chains(probe, kShared, 1, Weights::shared, depths);
  add_chains(probe, kDistinct, 1, Weights::distinct, depths);
  return probe;
}

constexpr const char* kFp16 = "fp16";
constexpr const char* kInt8Weights = "int8 weights";
constexpr const char* kInt8 = "int8 weights and activations";

std::string conclude_int8(const Probe& probe, Samples samples) {
  const auto fp16 = sample_at(probe, samples, kFp16, 128, ProbeUnit::tflops);
  const auto weights = ratio(fp16, sample_at(probe, samples, kInt8Weights, 128, ProbeUnit::tflops));
  const auto both = ratio(fp16, sample_at(probe, samples, kInt8, 128, ProbeUnit::tflops));
  if (!weights || !both) return "";
  return fmt::format("over fp16, 128 layers: int8 weights {:.3g} times, int8 weights and activations {:.3g} times",
                     *weights, *both);
}

Probe int8() {
  using Precision = ConvChain::Precision;
  Probe probe{
      .name = "int8",
      .title = "convolutions of 512 channels over 64 x 64 positions, by precision",
      .axis = "layers",
      .unit = ProbeUnit::tflops,
      .published = {"int8 weights and activations 1.88 times fp16 (M0802 over M0800, maderix README.md); int8 "
                    "weights alone 1.0 times (M0811, maderix part 2)"},
      .disputes = {"1.4 to 2 times with int8 activations elsewhere (ane-guide ch9)",
                   "int8 weights alone gain nothing behind this many positions (maderix part 2, Orion) and halve "
                   "the bytes where weights stream (ane-guide ch7)"},
      .parts = {CostPart::time, CostPart::energy, CostPart::int8},
      .conclude = conclude_int8};
  for (const auto& [series, precision] :
       {std::pair{kFp16, Precision::fp16}, {kInt8Weights, Precision::int8_weights}, {kInt8, Precision::int8}}) {
    for (const int64_t layers : {64, 128}) {
      ConvChain chain = chain_of(layers, 64, Weights::shared);
      chain.precision = precision;
      add_convolutions(probe, series, static_cast<double>(layers), fmt::format("{} layers", layers), chain);
    }
  }
  return probe;
}

std::string conclude_qos(const Probe&, Samples samples) {
  const auto [least, most] = std::ranges::minmax_element(samples, {}, &ProbeSample::seconds);
  if (least == samples.end() || least->seconds <= 0) return "";
  return fmt::format("the slowest class takes {:.3g} times as long as the fastest", most->seconds / least->seconds);
}

// The table has the same program three times, by class of service: M0718 to M0720.
std::vector<std::string> rows_of(Qos qos) {
  if (qos == Qos::background) return {"M0718"};
  if (qos == Qos::standard) return {"M0719"};
  if (qos == Qos::user_interactive) return {"M0720"};
  return {};
}

Probe qos() {
  Probe probe{.name = "qos",
              .title = "a 1x1 convolution of 256 channels over 64 positions, by class of service",
              .axis = "class of service, by its number",
              .disputes = {"classes change nothing on an M4 (slavko) and an M5 (maderix); one report has background "
                           "evaluations 42 % faster on an M3 Pro (slavko): dispatch.background_factor of a profile",
                           "0.18 ms here and 0.071 to 0.106 ms elsewhere are the same convolution on the same chip"},
              .conclude = conclude_qos};
  for (const auto& [qos, name] : kQosClasses) {
    ProbePoint& point = add_convolutions(probe, kConvolution, static_cast<double>(qos), std::string(name),
                                         {.in_channels = 256, .out_channels = 256, .width = 64});
    point.qos = qos;
    point.rows = rows_of(qos);
  }
  return probe;
}

Probe power() {
  Probe probe{.name = "power",
              .title = "power of the engine by what bounds it",
              .axis = "program",
              .unit = ProbeUnit::watts,
              .published = {"0 W when idle (M0857, maderix part 2)"},
              .disputes = {"2.8 W at 19 TFLOPS is one report of an M4; M1, M2 and M5 draw 4.3 to 6.4 W when bound by "
                           "arithmetic (ane-guide ch10, ch31)",
                           "the whole package draws 8 to 13 W while it trains (slavko, AutoANE): this is the engine "
                           "alone"},
              .parts = {CostPart::time, CostPart::energy, CostPart::int8}};
  ConvChain int8_chain = chain_of(128, 64, Weights::shared);
  int8_chain.precision = ConvChain::Precision::int8;
  add_point(probe, "dispatch", 1, "one relu of 64 x 32", dispatch_program(), kNothing);
  add_convolutions(probe, "weights", 2, "one convolution of 6144 channels, 32 positions",
                   {.in_channels = 6144, .out_channels = 6144, .width = 32});
  add_convolutions(probe, "arithmetic", 3, "128 convolutions of 512 channels, fp16",
                   chain_of(128, 64, Weights::shared));
  add_convolutions(probe, "arithmetic, int8", 4, "128 convolutions of 512 channels, int8", int8_chain);
  return probe;
}

constexpr ProbeDefinition kDefinitions[] = {
    {"peak", peak},   {"matmul", matmul}, {"sram", sram}, {"dispatch", dispatch}, {"conv-vs-matmul", conv_vs_matmul},
    {"depth", depth}, {"int8", int8},     {"qos", qos},   {"power", power}};

}  // namespace

std::span<const ProbeDefinition> probe_definitions() { return kDefinitions; }

}  // namespace millwright::ane
