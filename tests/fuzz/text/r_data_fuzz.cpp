// Any bytes as R's serialized data, plain and compressed. The first byte chooses the entrance.
#include <cstdint>

#include "fuzz_file.h"
#include "text/r_data.h"
#include "text/utf8.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  if (size == 0) return 0;
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data) + 1, size - 1);
  switch (data[0] % 4) {
    case 0:
      (void)text::parse_r_index(bytes, "fuzz");
      break;
    case 1: {
      const auto strings = text::parse_r_character_vector(bytes, "fuzz");
      if (!strings) break;
      for (const std::string& string : *strings) require(text::find_invalid_utf8(string) == std::string_view::npos);
      break;
    }
    case 2:
      (void)text::inflate_r_chunk(bytes, "fuzz");
      break;
    default: {
      const auto inflated = text::inflate_bytes(bytes, 1 << 20, "fuzz");
      if (inflated) require(inflated->size() <= 1 << 20);
    }
  }
  return 0;
}
