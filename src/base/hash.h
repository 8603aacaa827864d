// XXH3-128 fingerprints as 32 hexadecimal digits: they tell whether data, tokenizer or weights changed. Not for
// security.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/result.h"

namespace millwright {

std::string hash_bytes(std::span<const std::byte> bytes);
Result<std::string> hash_file(const Path& path);

// The same hash of bytes that come in pieces.
class Hasher {
 public:
  Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;
  ~Hasher();

  void update(std::span<const std::byte> bytes);
  void update(std::string_view text) { update(as_bytes(text)); }
  std::string digest() const;  // of everything so far; more may follow

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace millwright
