#include "ane/probes.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ane/probe_definitions.h"
#include "ane/value_bytes.h"
#include "mil/builder.h"

namespace millwright::ane {
namespace {

constexpr double kMostFlops = 4e9;
constexpr double kMostWeightBytes = 16e6;

double weight_bytes_of(const mil::Function& function) {
  double bytes = 0;
  for (const auto& operation : function.block().operations()) {
    if (operation->is_const()) bytes += value_bytes(operation->result()->type());
  }
  return bytes;
}

}  // namespace

const std::vector<std::string>& probe_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all;
    for (const ProbeDefinition& definition : probe_definitions()) all.emplace_back(definition.name);
    return all;
  }();
  return names;
}

Result<Probe> build_probe(std::string_view name) {
  const auto definitions = probe_definitions();
  const auto found = std::ranges::find(definitions, name, &ProbeDefinition::name);
  if (found == definitions.end()) {
    return fail("there is no probe \"{}\"; the probes are {}", name, fmt::join(probe_names(), ", "));
  }
  return found->build();
}

Probe only_small_programs(Probe probe) {
  std::erase_if(probe.points, [](const ProbePoint& point) {
    return point.flops > kMostFlops || weight_bytes_of(*point.function) > kMostWeightBytes;
  });
  return probe;
}

std::unique_ptr<mil::Function> small_program(int64_t index) {
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

Result<std::vector<ProbeSample>> run_probe(const Probe& probe, ProbeRunner runner) {
  std::vector<ProbeSample> samples;
  for (const ProbePoint& point : probe.points) {
    Result<ProbeSample> sample = runner(point);
    if (sample) {
      samples.push_back(std::move(*sample));
      continue;
    }
    const bool is_refusal =
        sample.error().kind == ErrorKind::invalid_input || sample.error().kind == ErrorKind::exhausted;
    const bool is_last_hope =
        samples.size() + 1 == probe.points.size() && std::ranges::none_of(samples, &ProbeSample::ran);
    if (!is_refusal || is_last_hope) {
      return tl::unexpected<Error>(with_context(std::move(sample.error()), probe.name + ", " + point.label));
    }
    samples.push_back({.refusal = std::move(sample.error().message)});
  }
  return samples;
}

std::optional<double> in_unit(ProbeUnit unit, const ProbePoint& point, const ProbeSample& sample) {
  if (!sample.ran() || sample.seconds <= 0) return std::nullopt;
  switch (unit) {
    case ProbeUnit::milliseconds:
      return sample.seconds * 1e3;
    case ProbeUnit::tflops:
      return point.flops / sample.seconds * 1e-12;
    case ProbeUnit::watts:
      if (!sample.joules) return std::nullopt;
      return *sample.joules / sample.seconds;
    case ProbeUnit::tflops_per_watt:
      if (!sample.joules || *sample.joules <= 0) return std::nullopt;
      return point.flops / *sample.joules * 1e-12;
  }
  return std::nullopt;
}

std::string_view unit_name(ProbeUnit unit) {
  switch (unit) {
    case ProbeUnit::milliseconds:
      return "ms";
    case ProbeUnit::tflops:
      return "TFLOPS";
    case ProbeUnit::watts:
      return "W";
    case ProbeUnit::tflops_per_watt:
      return "TFLOPS/W";
  }
  return "";
}

}  // namespace millwright::ane
