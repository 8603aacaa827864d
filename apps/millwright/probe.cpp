// `millwright probe`: the published hardware study of the engine, run on a device.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ane/probe_report.h"
#include "base/files.h"
#include "chip_choice.h"
#include "commands.h"
#include "common_options.h"
#include "device/open_device.h"
#include "device/probe/compile_limit.h"
#include "device/probe/measure.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kCompileLimit = "compile-limit";
constexpr const char* kExamples =
    "  millwright probe peak\n"
    "  millwright probe matmul --chip m4+capacity32 --svg matmul.svg\n"
    "  millwright probe compile-limit --chip m4+macos26 --most 300\n"
    "  millwright probe depth --device cpu --quick\n"
    "  millwright probe int8 --json --output probes\n";

struct ProbeCommand {
  std::string name;
  std::string device = "emulated";
  ChipChoice chip;
  bool quick = false;
  int64_t runs = device::MeasureOptions{}.runs;
  int64_t most = 512;
  std::string svg;
  std::string output;
  bool json = false;
  Threads threads;
};

// What a probe gave, in every form that the command writes.
struct Outcome {
  std::string table;
  std::string figure;
  Json facts;
};

std::vector<std::string> all_names() {
  std::vector<std::string> names = ane::probe_names();
  names.insert(std::ranges::find(names, "qos"), kCompileLimit);
  return names;
}

Json json_of(const ane::ProbeSubject& subject) {
  return {{"device", subject.device},
          {"chip", subject.chip == nullptr ? Json(nullptr) : Json(subject.chip->name)},
          {"clock", subject.verb()}};
}

Json json_of(const std::vector<ane::ProbeNote>& notes) {
  Json all = Json::array();
  for (const ane::ProbeNote& note : notes) all.push_back({{"topic", note.topic}, {"text", note.text}});
  return all;
}

Json json_of(const ane::ProbePoint& point, const ane::ProbeSample& sample, const std::string& published_chip) {
  Json row = {{"series", point.series}, {"x", point.x}, {"program", point.label}};
  using enum ane::ProbeUnit;
  for (const auto& [key, unit] :
       {std::pair{"ms", milliseconds}, {"tflops", tflops}, {"watts", watts}, {"tflops_per_watt", tflops_per_watt}}) {
    const auto value = ane::in_unit(unit, point, sample);
    row[key] = value ? Json(*value) : Json(nullptr);
  }
  if (!sample.ran()) row["refused"] = sample.refusal;
  row["published"] = Json::array();
  for (const ane::PublishedValue& value : ane::published_of(point, published_chip)) {
    row["published"].push_back({{"value", value.value},
                                {"unit", ane::unit_name(value.unit)},
                                {"id", value.id},
                                {"source", value.source},
                                {"use", value.is_calibration ? "calibration" : "validation"}});
  }
  return row;
}

Result<Outcome> run_compile_limit(device::Device& device, const ProbeCommand& options) {
  MW_ASSIGN(const device::CompileLimit limit, device::probe_compile_limit(device, options.most));
  const ane::ProbeSubject subject = device::subject_of(device);
  Json facts = {{"probe", kCompileLimit}};
  facts.update(json_of(subject));
  facts["accepted"] = limit.accepted();
  facts["refusal"] = limit.refusal ? Json(*limit.refusal) : Json(nullptr);
  facts["takes_known_program"] = limit.refusal ? Json(limit.takes_known_program) : Json(nullptr);
  facts["compile_seconds"] = limit.seconds;
  facts["notes"] = json_of(device::compile_limit_notes(limit, subject));
  return Outcome{device::compile_limit_table(limit, subject), device::compile_limit_figure(limit, subject),
                 std::move(facts)};
}

Result<Outcome> run_programs(device::Device& device, const ProbeCommand& options) {
  MW_ASSIGN(ane::Probe probe, ane::build_probe(options.name));
  if (options.quick) {
    probe = ane::only_small_programs(std::move(probe));
    if (probe.points.empty()) return fail("probe {}: all of its programs are large; leave out --quick", options.name);
  }
  MW_ASSIGN(const std::vector<ane::ProbeSample> samples, device::measure_probe(device, probe, {.runs = options.runs}));
  const ane::ProbeSubject subject = device::subject_of(device);
  Json facts = {{"probe", probe.name}, {"title", probe.title}};
  facts.update(json_of(subject));
  facts["rows"] = Json::array();
  for (size_t i = 0; i < samples.size(); ++i) {
    facts["rows"].push_back(json_of(probe.points[i], samples[i], subject.published_chip()));
  }
  facts["notes"] = json_of(ane::probe_notes(probe, samples, subject));
  return Outcome{ane::probe_table(probe, samples, subject), ane::probe_figure(probe, samples, subject),
                 std::move(facts)};
}

Result<std::unique_ptr<device::Device>> open(const ProbeCommand& options) {
  MW_TRY(options.chip.check());
  if (options.device != "emulated" && options.chip.is_given()) {
    return fail("--chip and --profile are for --device emulated");
  }
  device::DeviceOptions asked;
  if (!options.chip.chip.empty()) asked.chip = options.chip.chip;
  asked.profile = options.chip.profile;
  // The emulated engine's times are virtual: what its arithmetic gives is of no interest, and would take hours.
  asked.arithmetic = device::Arithmetic::skipped;
  return device::open_device(options.device, asked);
}

Status write_files(const Outcome& outcome, const ProbeCommand& options) {
  if (!options.svg.empty()) MW_TRY(write_file_atomically(options.svg, outcome.figure));
  if (options.output.empty()) return {};
  const Path folder = options.output;
  MW_TRY(make_directories(folder));
  MW_TRY(write_file_atomically(folder / (options.name + ".txt"), outcome.table));
  return write_file_atomically(folder / (options.name + ".svg"), outcome.figure);
}

Status run_probe_command(const ProbeCommand& options) {
  options.threads.apply();
  const std::vector<std::string> names = all_names();
  if (std::ranges::find(names, options.name) == names.end()) {
    return fail("there is no probe \"{}\"; the probes are {}", options.name, fmt::join(names, ", "));
  }
  MW_ASSIGN(const std::unique_ptr<device::Device> device, open(options));
  MW_ASSIGN(const Outcome outcome,
            options.name == kCompileLimit ? run_compile_limit(*device, options) : run_programs(*device, options));
  MW_TRY(write_files(outcome, options));
  options.json ? print_json(outcome.facts) : print(outcome.table);
  return {};
}

}  // namespace

void add_probe(CommandTree& tree) {
  Command& command = tree.add("probe", "Run the published hardware study of the engine on a device", kExamples);
  auto options = std::make_shared<ProbeCommand>();
  const std::vector<std::string> names = all_names();
  Command::Option& name = command.text("name", options->name, "PROBE", fmt::format("{}", fmt::join(names, ", ")));
  name.required = true;
  name.words = names;
  std::vector<std::string> devices;
  for (const std::string_view known : device::device_names()) devices.emplace_back(known);
  command.text("--device", options->device, "DEVICE", "Where the programs run").words = devices;
  options->chip.add_to(command, "--chip", "The emulated engine, with variants: m4+capacity32; m4 where none is named");
  command.flag("--quick", options->quick, "Only programs of at most 4 GFLOP and 16 MB of weights, for slow devices");
  command.integer("--runs", options->runs, "Evaluations of each program, of which the best counts", 1, 100'000);
  command.integer("--most", options->most, "Of compile-limit: programs to try", 1, 1'000'000);
  command.text("--svg", options->svg, "FILE", "Where the figure goes");
  command.text("--output", options->output, "DIR", "Folder for the table and the figure, PROBE.txt and PROBE.svg");
  options->threads.add_to(command);
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_probe_command(*options); });
}

}  // namespace millwright::app
