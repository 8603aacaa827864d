// A checkpoint's folder in which one file, chosen by the first byte, holds any bytes: refused with one line, or loaded.
// Loading is tried without the hashes too, which would catch nearly every change.
#include <cstdint>
#include <cstdlib>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/files.h"
#include "fuzz/text/fuzz_file.h"
#include "model/llama_config.h"
#include "train/checkpoint.h"
#include "train/tiny_model.h"

namespace {

using namespace millwright;

struct Sample {
  FuzzFolder folder;
  Path checkpoint;
  runtime::ParameterStore store = train::random_store(train::tiny_model(), 1);

  Sample() {
    train::CheckpointState state;
    state.update = 1;
    state.data_hash = state.tokenizer_hash = std::string(32, 'a');
    const Path tokenizer = folder.write("tokenizer.model", "any bytes");
    auto path = train::write_checkpoint(folder.path(), state, train::tiny_model(), tokenizer, store);
    MW_CHECK(path.has_value(), "{}", path.error().message);
    checkpoint = *path;
  }
};

void check_message(const Error& error) {
  MW_CHECK(!error.message.empty() && error.message.find('\n') == std::string::npos, "message \"{}\"", error.message);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const Sample sample;
  static runtime::ParameterStore store = train::empty_store(train::tiny_model());
  if (size == 0) return 0;
  const char* const names[] = {"state.json", "config.json", "model.safetensors", "optimizer.safetensors"};
  const Path file = sample.checkpoint / names[data[0] % 4];
  const std::string original = read_text_file(file, size_t{1} << 30).value();
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::FILE* out = std::fopen(file.c_str(), "wb");
  MW_CHECK(out != nullptr && std::fwrite(bytes.data(), 1, bytes.size(), out) == bytes.size(), "cannot write");
  std::fclose(out);

  if (const auto state = train::verify_checkpoint(sample.checkpoint); !state) check_message(state.error());
  const Status loaded = train::load_checkpoint(sample.checkpoint, train::tiny_model(), store);
  if (!loaded) check_message(loaded.error());

  out = std::fopen(file.c_str(), "wb");
  MW_CHECK(out != nullptr && std::fwrite(original.data(), 1, original.size(), out) == original.size(), "cannot write");
  std::fclose(out);
  return 0;
}
