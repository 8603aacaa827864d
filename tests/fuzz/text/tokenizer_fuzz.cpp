// Any bytes as a SentencePiece model: loading must fail cleanly, or give a tokenizer whose ids are in its vocabulary.
#include <cstdint>

#include "fuzz_file.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto tokenizer = text::Tokenizer::from_bytes(bytes, "fuzz");
  if (!tokenizer) {
    require(tokenizer.error().message.starts_with("fuzz: "));
    return 0;
  }
  const std::string_view whole(reinterpret_cast<const char*>(data), size);
  for (const std::string_view input :
       {std::string_view("the caf\xC3\xA9 \xE2\x96\x81 <s> 12\n a\xff"), whole.substr(0, 2000)}) {
    const std::vector<int32_t> ids = tokenizer->encode(input);
    for (const int32_t id : ids) require(id >= 0 && id < tokenizer->vocabulary_size());
    require(text::find_invalid_utf8(tokenizer->decode(ids)) == std::string_view::npos);
    tokenizer->encode_continuation(input);
  }
  return 0;
}
