// bench/step: one training step of a model on the CPU executor, against the machine's own matrix-product speed. Prints
// the work of a step, its time by phase, and the share of two peaks measured in the same run: the same products alone
// (the fastest library here for each shape), and multiply-adds in registers.
//
//   step [--model NAME] [--batch N] [--sequence N] [--threads N] [--steps N] [--accumulate] [--profile] [--listing]
#include <CLI/CLI.hpp>

#include <algorithm>
#include <map>
#include <numeric>

#include "base/memory_usage.h"
#include "base/parallel.h"
#include "base/random.h"
#include "command_line.h"
#include "cpu/executor.h"
#include "cpu/kernels/peak.h"
#include "cpu/kernels/targets.h"
#include "libraries.h"
#include "model/llama.h"
#include "model/llama_parameters.h"
#include "runtime/parameter_store.h"
#include "runtime/update_pass.h"

namespace millwright {
namespace {

struct Options {
  std::string model = "stories110m";
  int64_t batch = 1;
  int64_t sequence = 0;  // 0: the model's
  int threads = 0;       // 0: all
  int steps = 7;
  bool accumulate = false;
  bool profile = false;
  bool listing = false;
};

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : 0.5 * (values[half - 1] + values[half]);
}

// The products of one step with how often each happens: forward, gradient of the input, gradient of the weight.
struct Counted {
  Product product;
  int64_t count;
};

std::vector<Counted> step_products(const model::LlamaConfig& config, int64_t batch, int64_t sequence) {
  std::vector<Counted> all;
  const auto linear = [&](std::string name, int64_t out, int64_t in, int64_t count) {
    all.push_back({{name, out, sequence, in, false, false, batch}, count});
    all.push_back({{name + " dx", in, sequence, out, true, false, batch}, count});
    all.push_back({{name + " dw", out, in, sequence, false, true, batch}, count});
  };
  linear("q, o", config.query_dim(), config.dim, 2 * config.layers);
  linear("k, v", config.kv_dim(), config.dim, 2 * config.layers);
  linear("gate, up", config.hidden_dim, config.dim, 2 * config.layers);
  linear("down", config.dim, config.hidden_dim, config.layers);
  linear("classifier", config.vocabulary_size, config.dim, 1);
  const int64_t heads = batch * config.heads;
  const int64_t s = sequence;
  const int64_t d = config.head_dim;
  all.push_back({{"scores", s, s, d, true, false, heads}, config.layers});
  all.push_back({{"scores dq", d, s, s, false, true, heads}, config.layers});
  all.push_back({{"scores dk", d, s, s, false, false, heads}, config.layers});
  all.push_back({{"mixed", d, s, s, false, true, heads}, config.layers});
  all.push_back({{"mixed dv", d, s, s, false, false, heads}, config.layers});
  all.push_back({{"mixed dp", s, s, d, true, false, heads}, config.layers});
  return all;
}

// Everything that one run needs: the compiled step and memory for its inputs and results.
struct Step {
  model::LlamaConfig config;
  std::unique_ptr<cpu::CompiledFunction> compiled;
  std::unique_ptr<runtime::ParameterStore> store;
  std::vector<int32_t> tokens;
  std::vector<int32_t> targets;
  float loss_scale = 1;
  float loss = 0;
  std::vector<void*> inputs;
  std::vector<void*> results;
};

Result<Step> prepare(const Options& options) {
  Step step;
  MW_ASSIGN(step.config, model::find_preset(options.model));
  const int64_t sequence = options.sequence > 0 ? options.sequence : step.config.sequence_length;
  const model::TrainingShape shape{.batch = options.batch, .sequence = sequence, .accumulate = options.accumulate};
  MW_ASSIGN(const model::TrainingStep built, model::build_training_step(step.config, shape));
  MW_ASSIGN(step.compiled, cpu::CompiledFunction::compile(*built.function, {.profile = true}));

  std::vector<runtime::ParameterSpecification> specifications;
  const std::vector<model::ParameterDescription> parameters = model::parameters(step.config);
  for (const auto& parameter : parameters) specifications.push_back({parameter.name, parameter.shape, parameter.decay});
  MW_ASSIGN(auto store, runtime::ParameterStore::create(specifications, runtime::StoreContents::training));
  step.store = std::make_unique<runtime::ParameterStore>(std::move(store));

  RandomStream random(1);
  for (int64_t i = 0; i < options.batch * sequence; ++i) {
    step.tokens.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(step.config.vocabulary_size))));
    step.targets.push_back(static_cast<int32_t>(random.below(static_cast<uint64_t>(step.config.vocabulary_size))));
  }
  return step;
}

// Pointers into the step itself: call once it no longer moves.
void bind(Step& step, bool accumulate) {
  step.inputs = {step.tokens.data(), step.targets.data(), &step.loss_scale};
  step.results = {&step.loss};
  const std::vector<model::ParameterDescription> parameters = model::parameters(step.config);
  for (size_t i = 0; i < parameters.size(); ++i) {
    model::initialize(parameters[i], 1, step.store->master(i));
    step.inputs.push_back(step.store->master(i).data());
  }
  for (size_t i = 0; i < parameters.size(); ++i) {
    if (accumulate) step.inputs.push_back(step.store->gradient(i).data());
    step.results.push_back(step.store->gradient(i).data());
  }
}

bool is_backward(const std::string& label) { return label.find(".grad") != std::string::npos; }

struct Times {
  std::vector<double> forward, backward, whole, update;  // seconds, one per step
};

Result<Times> run_steps(Step& step, const Options& options) {
  Times times;
  for (int i = 0; i < options.steps + 1; ++i) {
    step.compiled->reset_profile();
    const double start = now();
    MW_TRY(step.compiled->run(step.inputs, step.results));
    const double ran = now();
    MW_TRY(runtime::update_pass(*step.store, {.learning_rate = 1e-4,
                                              .weight_decay = 0.1,
                                              .clip = 1,
                                              .update = i + 1,
                                              .clear_gradients = options.accumulate}));
    const double updated = now();
    if (i == 0) continue;  // touches the memory for the first time
    double backward = 0;
    for (const cpu::ProfileEntry& entry : step.compiled->profile())
      backward += is_backward(entry.label) ? entry.seconds : 0;
    times.whole.push_back(ran - start);
    times.backward.push_back(backward);
    times.forward.push_back(ran - start - backward);
    times.update.push_back(updated - ran);
  }
  return times;
}

// Where the time of the last step went, by kernel and then by the slowest calls.
void print_profile(const std::vector<cpu::ProfileEntry>& profile) {
  std::map<std::string, cpu::ProfileEntry> kernels;
  for (const cpu::ProfileEntry& entry : profile) {
    cpu::ProfileEntry& kernel = kernels[entry.kernel.substr(0, entry.kernel.find('('))];
    kernel.calls += 1;
    kernel.seconds += entry.seconds;
    kernel.flops += entry.flops;
    kernel.bytes += entry.bytes;
  }
  std::vector<std::pair<std::string, cpu::ProfileEntry>> sorted(kernels.begin(), kernels.end());
  std::ranges::sort(sorted, std::ranges::greater{}, [](const auto& pair) { return pair.second.seconds; });
  fmt::print("\n{:<24}{:>8}{:>12}{:>12}{:>10}\n", "kernel", "calls", "ms", "GFLOP/s", "GB/s");
  for (const auto& [name, kernel] : sorted) {
    fmt::print("{:<24}{:>8}{:>12.3f}{:>12.1f}{:>10.1f}\n", name, kernel.calls, kernel.seconds * 1e3,
               kernel.flops / kernel.seconds / 1e9, kernel.bytes / kernel.seconds / 1e9);
  }
  // Calls of the same place in each layer together: "layers.N.attention.scores".
  std::map<std::string, cpu::ProfileEntry> places;
  for (const cpu::ProfileEntry& entry : profile) {
    std::string place = entry.label;
    const size_t number = place.starts_with("layers.") ? place.find('.', 7) : std::string::npos;
    if (number != std::string::npos) place.replace(7, number - 7, "N");
    cpu::ProfileEntry& sum = places[fmt::format("{} {}", entry.kernel, place)];
    sum.label = place;
    sum.kernel = entry.kernel;
    sum.seconds += entry.seconds;
    sum.flops += entry.flops;
    sum.bytes += entry.bytes;
  }
  std::vector<cpu::ProfileEntry> slowest;
  for (const auto& [name, sum] : places) slowest.push_back(sum);
  std::ranges::sort(slowest, std::ranges::greater{}, &cpu::ProfileEntry::seconds);
  fmt::print("\n{:<20}{:>10}{:>12}{:>10}  {}\n", "slowest calls", "ms", "GFLOP/s", "GB/s", "operation");
  for (const cpu::ProfileEntry& entry : slowest) {
    fmt::print("{:<20}{:>10.3f}{:>12.1f}{:>10.1f}  {}\n", entry.kernel, entry.seconds * 1e3,
               entry.flops / entry.seconds / 1e9, entry.bytes / entry.seconds / 1e9, entry.label);
  }
}

// Seconds of the step's products alone, each by the library that is fastest for its shape.
double measure_products(const std::vector<Counted>& products, int threads, bool print) {
  const std::vector<Library> all = libraries(threads);
  double total = 0;
  if (print) fmt::print("\nGFLOP/s of the step's products alone\n{:<18}{:>22}", "", "m x n x k (batch)");
  for (const Library& library : all) {
    if (print) fmt::print("{:>24}", library.name);
  }
  if (print) fmt::print("\n");
  for (const Counted& counted : products) {
    const Product& p = counted.product;
    double best = 1e30;
    if (print) fmt::print("{:<18}{:>22}", p.name, fmt::format("{}x{}x{} ({})", p.m, p.n, p.k, p.batch));
    for (const Library& library : all) {
      const double seconds = measure_seconds(library.multiply, p, 3);
      best = std::min(best, seconds);
      if (print) fmt::print("{:>24.1f}", p.flops() / seconds / 1e9);
    }
    if (print) fmt::print("\n");
    total += static_cast<double>(counted.count) * best;
  }
  return total;
}

Status run(const Options& options) {
  if (options.threads > 0) set_thread_count(options.threads);
  const int threads = thread_count();
  MW_ASSIGN(Step step, prepare(options));
  if (options.listing) {
    fmt::print("{}", step.compiled->listing());
    return {};
  }
  bind(step, options.accumulate);
  const double process_bytes_before = static_cast<double>(current_resident_bytes());
  MW_ASSIGN(const Times times, run_steps(step, options));
  const auto resident = static_cast<double>(peak_resident_bytes());
  const std::vector<cpu::ProfileEntry> profile = step.compiled->profile();

  const double flops = std::accumulate(profile.begin(), profile.end(), 0.0,
                                       [](double sum, const cpu::ProfileEntry& entry) { return sum + entry.flops; });
  const int64_t sequence = static_cast<int64_t>(step.tokens.size()) / options.batch;
  const double whole = median(times.whole);
  const double update = median(times.update);
  const auto parameters = static_cast<double>(step.store->parameter_count());
  // Read: weight, gradient, both moments; written: weight, both moments; and the gradient once more for its norm.
  const double update_bytes = 8 * parameters * sizeof(float);
  fmt::print("{}: {:.1f} M parameters, batch {}, {} tokens, {} threads, {}{}\n", options.model, parameters / 1e6,
             options.batch, sequence, threads, cpu::kernel_targets().front().name,
             options.accumulate ? ", accumulating gradients" : "");
  fmt::print("loss {:.4f}, {} kernel calls, medians of {} steps\n", step.loss, profile.size(), options.steps);
  fmt::print("products              {:9.1f} GFLOP per step\n", flops / 1e9);
  fmt::print("forward               {:9.1f} ms\n", median(times.forward) * 1e3);
  fmt::print("backward              {:9.1f} ms\n", median(times.backward) * 1e3);
  fmt::print("forward + backward    {:9.1f} ms   {:.1f} GFLOP/s\n", whole * 1e3, flops / whole / 1e9);
  fmt::print("optimizer (AdamW)     {:9.1f} ms   {:.2f} GB moved, {:.1f} GB/s\n", update * 1e3, update_bytes / 1e9,
             update_bytes / update / 1e9);
  fmt::print("step                  {:9.1f} ms   {:.0f} tokens/s\n", (whole + update) * 1e3,
             static_cast<double>(options.batch * sequence) / (whole + update));
  const cpu::MemoryReport memory = step.compiled->memory();
  fmt::print("memory                {:9.2f} GiB of the process at its peak ({:.2f} before the first step)\n",
             resident / (1 << 30), process_bytes_before / (1 << 30));
  fmt::print("intermediate values   {:9.1f} MiB in the arena, {:.1f} MiB without sharing, {:.1f} MiB of constants\n",
             static_cast<double>(memory.arena_bytes) / (1 << 20),
             static_cast<double>(memory.unplanned_bytes) / (1 << 20),
             static_cast<double>(memory.constant_bytes) / (1 << 20));
  if (options.profile) print_profile(profile);

  const double fma_peak = cpu::measure_fma_peak_gflops(threads);
  const std::vector<Counted> products = step_products(step.config, options.batch, sequence);
  const double product_seconds = measure_products(products, threads, options.profile);
  double counted_flops = 0;
  for (const Counted& counted : products) counted_flops += static_cast<double>(counted.count) * counted.product.flops();
  const double product_peak = counted_flops / product_seconds / 1e9;
  fmt::print("\nthe same products alone  {:9.1f} GFLOP/s   forward + backward reaches {:.1f} % of it\n", product_peak,
             100 * flops / whole / 1e9 / product_peak);
  fmt::print("multiply-add in registers{:9.1f} GFLOP/s   forward + backward reaches {:.1f} % of it\n", fma_peak,
             100 * flops / whole / 1e9 / fma_peak);
  return {};
}

}  // namespace
}  // namespace millwright

int main(int argc, char** argv) {
  millwright::Options options;
  CLI::App app("One training step against the machine's own matrix-product speed");
  app.add_option("--model", options.model, "A preset")->capture_default_str();
  app.add_option("--batch", options.batch, "Sequences of a step")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  app.add_option("--sequence", options.sequence, "Tokens of a sequence; the model's by default")
      ->check(CLI::Range(1, 1 << 20));
  app.add_option("--threads", options.threads, "All by default")->check(CLI::Range(1, 1 << 20));
  app.add_option("--steps", options.steps, "Measured steps")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  app.add_flag("--accumulate", options.accumulate, "Add gradients to their buffers");
  app.add_flag("--listing", options.listing, "Print the kernel calls of a step and stop");
  app.add_flag("--profile", options.profile, "Print time by kernel, the slowest calls, and the products alone");
  if (const auto code = millwright::bench::parse_command_line(app, "step", argc, argv)) return *code;
  const millwright::Status status = millwright::run(options);
  if (status) return 0;
  return millwright::bench::report_error("step", status.error());
}
