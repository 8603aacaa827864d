// `millwright mil run`: one function of a program on arrays or random numbers.

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <string>
#include <vector>

#include "ane/rules/weight_record.h"
#include "base/log.h"
#include "base/memory_usage.h"
#include "chip_choice.h"
#include "commands.h"
#include "common_options.h"
#include "cpu/function_run.h"
#include "cpu/reference_run.h"
#include "cpu/runtime_sizes.h"
#include "device/emulated/engine_run.h"
#include "mil/interpreter/interpreter.h"
#include "mil/labels.h"
#include "mil/npy_file.h"
#include "mil/specialize.h"
#include "mil/verifier.h"
#include "mil_commands.h"
#include "mil_input.h"
#include "mil_run_inputs.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

struct RunCommand {
  ProgramInput program;
  std::string function;
  std::vector<std::string> inputs;    // NAME=FILE
  std::vector<std::string> shapes;    // NAME=SIZE,SIZE,...
  std::vector<std::string> expected;  // NAME=FILE
  std::string device = "cpu";
  ChipChoice chip;
  std::string numerics = "fast";
  bool strict = false;
  std::string out;
  int64_t seed = 0;
  int64_t runs = 1;
  double tolerance = 1e-3;
  bool json = false;
  Threads threads;
};

// The arrays of NAME=FILE words; every name must be one of `known`.
Result<Arrays> read_arrays(const std::string& option, const std::vector<std::string>& words,
                           const std::vector<std::string>& known) {
  Arrays arrays;
  for (const std::string& word : words) {
    const size_t cut = word.find('=');
    if (cut == std::string::npos) return fail("{}: expected NAME=FILE, found \"{}\"", option, word);
    const std::string name = word.substr(0, cut);
    if (std::ranges::find(known, name) == known.end()) {
      return fail("{}: the function has no {}; it has {}", option, name, fmt::join(known, ", "));
    }
    if (arrays.contains(name)) return fail("{}: {} is given twice", option, name);
    MW_ASSIGN(mil::Literal array, mil::read_npy(word.substr(cut + 1)));
    arrays.emplace(name, std::move(array));
  }
  return arrays;
}

// Every file that the program refers to, as it stands.
Result<std::vector<device::WeightFile>> weight_files_of(const mil::Program& program, mil::WeightFiles& files) {
  std::map<std::string, std::span<const std::byte>> found;
  for (const ane::WeightUse& use : ane::weight_uses(program)) {
    MW_ASSIGN(found[use.path()], files.bytes(use.path()));
  }
  std::vector<device::WeightFile> all;
  for (const auto& [path, bytes] : found) all.push_back({path, bytes});
  return all;
}

Result<mil::Function*> find_function(const mil::Program& program, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& function : program.functions()) names.push_back(function->name());
  if (names.empty()) return fail("the program has no functions, so there is nothing to run");
  if (name.empty() && names.size() == 1) return program.functions().front().get();
  const std::string wanted = name.empty() ? "main" : name;
  if (mil::Function* function = program.function(wanted)) return function;
  return fail("--function: the program has no function {}; it has {}", wanted, fmt::join(names, ", "));
}

std::vector<std::string> input_names(const mil::Function& function) {
  std::vector<std::string> names;
  for (const auto& input : function.inputs()) names.push_back(input->name());
  return names;
}

// What a run leaves: its results, then the states.
struct Output {
  std::string name;
  mil::Literal value;
};

std::vector<Output> outputs_of(const mil::Function& function, const cpu::FunctionRun& run) {
  std::vector<Output> outputs;
  for (size_t i = 0; i < run.results.size(); ++i) outputs.push_back({function.results()[i]->name(), run.results[i]});
  size_t state = 0;
  for (const auto& input : function.inputs()) {
    if (cpu::is_state(input->type())) outputs.push_back({input->name(), run.states[state++]});
  }
  return outputs;
}

std::vector<std::string> output_names(const mil::Function& function) {
  std::vector<std::string> names;
  for (const mil::Value* result : function.results()) names.push_back(result->name());
  for (const auto& input : function.inputs()) {
    if (cpu::is_state(input->type())) names.push_back(input->name());
  }
  return names;
}

// The function for inputs of known sizes: `declared` itself where nothing in it is open, else one that `own` keeps.
Result<const mil::Function*> closed_function(const mil::Function& declared, const std::vector<mil::Type>& types,
                                             const RunCommand& options, std::unique_ptr<mil::Function>& own) {
  if (mil::is_static(declared)) return &declared;
  MW_ASSIGN(own, mil::specialize(declared, types));
  if (options.device != "emulated") return own.get();
  if (Status closed = mil::check_static(*own); !closed) {
    return fail("{}; the engine needs all sizes before it runs: try --device cpu", closed.error().message);
  }
  return own.get();
}

// The same for sizes that hang on the inputs' numbers. `settled` counts the operations with such a size.
Result<const mil::Function*> settled_function(const mil::Function& function, const std::vector<mil::Literal>& inputs,
                                              std::unique_ptr<mil::Function>& own, size_t& settled) {
  if (mil::is_static(function)) return &function;
  MW_ASSIGN(cpu::SettledFunction found, cpu::settle_sizes(function, inputs));
  own = std::move(found.function);
  settled = found.settled;
  return own.get();
}

Result<std::vector<mil::Literal>> gather_inputs(const mil::Function& function, const Arrays& arrays, int64_t seed) {
  std::vector<mil::Literal> inputs;
  for (size_t i = 0; i < function.inputs().size(); ++i) {
    const mil::Value& input = *function.inputs()[i];
    const auto given = arrays.find(input.name());
    MW_ASSIGN(mil::Literal array,
              given != arrays.end() ? converted_array(input, given->second) : random_array(input, seed, i));
    inputs.push_back(std::move(array));
  }
  return inputs;
}

Result<cpu::FunctionRun> run_on(const std::string& device, const mil::Function& function,
                                const std::vector<mil::Literal>& inputs, int64_t runs) {
  if (device == "reference") return cpu::run_reference(function, inputs, runs);
  Result<cpu::FunctionRun> run = cpu::run_function(function, inputs, runs);
  const auto is_interpreted = [](const auto& operation) { return mil::is_interpreted(operation->kind()); };
  const bool can_be_interpreted = std::ranges::all_of(function.block().operations(), is_interpreted);
  if (!run && run.error().kind == ErrorKind::invalid_input && can_be_interpreted) {
    run.error().message += "; --device reference may run it, slowly";
  }
  return run;
}

Status write_outputs(const std::vector<Output>& outputs, const std::string& folder) {
  MW_TRY(make_directories(folder));
  for (const auto& [name, value] : outputs) {
    if (name.find('/') != std::string::npos) return fail("--out: the result {} has no name for a file", name);
    MW_TRY(mil::write_npy(Path(folder) / (name + ".npy"), value));
  }
  return {};
}

Json inputs_json(const mil::Function& function) {
  Json inputs = Json::object();
  for (const auto& input : function.inputs()) inputs[input->name()] = mil::type_text(input->type());
  return inputs;
}

Json types_json(std::span<const Output> outputs) {
  Json types = Json::object();
  for (const Output& output : outputs) types[output.name] = mil::type_text(output.value.type());
  return types;
}

Json json_of(const cpu::Deviation& deviation) {
  return {{"deviation", deviation.largest},
          {"element", deviation.index},
          {"found", deviation.found},
          {"expected", deviation.expected}};
}

Json report(const mil::Function& function, const cpu::FunctionRun& run, std::span<const Output> outputs,
            const std::string& device) {
  const double total = std::accumulate(run.run_seconds.begin(), run.run_seconds.end(), 0.0);
  Json facts = {{"function", function.name()},
                {"device", device},
                {"inputs", inputs_json(function)},
                {"results", types_json(outputs.first(run.results.size()))},
                {"states", types_json(outputs.subspan(run.results.size()))},
                {"runs", run.run_seconds.size()},
                {"compile_seconds", run.compile_seconds},
                {"best_seconds", *std::ranges::min_element(run.run_seconds)},
                {"mean_seconds", total / static_cast<double>(run.run_seconds.size())},
                {"arena_bytes", run.memory.arena_bytes},
                {"constant_bytes", run.memory.constant_bytes},
                {"workspace_bytes", run.memory.workspace_bytes},
                {"process_bytes", peak_resident_bytes()}};
  if (run.states.empty()) facts.erase("states");
  if (device == "reference") {
    for (const char* key : {"compile_seconds", "arena_bytes", "constant_bytes", "workspace_bytes"}) facts.erase(key);
  }
  return facts;
}

// Everything the options ask of the emulated engine; an error where they are given to another device.
Result<device::DeviceOptions> engine_options(const RunCommand& options) {
  MW_ASSIGN(const device::Numerics numerics, device::numerics_from_name(options.numerics));
  const RunCommand unset;
  const bool is_asked = options.chip.is_given() || options.numerics != unset.numerics || options.strict;
  if (options.device != "emulated" && is_asked) {
    return fail("--chip, --profile, --numerics and --strict are for --device emulated");
  }
  MW_TRY(options.chip.check());
  device::DeviceOptions asked;
  if (!options.chip.chip.empty()) asked.chip = options.chip.chip;
  asked.profile = options.chip.profile;
  asked.numerics = numerics;
  asked.strict = options.strict;
  return asked;
}

// What the engine would take, by the cost model: predicted, never measured.
Json predicted_json(const device::EngineRun& engine) {
  const device::EngineMeter& meter = engine.predicted;
  const auto runs = static_cast<double>(meter.evaluations);
  return {{"compile_seconds", meter.compile_seconds},
          {"load_seconds", meter.load_seconds},
          {"seconds", meter.evaluate_seconds / runs},
          {"joules", meter.joules / runs}};
}

Status run_run(const RunCommand& options) {
  options.threads.apply();
  if (!(options.tolerance >= 0)) return fail("--tolerance: expected 0 or more, found {}", options.tolerance);
  if (options.device != "cpu" && options.device != "emulated" && options.device != "reference") {
    return fail("--device: expected cpu, emulated or reference, found \"{}\"", options.device);
  }
  MW_ASSIGN(const device::DeviceOptions engine_asked, engine_options(options));
  MW_ASSIGN(mil::ProgramSource source, options.program.read_correct());
  MW_ASSIGN(mil::Function* const declared, find_function(*source.program, options.function));
  // The engine's compiler reads weight files in its own way, right or wrong.
  const bool engine_reads = options.device == "emulated" && mil::is_static(*declared);
  mil::WeightFiles files(source.folder);
  std::vector<device::WeightFile> weights;
  if (engine_reads) {
    MW_ASSIGN(weights, weight_files_of(*source.program, files));
  } else {
    MW_TRY(load_weights(source));
  }
  if (Status verified = mil::verify(*source.program); !verified) {
    return tl::unexpected(with_context(std::move(verified.error()), source.name));
  }
  for (const std::string& name : mil::replace_labels(*declared)) {
    log_info("result {}: labels are not computed; the probabilities are a result instead", name);
  }
  MW_ASSIGN(const Arrays arrays, read_arrays("--input", options.inputs, input_names(*declared)));
  MW_ASSIGN(const std::vector<mil::Type> types, input_types(*declared, arrays, options.shapes));
  std::unique_ptr<mil::Function> own;
  MW_ASSIGN(const mil::Function* function, closed_function(*declared, types, options, own));
  MW_TRY(cpu::check_memory(*function));
  MW_ASSIGN(const std::vector<mil::Literal> inputs, gather_inputs(*function, arrays, options.seed));
  size_t settled = 0;
  std::unique_ptr<mil::Function> own_settled;
  if (options.device == "cpu") {
    MW_ASSIGN(function, settled_function(*function, inputs, own_settled, settled));
  }
  MW_ASSIGN(const Arrays expected, read_arrays("--compare", options.expected, output_names(*function)));
  device::EngineRun engine;
  if (options.device == "emulated") {
    MW_ASSIGN(engine, device::run_on_engine(*function, inputs, options.runs, engine_asked, weights));
  } else {
    MW_ASSIGN(engine.run, run_on(options.device, *function, inputs, options.runs));
  }
  const cpu::FunctionRun& run = engine.run;

  const std::vector<Output> outputs = outputs_of(*function, run);
  Json facts = report(*function, run, outputs, options.device);
  if (settled > 0) facts["run_time_sizes"] = settled;
  if (options.device == "emulated") {
    facts["chip"] = engine.chip;
    facts["numerics"] = options.numerics;
    facts["predicted"] = predicted_json(engine);
    for (const std::string& warning : engine.warnings) fmt::print(stderr, "millwright mil run: {}\n", warning);
    if (options.json) facts["warnings"] = engine.warnings;
  }
  Status agreement;
  for (const auto& [name, value] : outputs) {
    const auto wanted = expected.find(name);
    if (wanted == expected.end()) continue;
    Result<cpu::Deviation> deviation = cpu::deviation(value, wanted->second);
    if (!deviation) return tl::unexpected(with_context(std::move(deviation.error()), "--compare " + name));
    facts["compared"][name] = json_of(*deviation);
    if (deviation->largest <= options.tolerance || !agreement) continue;
    agreement = fail("{}: element {} is {:g}, expected {:g}: a deviation of {:g}, with a tolerance of {:g}", name,
                     deviation->index, deviation->found, deviation->expected, deviation->largest, options.tolerance);
  }
  if (!options.out.empty()) MW_TRY(write_outputs(outputs, options.out));
  options.json ? print_json(facts) : print_facts(facts, {"inputs", "results", "states", "compared"});
  return agreement;
}

// Takes one word each time it stands on the command line.
void add_words(Command& command, const std::string& name, std::vector<std::string>& words, const std::string& shown,
               const std::string& help) {
  Command::Option& added = command.option(name, shown, help, [&words](const Command::Values& values) -> Status {
    words = values;
    return {};
  });
  added.parsed->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

}  // namespace

void add_mil_run(CommandTree& tree) {
  Command& command = tree.add("mil run", "Run a function of a program on the CPU",
                              "  millwright mil run model.mlpackage --runs 10\n"
                              "  millwright mil run model.mil --input x=x.npy --out results\n"
                              "  millwright mil run model.mil --shape x=1,3,224,224 --device reference\n"
                              "  millwright mil run model.mil --device emulated --chip m4\n"
                              "  millwright mil run model.mil --input x=x.npy --compare y=y.npy --tolerance 0.01\n");
  auto options = std::make_shared<RunCommand>();
  options->program.add_to(command);
  options->program.add_weights_to(command);
  command.text("--function", options->function, "NAME", "The function; without it, main or the only one");
  add_words(command, "--input", options->inputs, "NAME=FILE",
            "An input from an .npy file; others are random, states 0");
  add_words(command, "--shape", options->shapes, "NAME=SIZES",
            "Sizes of an input that leaves them open, such as x=1,3,224,224");
  command
      .text(
          "--device", options->device, "DEVICE",
          "cpu, emulated: the Neural Engine of --chip, or reference: the slow interpreter that kernels are checked by")
      .words = {"cpu", "emulated", "reference"};
  options->chip.add_to(command, "--chip", "The emulated engine, with variants: m4+macos26; m4 where none is named");
  command.text("--numerics", options->numerics, "KIND", "Of the emulated engine: fast, or faithful rounding, slowly")
      .words = {"fast", "faithful"};
  command.flag("--strict", options->strict, "Refuse what the engine would silently get wrong");
  command.integer("--seed", options->seed, "Of the random inputs", 0);
  command.integer("--runs", options->runs, "How often to run", 1, 1'000'000);
  command.text("--out", options->out, "DIR", "Folder for the results and states, NAME.npy each");
  add_words(command, "--compare", options->expected, "NAME=FILE",
            "A result or state that must be that of an .npy file");
  command.number("--tolerance", options->tolerance, "Most that |found - expected| / max(1, |expected|) may be");
  options->threads.add_to(command);
  command.flag("--json", options->json, "Print JSON");
  command.on_run([options] { return run_run(*options); });
}

}  // namespace millwright::app
