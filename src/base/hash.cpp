// XXH3-128 by xxHash; the digits are its canonical (big-endian) form, as `xxhsum -H2` prints them.
#include "base/hash.h"

#include <xxhash.h>

#include "base/check.h"

namespace millwright {

namespace {

std::string to_hex(XXH128_hash_t hash) {
  XXH128_canonical_t canonical;
  XXH128_canonicalFromHash(&canonical, hash);
  std::string text;
  for (const unsigned char byte : canonical.digest) text += fmt::format("{:02x}", byte);
  return text;
}

}  // namespace

std::string hash_bytes(std::span<const std::byte> bytes) { return to_hex(XXH3_128bits(bytes.data(), bytes.size())); }

Result<std::string> hash_file(const Path& path) {
  MW_ASSIGN(const MappedFile file, MappedFile::open(path));
  return hash_bytes(file.bytes());
}

struct Hasher::State {
  XXH3_state_t* xxh = XXH3_createState();
  State() { MW_CHECK(xxh != nullptr && XXH3_128bits_reset(xxh) == XXH_OK, "no memory for a hash state"); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { XXH3_freeState(xxh); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) {}
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;
Hasher::~Hasher() = default;

void Hasher::update(std::span<const std::byte> bytes) {
  if (!bytes.empty()) XXH3_128bits_update(state_->xxh, bytes.data(), bytes.size());
}

std::string Hasher::digest() const { return to_hex(XXH3_128bits_digest(state_->xxh)); }

}  // namespace millwright
