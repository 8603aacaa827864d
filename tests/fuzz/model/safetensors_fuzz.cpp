// Any bytes as a safetensors file: parsing fails with one line, or every tensor it reports lies inside the bytes, is as
// long as its shape says and can be read to its end.
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  const std::span file(reinterpret_cast<const std::byte*>(data), size);
  const auto header = model::parse_safetensors(file, "input");
  if (!header) {
    const std::string& message = header.error().message;
    MW_CHECK(!message.empty() && message.find('\n') == std::string::npos, "message \"{}\"", message);
    return 0;
  }
  size_t covered = 0;
  unsigned sum = 0;
  for (const model::SafetensorsEntry& entry : header->entries) {
    MW_CHECK(entry.begin <= entry.end && entry.end <= size, "[{}, {}] of {}", entry.begin, entry.end, size);
    MW_CHECK(entry.count() >= 0 && static_cast<uint64_t>(entry.count()) <= entry.end - entry.begin, "{} elements",
             entry.count());
    covered += entry.end - entry.begin;
    for (size_t i = entry.begin; i < entry.end; ++i) sum += std::to_integer<unsigned>(file[i]);
  }
  MW_CHECK(covered < size, "{} bytes of {}", covered, size);
  MW_CHECK(sum <= covered * 255, "sum {}", sum);
  return 0;
}
