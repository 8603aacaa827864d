#include "ane/probe_definitions.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <tuple>
#include <utility>

#include "ane/published_programs.h"
#include "base/check.h"
#include "mil/statistics.h"

namespace millwright::ane {
namespace {

using Function = std::unique_ptr<mil::Function>;
using Samples = std::span<const ProbeSample>;
using Weights = ConvChain::Weights;
using Published = std::vector<std::pair<double, PublishedValue>>;  // with the x that it is of

constexpr const char* kShared = "one shared weight, as published";
constexpr const char* kDistinct = "a weight per layer";

// Programs of this file have sizes that their builders accept.
Function built(Result<Function> function) {
  MW_CHECK(function.has_value(), "{}", function.error().message);
  return std::move(*function);
}

PublishedValue fitted(double value, ProbeUnit unit, const char* id, const char* source) {
  return {value, unit, id, source, true};
}

PublishedValue unseen(double value, ProbeUnit unit, const char* id, const char* source) {
  return {value, unit, id, source, false};
}

double flops_of(const mil::Function& function) {
  double flops = 0;
  for (const auto& operation : function.block().operations()) {
    if (!operation->is_const()) flops += mil::flops_of(*operation);
  }
  return flops;
}

void add_point(Probe& probe, const std::string& series, double x, std::string label, Function function,
               const Published& published = {}) {
  ProbePoint& point = probe.points.emplace_back();
  point.series = series;
  point.x = x;
  point.label = std::move(label);
  point.flops = flops_of(*function);
  point.function = std::move(function);
  for (const auto& [of, value] : published) {
    if (of == x) point.published.push_back(value);
  }
}

// A chain of 512-channel convolutions, as published.
ConvChain chain_of(int64_t depth, int64_t height, Weights weights) {
  ConvChain chain{.depth = depth, .in_channels = 512, .out_channels = 512, .height = height, .width = 64};
  chain.weights = weights;
  return chain;
}

void add_chains(Probe& probe, const std::string& series, int64_t height, Weights weights,
                const std::vector<int64_t>& depths, const Published& published) {
  for (const int64_t depth : depths) {
    add_point(probe, series, static_cast<double>(depth), fmt::format("{} layer{}", depth, depth == 1 ? "" : "s"),
              built(conv_chain(chain_of(depth, height, weights))), published);
  }
}

void add_cubes(Probe& probe, const std::string& series, const std::vector<int64_t>& sizes, bool as_convolution,
               const Published& published) {
  for (const int64_t n : sizes) {
    Function function = as_convolution ? built(conv_chain({.in_channels = n, .out_channels = n, .width = n}))
                                       : built(matmul_chain({.m = n, .k = n, .n = n}));
    add_point(probe, series, static_cast<double>(n), fmt::format("{0} x {0} x {0}", n), std::move(function), published);
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
  add_chains(probe, kShared, 64, Weights::shared, {1, 8, 32, 64, 128},
             {{32, unseen(19, ProbeUnit::tflops, "M0388", "maderix part 2, shape assumed")},
              {64, fitted(18.4, ProbeUnit::tflops, "M0390", "maderix README.md")},
              {128, fitted(18.6, ProbeUnit::tflops, "M0389", "maderix README.md")},
              {128, fitted(2.8, ProbeUnit::watts, "M0856", "maderix part 2, shape assumed")},
              {128, unseen(6.6, ProbeUnit::tflops_per_watt, "M0909", "maderix part 2, shape assumed")}});
  add_chains(probe, kDistinct, 64, Weights::distinct, {1, 8, 32, 64, 128}, {});
  return probe;
}

std::string conclude_matmul(const Probe& probe, Samples samples) {
  const auto before = sample_at(probe, samples, "matmul", 2048, ProbeUnit::tflops);
  const auto after = sample_at(probe, samples, "matmul", 4096, ProbeUnit::tflops);
  if (!before || !after) return "";
  return fmt::format("from 2048 to 4096: {:.3g} to {:.3g} TFLOPS", *before, *after);
}

constexpr const char* kAir = "ane-guide, an M4 Air";

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
                   "an M4 Air is fastest at 4096 and falls at 6144 (ane-guide): neither reading explains both"},
      .conclude = conclude_matmul};
  add_cubes(probe, "matmul", {256, 512, 1024, 2048, 3072, 4096, 6144}, false,
            {{256, fitted(0.101, ProbeUnit::milliseconds, "M0624", "maderix part 2")},
             {512, unseen(1.3, ProbeUnit::tflops, "", kAir)},
             {1024, unseen(2.9, ProbeUnit::tflops, "", kAir)},
             {2048, fitted(5.7, ProbeUnit::tflops, "M0625", "maderix part 2")},
             {2048, unseen(4.9, ProbeUnit::tflops, "", kAir)},
             {4096, fitted(4.0, ProbeUnit::tflops, "M0626", "maderix part 2")},
             {4096, unseen(5.4, ProbeUnit::tflops, "", kAir)},
             {6144, unseen(3.4, ProbeUnit::tflops, "", kAir)}});
  return probe;
}

constexpr const char* kConvolution = "1x1 convolution";

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
  const auto tuxillo = [](double ms, const char* id) {
    return fitted(ms, ProbeUnit::milliseconds, id, "maderix#3 (tuxillo)");
  };
  const auto slavko = [](double ms, const char* id) {
    return fitted(ms, ProbeUnit::milliseconds, id, "slavko docs/ANE_M4_BENCHMARK.md");
  };
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
  const Published published = {{256, tuxillo(0.106, "M0363")},  {256, slavko(0.076, "M0453")},
                               {512, tuxillo(0.084, "M0365")},  {512, slavko(0.071, "M0455")},
                               {1024, tuxillo(0.116, "M0367")}, {1024, slavko(0.098, "M0457")},
                               {2048, tuxillo(0.237, "M0369")}, {2048, slavko(0.235, "M0459")},
                               {3072, tuxillo(0.421, "M0371")}, {4096, tuxillo(1.012, "M0373")}};
  for (const int64_t channels : {256, 512, 1024, 1536, 2048, 2560, 3072, 3584, 4096, 4608, 5120, 6144, 8192}) {
    const auto x = static_cast<double>(channels);
    add_point(probe, kConvolution, x, fmt::format("{} channels, {:.1f} MiB", channels, x * x * 2 / 1048576),
              built(conv_chain({.in_channels = channels, .out_channels = channels, .width = 64})), published);
  }
  return probe;
}

// The least that an engine can be asked to do.
Function dispatch_program() { return built(single_operation("relu", {1, 64, 1, 32})); }

std::string conclude_dispatch(const Probe& probe, Samples samples) {
  const auto nothing = sample_at(probe, samples, "nothing", 1, ProbeUnit::milliseconds);
  const auto product = sample_at(probe, samples, "matmul", 256, ProbeUnit::milliseconds);
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
  constexpr ProbeUnit ms = ProbeUnit::milliseconds;
  add_point(probe, "nothing", 1, "one relu of 64 x 32", dispatch_program(),
            {{1, fitted(0.095, ms, "M0696", "maderix part 2")},
             {1, fitted(0.07, ms, "M0703", "slavko benchmark/results_m4/M4_BENCHMARK_SUMMARY.md")}});
  add_point(probe, kConvolution, 128, "128 channels, 64 positions",
            built(conv_chain({.in_channels = 128, .out_channels = 128, .width = 64})),
            {{128, unseen(0.189, ms, "M0701", "dev-erik PROBE_RESULTS.md")}});
  add_cubes(probe, "matmul", {64, 128, 256, 512}, false, {{256, fitted(0.101, ms, "M0624", "maderix part 2")}});
  return probe;
}

std::string conclude_conv_vs_matmul(const Probe& probe, Samples samples) {
  std::string text;
  for (const ProbePoint& point : probe.points) {
    if (point.series != "matmul") continue;
    const auto faster = ratio(sample_at(probe, samples, kConvolution, point.x, ProbeUnit::milliseconds),
                              sample_at(probe, samples, "matmul", point.x, ProbeUnit::milliseconds));
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
  add_cubes(probe, "matmul", sizes, false, {{2048, fitted(5.7, ProbeUnit::tflops, "M0625", "maderix part 2")}});
  add_cubes(probe, kConvolution, sizes, true, {});
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
  constexpr ProbeUnit ms = ProbeUnit::milliseconds;
  const auto tuxillo = [](double value, const char* id) { return fitted(value, ms, id, "maderix#3 (tuxillo)"); };
  const auto slavko = [](double value, const char* id) {
    return fitted(value, ms, id, "slavko docs/ANE_M4_BENCHMARK.md");
  };
  const auto dev_erik = [](double value, const char* id) { return fitted(value, ms, id, "dev-erik PROBE_RESULTS.md"); };
  Probe probe{
      .name = "depth",
      .title = "convolutions of 512 channels over 64 positions, one after the other",
      .axis = "layers",
      .disputes = {"a weight per layer would need 210 to 280 GB/s at the published speeds, and the chip has 120: "
                   "the published chains share one weight",
                   "two M4 of equal title differ by 1.8 times (0.223 and 0.395 ms with 64 layers)"},
      .conclude = conclude_depth};
  const std::vector<int64_t> depths = {1, 2, 4, 8, 16, 32, 48, 64, 96, 128};
  add_chains(probe, kShared, 1, Weights::shared, depths,
             {{32, tuxillo(0.16, "M0001")},
              {32, slavko(0.142, "M0057")},
              {48, tuxillo(0.19, "M0003")},
              {64, tuxillo(0.223, "M0005")},
              {64, slavko(0.206, "M0059")},
              {64, dev_erik(0.395, "M0055")},
              {96, tuxillo(0.302, "M0007")},
              {96, dev_erik(0.429, "M0049")},
              {128, tuxillo(0.366, "M0009")},
              {128, slavko(0.376, "M0061")},
              {128, dev_erik(0.589, "M0051")}});
  add_chains(probe, kDistinct, 1, Weights::distinct, depths, {});
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
  constexpr ProbeUnit tflops = ProbeUnit::tflops;
  constexpr const char* kReadme = "maderix README.md";
  Probe probe{
      .name = "int8",
      .title = "convolutions of 512 channels over 64 x 64 positions, by precision",
      .axis = "layers",
      .unit = tflops,
      .published = {"int8 weights and activations 1.88 times fp16 (M0802 over M0800, maderix README.md); int8 "
                    "weights alone 1.0 times (M0811, maderix part 2)"},
      .disputes = {"1.4 to 2 times with int8 activations elsewhere (ane-guide ch9)",
                   "int8 weights alone gain nothing behind this many positions (maderix part 2, Orion) and halve "
                   "the bytes where weights stream (ane-guide ch7)"},
      .parts = {CostPart::time, CostPart::energy, CostPart::int8},
      .conclude = conclude_int8};
  const std::array<std::tuple<const char*, Precision, Published>, 3> series = {{
      {kFp16,
       Precision::fp16,
       {{64, fitted(18.4, tflops, "M0390", kReadme)}, {128, fitted(18.6, tflops, "M0389", kReadme)}}},
      {kInt8Weights, Precision::int8_weights, {}},
      {kInt8,
       Precision::int8,
       {{64, unseen(34.1, tflops, "M0803", kReadme)}, {128, unseen(35.1, tflops, "M0802", kReadme)}}},
  }};
  for (const auto& [name, precision, published] : series) {
    for (const int64_t layers : {64, 128}) {
      ConvChain chain = chain_of(layers, 64, Weights::shared);
      chain.precision = precision;
      add_point(probe, name, static_cast<double>(layers), fmt::format("{} layers", layers), built(conv_chain(chain)),
                published);
    }
  }
  return probe;
}

std::string conclude_qos(const Probe&, Samples samples) {
  const auto [least, most] = std::ranges::minmax_element(samples, {}, &ProbeSample::seconds);
  if (least == samples.end() || least->seconds <= 0) return "";
  return fmt::format("the slowest class takes {:.3g} times as long as the fastest", most->seconds / least->seconds);
}

Probe qos() {
  constexpr const char* kSlavko = "slavko docs, 64 positions assumed";
  constexpr ProbeUnit ms = ProbeUnit::milliseconds;
  Probe probe{.name = "qos",
              .title = "a 1x1 convolution of 256 channels over 64 positions, by class of service",
              .axis = "class of service, by its number",
              .disputes = {"classes change nothing on an M4 (slavko) and an M5 (maderix); one report has background "
                           "evaluations 42 % faster on an M3 Pro (slavko): dispatch.background_factor of a profile",
                           "0.18 ms here and 0.071 to 0.106 ms elsewhere are the same convolution on the same chip"},
              .conclude = conclude_qos};
  const Published published = {{9, unseen(0.183, ms, "M0718", kSlavko)},
                               {21, unseen(0.183, ms, "M0719", kSlavko)},
                               {33, unseen(0.182, ms, "M0720", kSlavko)}};
  for (const auto& [qos, name] : kQosClasses) {
    add_point(probe, kConvolution, static_cast<double>(qos), std::string(name),
              built(conv_chain({.in_channels = 256, .out_channels = 256, .width = 64})), published);
    probe.points.back().qos = qos;
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
  add_point(probe, "dispatch", 1, "one relu of 64 x 32", dispatch_program());
  add_point(probe, "weights", 2, "one convolution of 6144 channels, 32 positions",
            built(conv_chain({.in_channels = 6144, .out_channels = 6144, .width = 32})));
  add_point(probe, "arithmetic", 3, "128 convolutions of 512 channels, fp16",
            built(conv_chain(chain_of(128, 64, Weights::shared))),
            {{3, fitted(2.8, ProbeUnit::watts, "M0856", "maderix part 2, shape assumed")}});
  add_point(probe, "arithmetic, int8", 4, "128 convolutions of 512 channels, int8", built(conv_chain(int8_chain)));
  return probe;
}

constexpr ProbeDefinition kDefinitions[] = {
    {"peak", peak},   {"matmul", matmul}, {"sram", sram}, {"dispatch", dispatch}, {"conv-vs-matmul", conv_vs_matmul},
    {"depth", depth}, {"int8", int8},     {"qos", qos},   {"power", power}};

}  // namespace

std::span<const ProbeDefinition> probe_definitions() { return kDefinitions; }

}  // namespace millwright::ane
