#include "tokenizer_path.h"

#include <filesystem>

#include "train/checkpoint.h"

namespace millwright::app {

Result<text::Tokenizer> load_tokenizer(const Path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return text::Tokenizer::load(path);
  const Path inside = path / train::kTokenizerFileName;
  if (std::filesystem::exists(inside, error)) return text::Tokenizer::load(inside);
  const Result<Path> folder = train::resolve_model_folder(path);
  if (!folder || !std::filesystem::exists(*folder / train::kTokenizerFileName, error)) {
    return fail("{}: expected a folder with {}, or a run with a checkpoint", path.string(), train::kTokenizerFileName);
  }
  return text::Tokenizer::load(*folder / train::kTokenizerFileName);
}

}  // namespace millwright::app
