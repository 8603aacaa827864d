#include "generate/generate.h"

#include <algorithm>
#include <chrono>

#include "base/signals.h"
#include "generate/decoder.h"
#include "model/llama_config.h"
#include "model/weights.h"
#include "text/utf8.h"

namespace millwright::generate {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Caches grow in these steps, so that asking for a few tokens more does not change the sizes that programs sum over.
constexpr int64_t kCapacityStep = 256;

int64_t cache_capacity(int64_t wanted, int64_t sequence_length) {
  return std::min(sequence_length, (wanted + kCapacityStep - 1) / kCapacityStep * kCapacityStep);
}

Status check_prompt(const std::string& prompt) {
  const size_t bad = text::find_invalid_utf8(prompt);
  if (bad == std::string::npos) return {};
  return fail("the prompt is not UTF-8 text: byte {} is 0x{:02x}", bad, static_cast<unsigned char>(prompt[bad]));
}

Result<std::vector<int32_t>> prompt_tokens(const text::Tokenizer& tokenizer, const std::string& prompt) {
  std::vector<int32_t> tokens;
  if (tokenizer.bos() >= 0) tokens.push_back(tokenizer.bos());
  const std::vector<int32_t> encoded = tokenizer.encode(prompt);
  tokens.insert(tokens.end(), encoded.begin(), encoded.end());
  // Without a mark for the beginning, the one for the end is what stood before the next text in training.
  if (tokens.empty() && tokenizer.eos() >= 0) tokens.push_back(tokenizer.eos());
  if (tokens.empty()) return fail("the prompt is empty, and the tokenizer has no token to begin a text; give a prompt");
  return tokens;
}

bool ends_text(const text::Tokenizer& tokenizer, int32_t token) {
  return token == tokenizer.eos() || token == tokenizer.bos();
}

// The state of one generation between tokens.
class Continuation {
 public:
  Continuation(Decoder& decoder, const text::Tokenizer& tokenizer, const GenerateOptions& options, OnText on_text)
      : decoder_(decoder), tokenizer_(tokenizer), options_(options), on_text_(on_text), stream_(tokenizer) {}

  Result<Generation> run(std::span<const int32_t> prompt) {
    const auto start = Clock::now();
    MW_TRY(decoder_.feed(prompt));
    result_.prompt_tokens = static_cast<int64_t>(prompt.size());
    result_.prompt_seconds = seconds_since(start);
    // The stream has to see the prompt to know whether the next piece's leading space belongs to the text.
    for (const int32_t token : prompt) stream_.push(token);

    const auto generation_start = Clock::now();
    MW_ASSIGN(result_.stop, extend());
    const std::string rest = stream_.finish();
    if (result_.stop != StopReason::reader_gone) emit(rest);
    result_.seconds = seconds_since(generation_start);
    return std::move(result_);
  }

 private:
  Result<StopReason> extend() {
    Sampler sampler(options_.sampling);
    const auto known = static_cast<size_t>(tokenizer_.vocabulary_size());
    while (static_cast<int64_t>(result_.tokens.size()) < options_.tokens) {
      if (interrupted()) return StopReason::interrupted;
      // Rows of the model without a token in the tokenizer are never chosen.
      const std::span<const float> logits = decoder_.logits();
      MW_ASSIGN(const int32_t token, sampler.sample(logits.first(std::min(known, logits.size()))));
      if (ends_text(tokenizer_, token)) return StopReason::end_of_text;
      result_.tokens.push_back(token);
      if (!emit(stream_.push(token))) return StopReason::reader_gone;
      if (static_cast<int64_t>(result_.tokens.size()) == options_.tokens) break;
      if (decoder_.position() == decoder_.capacity()) return StopReason::context_full;
      MW_TRY(decoder_.feed({&token, 1}));
    }
    return StopReason::token_limit;
  }

  bool emit(const std::string& piece) {
    result_.text += piece;
    return piece.empty() || on_text_(piece);
  }

  Decoder& decoder_;
  const text::Tokenizer& tokenizer_;
  const GenerateOptions& options_;
  OnText on_text_;
  text::StreamDecoder stream_;
  Generation result_;
};

}  // namespace

std::string_view stop_reason_name(StopReason reason) {
  switch (reason) {
    case StopReason::end_of_text:
      return "end of text";
    case StopReason::token_limit:
      return "token limit";
    case StopReason::context_full:
      return "context full";
    case StopReason::interrupted:
      return "interrupted";
    case StopReason::reader_gone:
      return "reader gone";
  }
  return "unknown";
}

Result<Generation> generate(const GenerateOptions& options, const text::Tokenizer& tokenizer, device::Device& device,
                            OnText on_text) {
  MW_TRY(validate(options.sampling));
  if (options.tokens < 1) return fail("tokens {}: expected 1 or more", options.tokens);
  MW_TRY(check_prompt(options.prompt));
  MW_ASSIGN(const model::LlamaConfig config, model::read_config(options.model / model::kConfigFileName));
  if (tokenizer.vocabulary_size() > config.vocabulary_size) {
    return fail("{}: the model knows {} tokens, but the tokenizer has {}; use the tokenizer it was trained with",
                options.model.string(), config.vocabulary_size, tokenizer.vocabulary_size());
  }
  MW_ASSIGN(const std::vector<int32_t> prompt, prompt_tokens(tokenizer, options.prompt));
  const auto prompt_length = static_cast<int64_t>(prompt.size());
  if (prompt_length > config.sequence_length) {
    return fail("the prompt has {} tokens, but the model takes at most {}; shorten the prompt", prompt_length,
                config.sequence_length);
  }
  const int64_t wanted = prompt_length + std::min(options.tokens, config.sequence_length);
  const int64_t capacity = cache_capacity(wanted, config.sequence_length);
  MW_ASSIGN(auto decoder, Decoder::open(options.model, config, capacity, device));
  return Continuation(*decoder, tokenizer, options, on_text).run(prompt);
}

}  // namespace millwright::generate
