// `millwright eval`: loss and perplexity of a model on text.

#include <memory>
#include <nlohmann/json.hpp>

#include "base/signals.h"
#include "commands.h"
#include "common_options.h"
#include "output.h"
#include "train/evaluate.h"

namespace millwright::app {
namespace {

constexpr const char* kExamples =
    "  millwright eval --model run\n"
    "  millwright eval --model run/checkpoints/update-000200 --data other.txt\n"
    "  millwright eval --model run --data other.txt --json\n";

struct EvalCommand {
  train::EvaluateOptions options;
  std::string model;
  std::string tokenizer;
  bool json = false;
  Threads threads;
  Verbosity verbosity;
};

Status run_eval(EvalCommand& command) {
  command.verbosity.apply();
  command.threads.apply();
  command.options.model = command.model;
  command.options.tokenizer = command.tokenizer;
  MW_ASSIGN(const train::Evaluation evaluation, train::evaluate(command.options));
  const nlohmann::ordered_json facts = {{"model", evaluation.model.string()},
                                        {"loss", evaluation.loss},
                                        {"perplexity", evaluation.perplexity},
                                        {"tokens", evaluation.tokens}};
  command.json ? print_json(facts) : print_facts(facts);
  return {};
}

}  // namespace

void add_eval(CommandTree& tree) {
  Command& command = tree.add("eval", "Measure loss and perplexity of a model on text", kExamples);
  auto options = std::make_shared<EvalCommand>();
  command.text("--model", options->model, "DIR", "Model folder, checkpoint, or run (its newest checkpoint)").required =
      true;
  command.texts("--data", options->options.data, "PATH",
                "Text files, folders, or one folder of shards; none: the run's validation text");
  command.text("--tokenizer", options->tokenizer, "PATH", "Tokenizer; none: the one in the model's folder");
  command.integer("--batch", options->options.batch, "Sequences at a time", 1, 1 << 16);
  command.integer("--sequence", options->options.sequence, "Tokens per sequence; 0: the model's", 0, 1 << 20);
  command.integer("--batches", options->options.batches, "Stop after so many batches; 0: all of the text", 0);
  command.text("--device", options->options.device, "NAME", "Where programs run").words = {"cpu"};
  command.flag("--json", options->json, "Print JSON");
  options->threads.add_to(command);
  options->verbosity.add_to(command);
  command.on_run([options] { return run_eval(*options); });
}

}  // namespace millwright::app
