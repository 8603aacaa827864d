// Pieces of a transformer for tests that need something that looks like one, built without the model layer.
#pragma once

#include "execution.h"

namespace millwright::cpu {

// Half-split rotary embedding of x [B, Hkv, G, D, S] with tables [D/2, S].
inline mil::Value* rotary(TestFunction& f, mil::Value* x, mil::Value* cosine, mil::Value* sine) {
  mil::Shape half = x->shape();
  half[3] /= 2;
  mil::Shape begin(half.size(), 0);
  mil::Value* first = f.b().slice(x, begin, half);
  begin[3] = half[3];
  mil::Value* second = f.b().slice(x, begin, half);
  const std::vector<mil::Value*> rotated = {f.b().sub(f.b().mul(first, cosine), f.b().mul(second, sine)),
                                            f.b().add(f.b().mul(second, cosine), f.b().mul(first, sine))};
  return f.b().concat(rotated, 3);
}

// x [B, C, 1, S] over its channels, times a weight [C].
inline mil::Value* rms_norm(TestFunction& f, mil::Value* x) {
  const int64_t channels = x->shape()[1];
  mil::Value* mean = f.b().reduce("reduce_mean", f.b().mul(x, x), std::vector<int64_t>{1}, true);
  mil::Value* scaled = f.b().mul(x, f.b().rsqrt(mean, 1e-5));
  return f.b().mul(scaled, f.b().reshape(f.floats({channels}, 0.5, 1.5), {1, channels, 1, 1}));
}

}  // namespace millwright::cpu
