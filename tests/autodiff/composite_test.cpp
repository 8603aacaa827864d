// The blocks that transformers are made of, against central differences.
#include <cmath>

#include "autodiff/gradient_check.h"

namespace millwright::autodiff {
namespace {

using mil::ElementType;
using mil::Literal;
using mil::Shape;
using mil::Value;
using Axes = std::vector<int64_t>;

constexpr uint64_t kSeeds = 3;

// A scalar with a different share of every element.
Value* weighted_sum(RandomFunction& f, Value* x) {
  return f.b().reduce("reduce_sum", f.b().mul(x, f.fixed(x->shape())), Axes{}, false);
}

// x [B, C, 1, S], weight [C]
Value* rms_norm(RandomFunction& f, Value* x, Value* weight) {
  Value* const mean = f.b().reduce("reduce_mean", f.b().mul(x, x), Axes{1}, true);
  Value* const scaled = f.b().mul(x, f.b().rsqrt(mean, 1e-5));
  return f.b().mul(scaled, f.b().reshape(weight, {1, x->shape()[1], 1, 1}));
}

TEST(CompositeGradients, OfRmsNormAgreeWithDifferences) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RandomFunction f(seed);
    const int64_t channels = f.size(2);
    Value* const x = f.variable({2, channels, 1, f.size()});
    check_gradients(f, weighted_sum(f, rms_norm(f, x, f.variable({channels}))));
  }
}

TEST(CompositeGradients, OfSwigluAgreeWithDifferences) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RandomFunction f(seed);
    const int64_t channels = f.size();
    const int64_t hidden = f.size();
    Value* const x = f.variable({2, channels, f.size()});
    Value* const gate = f.b().unary("silu", f.b().matmul(f.variable({hidden, channels}), x));
    Value* const up = f.b().matmul(f.variable({hidden, channels}), x);
    Value* const out = f.b().matmul(f.variable({channels, hidden}), f.b().mul(gate, up));
    check_gradients(f, weighted_sum(f, f.b().add(x, out)));
  }
}

// x [B, H, G, D, S], cosine and sine [D/2, S]
Value* rotate(RandomFunction& f, Value* x, Value* cosine, Value* sine) {
  Shape half = x->shape();
  half[3] /= 2;
  Value* const first = f.b().slice(x, Axes{0, 0, 0, 0, 0}, half);
  Value* const second = f.b().slice(x, Axes{0, 0, 0, half[3], 0}, half);
  Value* const first_cosine = f.b().mul(first, cosine);
  Value* const second_sine = f.b().mul(second, sine);
  Value* const second_cosine = f.b().mul(second, cosine);
  Value* const first_sine = f.b().mul(first, sine);
  return f.b().concat(std::vector{f.b().sub(first_cosine, second_sine), f.b().add(second_cosine, first_sine)}, 3);
}

TEST(CompositeGradients, OfGroupedAttentionWithRotationAndMaskAgreeWithDifferences) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RandomFunction f(seed);
    const int64_t sequence = f.size(2);
    const int64_t depth = 4;
    Value* const cosine = f.fixed({depth / 2, sequence});
    Value* const sine = f.fixed({depth / 2, sequence});
    std::vector<double> mask;
    for (int64_t query = 0; query < sequence; ++query) {
      for (int64_t key = 0; key < sequence; ++key) mask.push_back(key <= query ? 0 : -1e4);
    }
    Value* const q = rotate(f, f.variable({2, 2, 3, depth, sequence}), cosine, sine);
    Value* const k = rotate(f, f.variable({2, 2, 1, depth, sequence}), cosine, sine);
    Value* const v = f.variable({2, 2, 1, depth, sequence});
    Value* scores = f.b().matmul(q, k, true, false);
    scores = f.b().mul(scores, f.b().scalar_like(scores, 1 / std::sqrt(static_cast<double>(depth))));
    const mil::Type square = mil::Type::tensor(ElementType::fp64, {sequence, sequence});
    scores = f.b().add(scores, f.b().constant(Literal::numbers(square, mask)));
    check_gradients(f, weighted_sum(f, f.b().matmul(v, f.b().softmax(scores, -1), false, true)));
  }
}

// Mean of −log softmax at the targets; logits [B, V, S], targets [B, 1, S].
Value* cross_entropy(RandomFunction& f, Value* logits, Value* targets) {
  Value* const normalizer = f.b().reduce("reduce_log_sum_exp", logits, Axes{1}, true);
  Value* const losses = f.b().sub(normalizer, f.b().gather_along_axis(logits, targets, 1));
  return f.b().reduce("reduce_mean", losses, Axes{}, false);
}

TEST(CompositeGradients, OfScaledCrossEntropyAgreeWithDifferences) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RandomFunction f(seed);
    const int64_t words = f.size(2);
    const int64_t sequence = f.size();
    Value* const logits = f.variable({2, words, sequence}, -3, 3);
    Value* const loss = cross_entropy(f, logits, f.integers({2, 1, sequence}, 0, words));
    check_gradients(f, f.b().mul(loss, f.variable({}, 1, 3)));
  }
}

TEST(CompositeGradients, OfATiedEmbeddingAgreeWithDifferences) {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    RandomFunction f(seed);
    const int64_t words = 5;
    const int64_t sequence = f.size(2);
    Value* const embedding = f.variable({words, f.size(2)});
    Value* const rows = f.b().gather(embedding, f.integers({2, sequence}, 0, words), 0);
    Value* const x = f.b().unary("tanh", f.b().transpose(rows, Axes{0, 2, 1}));
    Value* const logits = f.b().matmul(embedding, x);
    check_gradients(f, cross_entropy(f, logits, f.integers({2, 1, sequence}, 0, words)));
  }
}

// Random chains of elementwise, reducing and reshaping operations in which values are used several times.
TEST(CompositeGradients, OfRandomGraphsAgreeWithDifferences) {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    RandomFunction f(seed);
    RandomStream random(seed, 1);
    const Shape shape = {f.size(2), f.size(2), f.size(2)};
    std::vector<Value*> values = {f.variable(shape), f.variable({shape[1], 1}), f.variable({shape[2]}), f.variable({})};
    for (int i = 0; i < 12; ++i) {
      Value* const x = values[random.below(values.size())];
      Value* const y = values[random.below(values.size())];
      const bool fits = mil::broadcast_shapes(x->shape(), y->shape()).has_value();
      switch (random.below(8)) {
        case 0:
          values.push_back(fits ? f.b().mul(x, y) : x);
          break;
        case 1:
          values.push_back(fits ? f.b().sub(x, y) : y);
          break;
        case 2:
          values.push_back(fits ? f.b().add(x, y) : x);
          break;
        case 3:
          values.push_back(f.b().unary("tanh", x));
          break;
        case 4:
          values.push_back(f.b().unary("sigmoid", x));
          break;
        case 5:
          values.push_back(f.b().reduce("reduce_mean", x, Axes{}, random.below(2) == 0));
          break;
        case 6:
          values.push_back(f.b().mul(x, f.b().scalar_like(x, -1)));
          break;
        default:
          values.push_back(f.b().expand_dims(x, Axes{0}));
          break;
      }
      if (values.back()->type().rank() > 4) values.pop_back();
    }
    Value* loss = f.b().scalar(ElementType::fp64, 0);
    for (Value* value : values) loss = f.b().add(loss, f.b().reduce("reduce_sum", value, Axes{}, false));
    check_gradients(f, loss);
  }
}

}  // namespace
}  // namespace millwright::autodiff
