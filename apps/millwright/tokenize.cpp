// `millwright tokenize`: training and looking at tokenizers, text to tokens and back, and shards.

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/signals.h"
#include "commands.h"
#include "common_options.h"
#include "output.h"
#include "text/corpus.h"
#include "text/tokenize_corpus.h"
#include "text/tokenizer.h"
#include "text/train_tokenizer.h"
#include "text/utf8.h"
#include "tokenizer_path.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMostInputBytes = size_t{1} << 28;
constexpr const char* kStandardInput = "standard input";

struct TokenizeCommand {
  std::vector<std::string> data;
  std::string tokenizer;
  std::string out;
  std::string text;
  std::string file;
  int64_t vocabulary = 0;
  int64_t first = 0;
  double validation_fraction = text::TokenizeOptions{}.validation_fraction;
  bool json = false;
  Threads threads;
  Verbosity verbosity;
};
using Options = std::shared_ptr<TokenizeCommand>;

Result<text::Corpus> open_data(const TokenizeCommand& options) {
  return text::open_corpus(std::vector<Path>(options.data.begin(), options.data.end()));
}

Result<std::string> read_standard_input() {
  std::string text;
  char buffer[1 << 16];
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof buffer);
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", kStandardInput, errno);
    text.append(buffer, static_cast<size_t>(count));
    if (text.size() > kMostInputBytes) {
      return fail("{}: expected at most {} bytes; use millwright tokenize shards for large texts", kStandardInput,
                  kMostInputBytes);
    }
  }
}

// --text, --file or standard input.
Result<std::string> input_text(const TokenizeCommand& options) {
  if (!options.text.empty()) return options.text;
  if (!options.file.empty()) return read_text_file(options.file, kMostInputBytes);
  return read_standard_input();
}

Status run_train(const TokenizeCommand& options) {
  options.threads.apply();
  options.verbosity.apply();
  MW_ASSIGN(const text::Corpus corpus, open_data(options));
  const text::TrainTokenizerOptions train_options{.vocabulary_size = static_cast<int>(options.vocabulary)};
  MW_ASSIGN(const text::Tokenizer tokenizer, text::train_tokenizer(corpus, train_options));
  MW_TRY(tokenizer.save(options.out));
  const Json facts = {{"tokenizer", options.out},
                      {"vocabulary_size", tokenizer.vocabulary_size()},
                      {"hash", tokenizer.hash()},
                      {"corpus_bytes", corpus.bytes()},
                      {"corpus_hash", corpus.hash()}};
  options.json ? print_json(facts) : print_facts(facts);
  return {};
}

// ids in text or JSON, with the kind of each piece.
Status run_inspect(const TokenizeCommand& options) {
  options.verbosity.apply();
  MW_ASSIGN(const text::Tokenizer tokenizer, load_tokenizer(options.tokenizer));
  const int size = tokenizer.vocabulary_size();
  const int end = options.first == 0 ? size : static_cast<int>(std::min<int64_t>(options.first, size));
  Json pieces = Json::array();
  for (int id = 0; id < end; ++id) {
    const char* kind = tokenizer.is_control(id)        ? "control"
                       : tokenizer.byte_value(id) >= 0 ? "byte"
                       : id == tokenizer.unknown()     ? "unknown"
                                                       : "text";
    pieces.push_back({{"id", id}, {"kind", kind}, {"piece", tokenizer.piece(id)}});
  }
  if (options.json) {
    print_json(pieces);
    return {};
  }
  for (const Json& piece : pieces) {
    const std::string line = fmt::format("{}\t{}\t{}\n", piece["id"].get<int>(), piece["kind"].get<std::string>(),
                                         piece["piece"].get<std::string>());
    if (!print(line)) break;
  }
  return {};
}

Status run_encode(const TokenizeCommand& options) {
  options.verbosity.apply();
  MW_ASSIGN(const text::Tokenizer tokenizer, load_tokenizer(options.tokenizer));
  MW_ASSIGN(const std::string text, input_text(options));
  const size_t bad = text::find_invalid_utf8(text);
  if (bad != std::string::npos) {
    return fail("the text is not UTF-8: byte {} is 0x{:02x}", bad, static_cast<unsigned char>(text[bad]));
  }
  const std::vector<int32_t> ids = tokenizer.encode(text);
  if (options.json) {
    Json tokens = Json::array();
    for (const int32_t id : ids) tokens.push_back({{"id", id}, {"piece", tokenizer.piece(id)}});
    print_json(tokens);
  } else {
    print(fmt::format("{}\n", fmt::join(ids, " ")));
  }
  return {};
}

// Numbers between white space or commas, as `encode` prints them.
Result<std::vector<int32_t>> read_ids(const std::string& text, int vocabulary_size) {
  std::vector<int32_t> ids;
  constexpr const char* kBetween = " \t\r\n,[]";
  for (size_t begin = text.find_first_not_of(kBetween); begin != std::string::npos;) {
    const size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
    int32_t id = -1;
    const auto [rest, error] = std::from_chars(text.data() + begin, text.data() + end, id);
    if (error != std::errc() || rest != text.data() + end || id < 0 || id >= vocabulary_size) {
      return fail("token number {}: expected an id from 0 to {}, found \"{}\"", ids.size() + 1, vocabulary_size - 1,
                  text.substr(begin, end - begin));
    }
    ids.push_back(id);
    begin = text.find_first_not_of(kBetween, end);
  }
  return ids;
}

Status run_decode(const TokenizeCommand& options) {
  options.verbosity.apply();
  MW_ASSIGN(const text::Tokenizer tokenizer, load_tokenizer(options.tokenizer));
  MW_ASSIGN(const std::string text, input_text(options));
  MW_ASSIGN(const std::vector<int32_t> ids, read_ids(text, tokenizer.vocabulary_size()));
  const std::string decoded = tokenizer.decode(ids);
  options.json ? print_json(Json{{"text", decoded}}) : print(decoded + "\n");
  return {};
}

Status run_shards(const TokenizeCommand& options) {
  options.threads.apply();
  options.verbosity.apply();
  install_interrupt_handler();
  MW_ASSIGN(const text::Tokenizer tokenizer, load_tokenizer(options.tokenizer));
  MW_ASSIGN(const text::Corpus corpus, open_data(options));
  const text::TokenizeOptions tokenize_options{.validation_fraction = options.validation_fraction};
  MW_ASSIGN(const text::ShardSet shards, text::tokenize_corpus(corpus, tokenizer, options.out, tokenize_options));
  const text::ShardManifest& manifest = shards.manifest();
  const Json facts = {{"shards", options.out},
                      {"documents", manifest.documents},
                      {"text_bytes", manifest.text_bytes},
                      {"train_tokens", manifest.train_tokens},
                      {"validation_tokens", manifest.validation_tokens}};
  options.json ? print_json(facts) : print_facts(facts);
  return {};
}

void add_tokenizer_option(Command& command, const Options& options) {
  command.text("--tokenizer", options->tokenizer, "PATH", "Tokenizer file, or a folder with one").required = true;
}

void add_data_option(Command& command, const Options& options) {
  command.texts("--data", options->data, "PATH", "Text files and folders").required = true;
}

void finish(Command& command, const Options& options, Status (*body)(const TokenizeCommand&)) {
  command.flag("--json", options->json, "Print JSON");
  options->verbosity.add_to(command);
  command.on_run([options, body] { return body(*options); });
}

void add_train_command(CommandTree& tree, const Options& options) {
  Command& command = tree.add("tokenize train", "Learn a tokenizer from text",
                              "  millwright tokenize train --data books/ --out tokenizer.model\n"
                              "  millwright tokenize train --data text.txt --vocabulary 4096 --out tokenizer.model\n");
  add_data_option(command, options);
  command.integer("--vocabulary", options->vocabulary, "Tokens to learn; 0: by the size of the text", 0,
                  text::kMaxVocabularySize);
  command.text("--out", options->out, "FILE", "SentencePiece model to write").required = true;
  options->threads.add_to(command);
  finish(command, options, run_train);
}

void add_inspect_command(CommandTree& tree, const Options& options) {
  Command& command = tree.add("tokenize inspect", "List the tokens of a tokenizer",
                              "  millwright tokenize inspect --tokenizer tokenizer.model --first 300\n"
                              "  millwright tokenize inspect --tokenizer run --json\n");
  add_tokenizer_option(command, options);
  command.integer("--first", options->first, "Only the first N; 0: all", 0);
  finish(command, options, run_inspect);
}

void add_encode_command(CommandTree& tree, const Options& options) {
  Command& command = tree.add("tokenize encode", "Text to token ids",
                              "  millwright tokenize encode --tokenizer run --text \"It was a fine day.\"\n"
                              "  millwright tokenize encode --tokenizer tokenizer.model --json < text.txt\n");
  add_tokenizer_option(command, options);
  command.text("--text", options->text, "TEXT", "The text; without it and --file, standard input");
  command.text("--file", options->file, "FILE", "A file with the text");
  finish(command, options, run_encode);
}

void add_decode_command(CommandTree& tree, const Options& options) {
  Command& command = tree.add("tokenize decode", "Token ids to text",
                              "  millwright tokenize decode --tokenizer run --ids \"364 263 1029\"\n"
                              "  millwright tokenize decode --tokenizer tokenizer.model < ids.txt\n");
  add_tokenizer_option(command, options);
  command.text("--ids", options->text, "IDS", "Ids between spaces or commas; without it and --file, standard input");
  command.text("--file", options->file, "FILE", "A file with the ids");
  finish(command, options, run_decode);
}

void add_shards_command(CommandTree& tree, const Options& options) {
  Command& command = tree.add("tokenize shards", "Tokenize a corpus once, for several runs",
                              "  millwright tokenize shards --data books/ --tokenizer tokenizer.model --out shards\n"
                              "  millwright train --data shards --tokenizer tokenizer.model --out run\n");
  add_data_option(command, options);
  add_tokenizer_option(command, options);
  command.text("--out", options->out, "DIR", "Folder for the shards").required = true;
  command.number("--validation-fraction", options->validation_fraction, "Part of the text kept for validation");
  options->threads.add_to(command);
  finish(command, options, run_shards);
}

}  // namespace

void add_tokenize(CommandTree& tree) {
  tree.add("tokenize", "Train and look at tokenizers, encode and decode text, make shards",
           "  millwright tokenize train --data books/ --out tokenizer.model\n"
           "  millwright tokenize encode --tokenizer tokenizer.model --text \"It was\"\n");
  add_train_command(tree, std::make_shared<TokenizeCommand>());
  add_inspect_command(tree, std::make_shared<TokenizeCommand>());
  add_encode_command(tree, std::make_shared<TokenizeCommand>());
  add_decode_command(tree, std::make_shared<TokenizeCommand>());
  add_shards_command(tree, std::make_shared<TokenizeCommand>());
}

}  // namespace millwright::app
