// What the parser keeps so that text which repeats is made into objects once: words and strings, types, and the kinds
// of operations. Each is a small table in which a newer entry replaces an older one of the same slot: a miss costs
// time, never memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "mil/registry.h"
#include "mil/shared_text.h"
#include "mil/type.h"

namespace millwright::mil {

class TextCache {
 public:
  const SharedText& get(std::string_view text) { return get(text, hash_text(text)); }
  const SharedText& get(std::string_view text, uint32_t hash) {
    Entry& entry = entries_[hash % kEntries];
    if (entry.hash != hash || entry.text.view() != text) entry = {hash, SharedText(text, hash)};
    return entry.text;
  }

 private:
  struct Entry {
    uint32_t hash = 0;  // beside the text: a look at another entry's costs a cache miss
    SharedText text;
  };
  static constexpr size_t kEntries = 512;
  std::array<Entry, kEntries> entries_;
};

// Types by their spelling, which must be on one line and without comments.
class TypeCache {
 public:
  const Type* find(std::string_view text, uint32_t hash) const {
    const Entry& entry = entries_[hash % kEntries];
    return entry.type && entry.hash == hash && entry.text == text ? &*entry.type : nullptr;
  }
  // The text must outlive the cache.
  void insert(std::string_view text, uint32_t hash, const Type& type) {
    entries_[hash % kEntries] = {text, hash, type};
  }

 private:
  struct Entry {
    std::string_view text;
    uint32_t hash = 0;
    std::optional<Type> type;
  };
  static constexpr size_t kEntries = 512;
  std::array<Entry, kEntries> entries_;
};

class KindCache {
 public:
  struct Entry {
    SharedText name;
    const OperationDefinition* definition = nullptr;  // none: unknown
  };
  const Entry& get(std::string_view name) {
    const uint32_t hash = hash_text(name);
    Entry& entry = entries_[hash % kEntries];
    if (entry.name.hash() != hash || entry.name.view() != name) {
      entry = {SharedText(name, hash), find_definition(name)};
    }
    return entry;
  }

 private:
  static constexpr size_t kEntries = 256;
  std::array<Entry, kEntries> entries_;
};

}  // namespace millwright::mil
