// Continues a prompt with a trained model: tokens by a Sampler from a Decoder's logits, text as it comes, never cut
// inside a character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/function_ref.h"
#include "base/result.h"
#include "device/device.h"
#include "generate/sampler.h"
#include "text/tokenizer.h"

namespace millwright::generate {

struct GenerateOptions {
  Path model = {};          // folder with config.json and model.safetensors
  std::string prompt = {};  // UTF-8; empty: from the beginning of a text
  int64_t tokens = 256;     // most to generate
  SamplingSettings sampling = {};
};

enum class StopReason {
  end_of_text,   // the model ended the text
  token_limit,   // as many tokens as asked for
  context_full,  // prompt and text fill the model's sequence length
  interrupted,   // by SIGINT or SIGTERM
  reader_gone,   // on_text returned false
};
std::string_view stop_reason_name(StopReason reason);  // "end of text", …

struct Generation {
  std::string text;             // behind the prompt
  std::vector<int32_t> tokens;  // of that text, without the mark that ended it
  int64_t prompt_tokens = 0;    // the mark at the beginning included
  StopReason stop = StopReason::token_limit;
  double prompt_seconds = 0;  // reading the prompt
  double seconds = 0;         // generating
};

// Gets every piece of new text; false stops.
using OnText = FunctionRef<bool(std::string_view)>;

// Fails where the prompt is longer than the model's sequence, or the tokenizer has more tokens than the model.
Result<Generation> generate(const GenerateOptions& options, const text::Tokenizer& tokenizer, device::Device& device,
                            OnText on_text);

}  // namespace millwright::generate
