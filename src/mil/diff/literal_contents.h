// What constants hold, whatever form they stand in: inline or in a weight file. One object per program, because the
// same path names different files beside different programs.
#pragma once

#include <cstdint>
#include <string>
#include <unordered_map>

#include "base/result.h"
#include "mil/blob/weight_files.h"
#include "mil/ir.h"

namespace millwright::mil {

// The constant bound to an argument: the literal itself or the value of a const operation; nothing for a computed
// value.
const Literal* constant_of(const Argument& argument);

// Mixes a number into a hash; the order counts.
constexpr uint64_t mixed(uint64_t hash, uint64_t value) {
  uint64_t bits = hash * 0x9e3779b97f4a7c15ull ^ value;
  bits ^= bits >> 32;
  bits *= 0xd6e8feb86659fd93ull;
  return bits ^ bits >> 29;
}
uint64_t hash_type(const Type& type);

// How constants in weight files take part in a comparison.
enum class WeightComparison {
  contents,    // by their elements, so that they may equal an inline constant
  references,  // by path and offset
  ignored,     // by type alone, as are inline constants of more than kStrippedElements elements
};

class LiteralContents {
 public:
  explicit LiteralContents(WeightComparison comparison) : comparison_(comparison) {}

  // Reads every constant of the program that is in a weight file of `files`, which must outlive this object. Needed for
  // `contents` only. The error names the operation.
  Status read_weights(const Program& program, WeightFiles& files);

  // Equal constants have equal hashes. A constant in a weight file must have been read.
  uint64_t hash(const Literal& literal) const;
  bool is_ignored(const Literal& literal) const;
  // With its elements inline, read again where they are in a weight file.
  Result<Literal> inlined(const Literal& literal) const;

 private:
  Status read_weights(const Block& block);
  Status read_weight(const Literal& literal);

  WeightComparison comparison_;
  WeightFiles* files_ = nullptr;
  std::unordered_map<std::string, uint64_t, TextHash> hashes_;  // of constants in weight files, by place and type
};

// Whether two constants are one, each taken with the contents of its program.
bool same_constant(const Literal& a, const LiteralContents& a_contents, const Literal& b,
                   const LiteralContents& b_contents);

}  // namespace millwright::mil
