// Any bytes as a shard. The first byte says whether the checksums are made right, so that what lies behind them is
// reached.
#include <algorithm>
#include <cstdint>
#include <vector>

#include "fuzz_file.h"
#include "text/shard.h"

namespace {

void put_hash(std::string& content, size_t at, size_t begin, size_t length) {
  const std::string digits = millwright::hash_bytes(millwright::as_bytes(content).subspan(begin, length));
  for (size_t i = 0; i < 16; ++i) content[at + i] = static_cast<char>(std::stoi(digits.substr(2 * i, 2), nullptr, 16));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  static const FuzzFolder folder;
  if (size == 0) return 0;
  std::string content(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) != 0 && content.size() >= text::kShardHeaderBytes) {
    put_hash(content, 64, text::kShardHeaderBytes, content.size() - text::kShardHeaderBytes);
    put_hash(content, 80, 0, 80);
  }
  const auto shard = text::Shard::open(folder.write("fuzz.shard", content));
  if (!shard) return 0;
  std::vector<int32_t> tokens(shard->size());
  shard->copy(0, tokens);
  for (const int32_t id : tokens) require(id >= 0 && id < shard->identity().vocabulary_size);
  return 0;
}
