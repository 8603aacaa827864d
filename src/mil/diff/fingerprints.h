// Fingerprints of the operations of a function that say nothing of names, of labels and of where constants stand: by
// them the operations of two programs are recognized.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mil/diff/literal_contents.h"
#include "mil/ir.h"

namespace millwright::mil {

// The attribute that is a label and no part of an operation's meaning.
inline constexpr std::string_view kLabelAttribute = "name";

// Const operations are no operations here, but parts of those that use them.
inline bool is_folded(const Operation& operation) {
  return operation.is_const() && operation.attribute("val") != nullptr;
}

struct Fingerprint {
  const Operation* operation = nullptr;
  size_t number = 0;         // in the order of the text, nested ones behind their owner, from 1; constants do not count
  uint64_t own = 0;          // kind, constant parameters, names of the others, result types
  uint64_t computation = 0;  // own, and the computation of every operand: what is computed
  uint64_t use = 0;          // own, and the use of every result: what the result is for
};

class Fingerprints {
 public:
  // `input_keys`: one number for each input of the function; inputs of two functions that are one have equal ones.
  Fingerprints(const Function& function, std::span<const uint64_t> input_keys, const LiteralContents& contents);

  // Of a block of the function, in its order.
  const std::vector<Fingerprint>& of(const Block& block) const { return blocks_.at(&block); }

 private:
  // Downwards: own and computation. Returns the hash of the block's results.
  uint64_t describe_block(const Block& block);
  void describe_operation(const Operation& operation, Fingerprint& fingerprint);
  uint64_t computation_of(const Argument& argument) const;
  // Upwards: use.
  void trace_block(const Block& block, uint64_t owner);
  void trace_operation(Fingerprint& fingerprint);
  void add_use(const Argument& argument, uint64_t use);

  const LiteralContents& contents_;
  size_t operations_ = 0;
  std::unordered_map<const Block*, std::vector<Fingerprint>> blocks_;
  std::unordered_map<const Value*, uint64_t> computations_;
  std::unordered_map<const Value*, uint64_t> uses_;  // sums, so that the order of users does not count
};

}  // namespace millwright::mil
