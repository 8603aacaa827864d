// `millwright generate`: text from a trained model, as it comes.

#include "generate/generate.h"

#include <fmt/format.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/log.h"
#include "base/signals.h"
#include "commands.h"
#include "common_options.h"
#include "device/open_device.h"
#include "output.h"
#include "text/corpus.h"
#include "text/statistics.h"
#include "tokenizer_path.h"
#include "train/checkpoint.h"

namespace millwright::app {
namespace {

constexpr const char* kExamples =
    "  millwright generate --model run --prompt \"It was\"\n"
    "  millwright generate --model run --prompt \"She said\" --tokens 100 --temperature 0\n"
    "  millwright generate --model run --prompt \"The sea\" --top-k 40 --seed 7 --json\n";

struct GenerateCommand {
  generate::GenerateOptions options;
  std::string model;
  std::string tokenizer;
  std::vector<std::string> words_of;
  std::string device = "cpu";
  int64_t seed = 1;
  bool json = false;
  Threads threads;
  Verbosity verbosity;
};

// The corpus named by --words-of; nothing without that flag.
Result<std::optional<text::Corpus>> word_corpus(const GenerateCommand& command) {
  if (command.words_of.empty()) return std::nullopt;
  Result<text::Corpus> corpus = text::open_corpus(std::vector<Path>(command.words_of.begin(), command.words_of.end()));
  if (!corpus) return tl::unexpected(with_context(std::move(corpus.error()), "--words-of"));
  return std::move(*corpus);
}

// The share of the text's words that occur in the corpus.
Result<std::optional<double>> known_words(const std::optional<text::Corpus>& corpus,
                                          const generate::Generation& generation) {
  if (!corpus) return std::nullopt;
  MW_ASSIGN(const double share, text::known_word_fraction(generation.text, *corpus));
  return share;
}

nlohmann::ordered_json generation_json(const GenerateCommand& command, const generate::Generation& generation) {
  return {{"model", command.options.model.string()},
          {"prompt", command.options.prompt},
          {"text", generation.text},
          {"tokens", generation.tokens},
          {"prompt_tokens", generation.prompt_tokens},
          {"stop", generate::stop_reason_name(generation.stop)},
          {"prompt_seconds", generation.prompt_seconds},
          {"seconds", generation.seconds}};
}

// A line for people on standard error: how fast it was, and why it ended where that is not what was asked for.
void report(const generate::Generation& generation) {
  const auto count = generation.tokens.size();
  const double rate = generation.seconds > 0 ? static_cast<double>(count) / generation.seconds : 0;
  log_info("{} tokens, {:.0f} tokens/s; stopped: {}", count, rate, generate::stop_reason_name(generation.stop));
}

Status run_generate(GenerateCommand& command) {
  command.verbosity.apply();
  command.threads.apply();
  install_interrupt_handler();
  command.options.sampling.seed = static_cast<uint64_t>(command.seed);
  MW_ASSIGN(command.options.model, train::resolve_model_folder(command.model));
  MW_ASSIGN(const text::Tokenizer tokenizer,
            load_tokenizer(command.tokenizer.empty() ? command.options.model : Path(command.tokenizer)));
  MW_ASSIGN(const std::optional<text::Corpus> corpus, word_corpus(command));
  MW_ASSIGN(auto device, device::open_device(command.device));

  bool prompt_printed = command.json;
  const auto print_piece = [&](std::string_view piece) {
    if (!prompt_printed) prompt_printed = print(command.options.prompt);
    return command.json || print(piece);
  };
  MW_ASSIGN(const generate::Generation generation,
            generate::generate(command.options, tokenizer, *device, print_piece));
  MW_ASSIGN(const std::optional<double> known, known_words(corpus, generation));
  if (command.json) {
    nlohmann::ordered_json facts = generation_json(command, generation);
    if (known) facts["known_words"] = *known;
    print_json(facts);
  } else {
    if (!prompt_printed) print(command.options.prompt);
    print("\n");
  }
  report(generation);
  if (known) log_info("{:.1f} % of its words occur in {}", 100 * *known, fmt::join(command.words_of, ", "));
  if (generation.stop == generate::StopReason::interrupted) {
    return fail(ErrorKind::interrupted, "interrupted after {} tokens", generation.tokens.size());
  }
  return {};
}

}  // namespace

void add_generate(CommandTree& tree) {
  Command& command = tree.add("generate", "Continue a prompt with a trained model", kExamples);
  auto options = std::make_shared<GenerateCommand>();
  generate::SamplingSettings& sampling = options->options.sampling;
  command.text("--model", options->model, "DIR", "Model folder, checkpoint, or run (its newest checkpoint)").required =
      true;
  command.text("--prompt", options->options.prompt, "TEXT", "Text to continue; none: a new text");
  command.integer("--tokens", options->options.tokens, "Most tokens to generate", 1);
  command.number("--temperature", sampling.temperature, "0: always the most likely token; higher: more surprising");
  command.integer("--top-k", sampling.top_k, "Only the N most likely tokens; 0: all", 0);
  command.number("--top-p", sampling.top_p, "Only the most likely tokens that together reach X; 1: all");
  command.integer("--seed", options->seed, "Of the choices; the same seed gives the same text", 0);
  command.text("--tokenizer", options->tokenizer, "PATH", "Tokenizer; none: the one in the model's folder");
  command.texts("--words-of", options->words_of, "PATH", "Say how many of the words occur in these text files");
  command.text("--device", options->device, "NAME", "Where programs run").words = {"cpu"};
  command.flag("--json", options->json, "Print JSON at the end instead of text as it comes");
  options->threads.add_to(command);
  options->verbosity.add_to(command);
  command.on_run([options] { return run_generate(*options); });
}

}  // namespace millwright::app
