// The words in which gradient rules are written: builder calls that leave out what changes nothing.
// A gradient may be narrower than the value it belongs to: axes of size 1, or missing in front, stand for equal
// elements. So the gradient of a sum is the gradient of its result, and only operations that need every element spread
// it out.
#pragma once

#include <optional>
#include <unordered_map>
#include <utility>

#include "mil/builder.h"

namespace millwright::autodiff {

class Expressions {
 public:
  explicit Expressions(mil::Function& function) : builder_(function) {}

  mil::Builder& builder() { return builder_; }

  // Elementwise with broadcasting. A factor that is a constant of one element becomes a scale; a sign moves outwards,
  // and an addition of a negated value becomes a subtraction.
  mil::Value* mul(mil::Value* a, mil::Value* b);
  mil::Value* add(mil::Value* a, mil::Value* b);
  mil::Value* sub(mil::Value* a, mil::Value* b) { return builder_.sub(a, b); }
  mil::Value* div(mil::Value* a, mil::Value* b);
  mil::Value* unary(std::string_view kind, mil::Value* x) { return builder_.unary(kind, x); }
  // 1 − x, x + 1
  mil::Value* one_minus(mil::Value* x) { return builder_.sub(builder_.scalar_like(x, 1), x); }
  mil::Value* one_plus(mil::Value* x) { return builder_.add(x, builder_.scalar_like(x, 1)); }
  // factor · x; joins a scale that x already is.
  mil::Value* scale(mil::Value* x, double factor);
  // x where the condition holds, else 0; and the other way round.
  mil::Value* where(mil::Value* condition, mil::Value* x);
  mil::Value* where_not(mil::Value* condition, mil::Value* x);

  // A reshape, or x itself where it has that shape already.
  mil::Value* relabel(mil::Value* x, const mil::Shape& shape);
  // x spread out to the shape it stands for.
  mil::Value* spread(mil::Value* x, const mil::Shape& shape);
  // x, which stands for the shape `from`, summed over the axes along which `to` was broadcast to `from`.
  mil::Value* sum_to(mil::Value* x, const mil::Shape& from, const mil::Shape& to);

 private:
  struct Scaled {
    mil::Value* base;
    double factor;
  };
  const Scaled* negated(const mil::Value* x) const;

  mil::Builder builder_;
  std::unordered_map<const mil::Value*, Scaled> scaled_;  // what scale() made
};

// The number that a constant of one floating element holds.
std::optional<double> constant_number(const mil::Value* value);
// The size of axis `axis` of `shape`, counted in a shape of `rank` axes to which it is right-aligned; 1 where missing.
int64_t aligned_size(const mil::Shape& shape, size_t axis, size_t rank);

}  // namespace millwright::autodiff
