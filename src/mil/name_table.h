// NameTable: the values of a function by name, one probe per look-up and 16 bytes per slot. Names are compared through
// the values, so nothing is stored twice.
#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "mil/ir.h"

namespace millwright::mil {

// V: Value or const Value.
template <class V>
class NameTable {
 public:
  struct Entry {
    V* value = nullptr;  // none: the slot is free
    uint32_t hash = 0;
    uint32_t line : 31 = 0;
    uint32_t in_scope : 1 = 1;
  };

  // The entry of that name and its hash (hash_text), or nothing. Valid until the next insertion.
  Entry* find(std::string_view name, uint32_t hash) {
    if (slots_.empty()) return nullptr;
    for (size_t slot = hash & mask_;; slot = (slot + 1) & mask_) {
      Entry& entry = slots_[slot];
      if (entry.value == nullptr) return nullptr;
      if (entry.hash == hash && entry.value->name().view() == name) return &entry;
    }
  }

  // Asks for the memory that a look-up of this hash will read.
  void prefetch(uint32_t hash) const {
    if (!slots_.empty()) __builtin_prefetch(&slots_[hash & mask_]);
  }

  // A value whose name is not in the table.
  void insert(V* value, int line = 0) {
    if (4 * (count_ + 1) > 3 * slots_.size()) grow();
    ++count_;
    place({value, value->name().hash(), static_cast<uint32_t>(line) & 0x7fffffffu, 1});
  }

  void clear() {
    slots_.clear();
    count_ = 0;
  }

 private:
  void place(const Entry& entry) {
    size_t slot = entry.hash & mask_;
    while (slots_[slot].value != nullptr) slot = (slot + 1) & mask_;
    slots_[slot] = entry;
  }

  void grow() {
    const std::vector<Entry> old = std::exchange(slots_, std::vector<Entry>(slots_.empty() ? 64 : 2 * slots_.size()));
    mask_ = slots_.size() - 1;
    for (const Entry& entry : old) {
      if (entry.value != nullptr) place(entry);
    }
  }

  std::vector<Entry> slots_;  // a power of two of them, at most three quarters taken
  size_t mask_ = 0;
  size_t count_ = 0;
};

}  // namespace millwright::mil
