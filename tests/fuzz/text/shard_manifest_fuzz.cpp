// Any bytes as shards.json.
#include <cstdint>

#include "fuzz_file.h"
#include "text/shard_set.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace millwright;
  static const FuzzFolder folder;
  folder.write(text::kManifestName, {reinterpret_cast<const char*>(data), size});
  const auto manifest = text::read_manifest(folder.path());
  if (!manifest) {
    require(manifest.error().message.find('\n') == std::string::npos);
    return 0;
  }
  require(manifest->identity.vocabulary_size >= 1 && manifest->delimiter < manifest->identity.vocabulary_size);
  for (const std::string& name : manifest->train_files) require(name.find('/') == std::string::npos);
  (void)text::ShardSet::open(folder.path());
  return 0;
}
