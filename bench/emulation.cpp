// bench/emulation: the six programs of one Stories110M layer (the published static pipeline) on the emulated engine in
// `fast` numerics, beside the same functions in fp32 on the cpu device: time to compile and to evaluate, medians of
// rounds in which the two take turns, and their ratio.
//
//   emulation [--chip NAME] [--threads N] [--rounds N] [--profile]
#include <CLI/CLI.hpp>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ane/published_layers.h"
#include "ane/published_programs.h"
#include "base/parallel.h"
#include "base/random.h"
#include "command_line.h"
#include "device/cpu/cpu_device.h"
#include "device/emulated/emulated_device.h"
#include "libraries.h"

namespace millwright {
namespace {

struct Options {
  std::string chip = "m4";
  int threads = 0;  // 0: all
  int rounds = 15;
  bool profile = false;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

struct LayerPrograms {
  std::vector<std::string> names;
  std::vector<mil::Program> programs;  // weights inline
};

LayerPrograms layer_programs(mil::ElementType element) {
  LayerPrograms layer;
  for (ane::LayerProgram& built : ane::static_layer_programs({.element = element})) {
    ane::fill_weights(*built.function);
    mil::Program program;
    program.add_function(std::move(built.function));
    layer.names.push_back(built.name);
    layer.programs.push_back(std::move(program));
  }
  return layer;
}

// A loaded program with surfaces of its own, inputs filled with numbers of a layer's size.
struct Loaded {
  std::unique_ptr<device::Executable> executable;
  std::vector<device::Surface> surfaces;
  std::unique_ptr<device::Request> request;
};

Result<device::Surface> surface_for(const device::Executable& executable, const device::Port& port, bool is_typed) {
  if (is_typed) return device::Surface::allocate(port.type);
  return device::Surface::allocate_bytes(executable.surface_bytes(port));
}

void fill(device::Surface& surface, mil::ElementType element) {
  RandomStream random(7);
  const size_t width = mil::element_bytes(element);
  for (size_t at = 0; at + width <= surface.bytes(); at += width) {
    mil::store_number(element, random.uniform() - 0.5, surface.data() + at);
  }
}

Result<Loaded> load(std::unique_ptr<device::Executable> executable, bool is_typed) {
  Loaded loaded;
  loaded.executable = std::move(executable);
  MW_TRY(loaded.executable->load());
  for (const device::Port& port : loaded.executable->inputs()) {
    MW_ASSIGN(device::Surface surface, surface_for(*loaded.executable, port, is_typed));
    fill(surface, port.type.element());
    loaded.surfaces.push_back(std::move(surface));
  }
  for (const device::Port& port : loaded.executable->outputs()) {
    MW_ASSIGN(device::Surface surface, surface_for(*loaded.executable, port, is_typed));
    loaded.surfaces.push_back(std::move(surface));
  }
  std::vector<device::Surface*> all;
  for (device::Surface& surface : loaded.surfaces) all.push_back(&surface);
  const size_t inputs = loaded.executable->inputs().size();
  MW_ASSIGN(loaded.request, loaded.executable->bind(std::span(all).first(inputs), std::span(all).subspan(inputs)));
  return loaded;
}

void print_profile(const std::string& name, const device::Executable& executable) {
  fmt::print("\n{}\n", name);
  for (const cpu::ProfileEntry& entry : executable.profile()) {
    const auto calls = static_cast<double>(std::max<int64_t>(entry.calls, 1));
    fmt::print("  {:>9.3f} ms{:>9.1f} GFLOP/s  {} {}\n", entry.seconds / calls * 1e3,
               entry.flops * calls / entry.seconds / 1e9, entry.kernel, entry.label);
  }
}

// The engine of a process of its own, so that nothing is known from the compile before.
Result<std::vector<std::unique_ptr<device::Executable>>> compile_on_engine(const ane::ChipProfile& profile,
                                                                           const LayerPrograms& layer, bool profiled) {
  device::EmulatedDevice engine(
      {.profile = profile, .process = std::make_shared<device::EngineProcess>(device::limits_of(profile))});
  std::vector<std::unique_ptr<device::Executable>> executables;
  for (const mil::Program& program : layer.programs) {
    MW_ASSIGN(auto executable, engine.compile(program, {.profile = profiled}));
    executables.push_back(std::move(executable));
  }
  return executables;
}

Status run(const Options& options) {
  if (options.threads > 0) set_thread_count(options.threads);
  MW_ASSIGN(const ane::ChipProfile profile, ane::find_profile(options.chip));
  const LayerPrograms half = layer_programs(mil::ElementType::fp16);
  const LayerPrograms single = layer_programs(mil::ElementType::fp32);

  std::vector<double> engine_compiles, cpu_compiles;
  std::vector<std::unique_ptr<device::Executable>> on_engine, on_cpu;
  for (int round = 0; round < options.rounds; ++round) {
    on_engine.clear();
    on_cpu.clear();
    double start = now();
    MW_ASSIGN(on_engine, compile_on_engine(profile, half, options.profile));
    engine_compiles.push_back(now() - start);
    device::CpuDevice cpu;
    start = now();
    for (const mil::Program& program : single.programs) {
      MW_ASSIGN(auto executable, cpu.compile(program, {.profile = options.profile}));
      on_cpu.push_back(std::move(executable));
    }
    cpu_compiles.push_back(now() - start);
  }

  std::vector<Loaded> engine, cpu;
  for (auto& executable : on_engine) {
    MW_ASSIGN(Loaded loaded, load(std::move(executable), false));
    engine.push_back(std::move(loaded));
  }
  for (auto& executable : on_cpu) {
    MW_ASSIGN(Loaded loaded, load(std::move(executable), true));
    cpu.push_back(std::move(loaded));
  }
  const size_t count = engine.size();
  std::vector<std::vector<double>> engine_seconds(count + 1), cpu_seconds(count + 1);
  for (int round = -1; round < options.rounds; ++round) {  // the first touches the memory
    double engine_total = 0, cpu_total = 0;
    for (size_t i = 0; i < count; ++i) {
      double start = now();
      MW_TRY(engine[i].request->evaluate());
      const double engine_time = now() - start;
      start = now();
      MW_TRY(cpu[i].request->evaluate());
      const double cpu_time = now() - start;
      engine_total += engine_time;
      cpu_total += cpu_time;
      if (round < 0) continue;
      engine_seconds[i].push_back(engine_time);
      cpu_seconds[i].push_back(cpu_time);
    }
    if (round < 0) continue;
    engine_seconds[count].push_back(engine_total);
    cpu_seconds[count].push_back(cpu_total);
  }

  fmt::print("one Stories110M layer, {} threads, medians of {} rounds, milliseconds\n", thread_count(), options.rounds);
  fmt::print("{:<12}{:>16}{:>12}{:>9}\n", "", "emulated fast", "cpu fp32", "ratio");
  const auto print_row = [](const std::string& name, const std::vector<double>& ours,
                            const std::vector<double>& other) {
    fmt::print("{:<12}{:>16.2f}{:>12.2f}{:>9.2f}\n", name, median(ours) * 1e3, median(other) * 1e3,
               median(ours) / median(other));
  };
  for (size_t i = 0; i < count; ++i) print_row(half.names[i], engine_seconds[i], cpu_seconds[i]);
  print_row("all six", engine_seconds[count], cpu_seconds[count]);
  print_row("compile", engine_compiles, cpu_compiles);
  for (size_t i = 0; options.profile && i < count; ++i) {
    print_profile(half.names[i] + ", emulated", *engine[i].executable);
    print_profile(half.names[i] + ", cpu", *cpu[i].executable);
  }
  return {};
}

}  // namespace
}  // namespace millwright

int main(int argc, char** argv) {
  CLI::App app{"The emulated engine beside the cpu device, on the six programs of one layer"};
  millwright::Options options;
  app.add_option("--chip", options.chip, "Profile of the engine")->capture_default_str();
  app.add_option("--threads", options.threads, "All by default")->check(CLI::Range(1, 1 << 20));
  app.add_option("--rounds", options.rounds, "Measured rounds")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  app.add_flag("--profile", options.profile, "Print the time of every kernel call");
  if (const auto code = millwright::bench::parse_command_line(app, "emulation", argc, argv)) return *code;
  const millwright::Status status = millwright::run(options);
  if (status) return 0;
  return millwright::bench::report_error("emulation", status.error());
}
