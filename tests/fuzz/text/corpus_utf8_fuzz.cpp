// Any bytes as a corpus file: accepted exactly when they are UTF-8 with text in it, and documents lie inside the file.
#include <cstdint>

#include "fuzz_file.h"
#include "text/corpus.h"
#include "text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  static const FuzzFolder folder;
  const std::string_view content(reinterpret_cast<const char*>(data), size);
  const auto corpus = text::open_corpus(folder.write("fuzz.txt", content));
  const size_t invalid = text::find_invalid_utf8(content);
  require(invalid == std::string_view::npos || invalid < size);
  if (!corpus) return 0;
  require(invalid == std::string_view::npos);
  text::CorpusReader reader(*corpus);
  size_t last_end = 0;
  for (const text::Document& document : corpus->documents()) {
    require(document.begin >= last_end && document.begin < document.end && document.end <= size);
    last_end = document.end;
    const auto text = reader.read(document);
    require(text.has_value() && text->text == content.substr(document.begin, document.size()));
    require(text::find_invalid_utf8(text->text) == std::string_view::npos);
    require(text::cut_before(text->text, text->text.size() / 2) <= text->text.size() / 2);
  }
  return 0;
}
