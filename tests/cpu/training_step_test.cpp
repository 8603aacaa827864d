// A whole training step of a tiny transformer, differentiated and compiled: its results, its calls and its memory.
#include "autodiff/differentiate.h"
#include "cpu/memory_plan.h"
#include "execution.h"
#include "memory_bounds.h"
#include "model_pieces.h"

namespace millwright::cpu {
namespace {

using mil::Shape;
using mil::Value;

// The sizes of the model and its batch.
struct Sizes {
  int64_t batch = 2;
  int64_t sequence = 12;
  int64_t vocabulary = 40;
  int64_t channels = 16;
  int64_t hidden = 24;
  int64_t kv_heads = 2;
  int64_t groups = 2;  // query heads per kv head
  int64_t layers = 2;
};

// Loss and gradients with respect to every parameter, the embedding tied, gradients added to aliased buffers.
class TinyStep {
 public:
  explicit TinyStep(const Sizes& sizes) : s_(sizes), f_(3) { build(); }
  TestFunction& f() { return f_; }
  size_t parameter_count() const { return parameters_.size(); }

 private:
  Value* parameter(const Shape& shape, double low, double high) {
    parameters_.push_back(f_.floats(shape, low, high));
    return parameters_.back();
  }
  Value* matrix(int64_t out, int64_t in) { return parameter({out, in}, -0.4, 0.4); }

  Value* norm(Value* x) {
    Value* mean = f_.b().reduce("reduce_mean", f_.b().mul(x, x), std::vector<int64_t>{1}, true);
    Value* scaled = f_.b().mul(x, f_.b().rsqrt(mean, 1e-5));
    return f_.b().mul(scaled, f_.b().reshape(parameter({s_.channels}, 0.5, 1.5), {1, s_.channels, 1, 1}));
  }
  // [B, C, 1, S] → [B, out, S]
  Value* linear(Value* weight, Value* x) {
    if (x->type().rank() == 4) x = f_.b().squeeze(x, std::vector<int64_t>{2});
    return f_.b().matmul(weight, x);
  }

  Value* attention(Value* x) {
    const int64_t heads = s_.kv_heads * s_.groups;
    const int64_t depth = s_.channels / heads;
    Value* in = norm(x);
    const Shape query = {s_.batch, s_.kv_heads, s_.groups, depth, s_.sequence};
    const Shape key = {s_.batch, s_.kv_heads, 1, depth, s_.sequence};
    const int64_t kv = s_.kv_heads * depth;
    Value* q = f_.b().reshape(linear(matrix(s_.channels, s_.channels), in), query);
    Value* k = f_.b().reshape(linear(matrix(kv, s_.channels), in), key);
    Value* v = f_.b().reshape(linear(matrix(kv, s_.channels), in), key);
    q = rotary(f_, q, cosine_, sine_);
    k = rotary(f_, k, cosine_, sine_);
    Value* scores = f_.b().matmul(q, k, true, false);
    scores = f_.b().mul(scores, f_.b().scalar_like(scores, 0.5));
    Value* p = f_.b().softmax(f_.b().add(scores, mask_), -1);
    Value* mixed = f_.b().reshape(f_.b().matmul(v, p, false, true), {s_.batch, s_.channels, s_.sequence});
    return f_.b().add(x, f_.b().reshape(linear(matrix(s_.channels, s_.channels), mixed), x->shape()));
  }

  Value* feed_forward(Value* x) {
    Value* in = norm(x);
    Value* gate = f_.b().unary("silu", linear(matrix(s_.hidden, s_.channels), in));
    Value* hidden = f_.b().mul(gate, linear(matrix(s_.hidden, s_.channels), in));
    return f_.b().add(x, f_.b().reshape(linear(matrix(s_.channels, s_.hidden), hidden), x->shape()));
  }

  void build_constants() {
    const int64_t half = s_.channels / (s_.kv_heads * s_.groups) / 2;
    std::vector<double> cosines, sines, mask;
    for (int64_t i = 0; i < half * s_.sequence; ++i) {
      cosines.push_back(std::cos(0.3 * static_cast<double>(i)));
      sines.push_back(std::sin(0.3 * static_cast<double>(i)));
    }
    for (int64_t i = 0; i < s_.sequence * s_.sequence; ++i)
      mask.push_back(i % s_.sequence > i / s_.sequence ? -1e9 : 0);
    const auto constant = [&](const Shape& shape, const std::vector<double>& numbers) {
      return f_.b().constant(mil::Literal::numbers(mil::Type::tensor(mil::ElementType::fp32, shape), numbers));
    };
    cosine_ = constant({half, s_.sequence}, cosines);
    sine_ = constant({half, s_.sequence}, sines);
    mask_ = constant({s_.sequence, s_.sequence}, mask);
  }

  void build() {
    mil::Builder& b = f_.b();
    Value* tokens = f_.integers({s_.batch, s_.sequence}, 0, s_.vocabulary);
    Value* targets = f_.integers({s_.batch, 1, s_.sequence}, 0, s_.vocabulary);
    Value* loss_scale = f_.floats({}, 2, 3);
    build_constants();
    Value* table = matrix(s_.vocabulary, s_.channels);
    Value* x = b.transpose(b.gather(table, tokens, 0), std::vector<int64_t>{0, 2, 1});
    x = b.reshape(x, {s_.batch, s_.channels, 1, s_.sequence});
    for (int64_t layer = 0; layer < s_.layers; ++layer) x = feed_forward(attention(x));
    Value* logits = linear(table, norm(x));
    Value* normalizer = b.reduce("reduce_log_sum_exp", logits, std::vector<int64_t>{1}, true);
    Value* losses = b.sub(normalizer, b.gather_along_axis(logits, targets, 1));
    Value* loss = b.reduce("reduce_mean", losses, std::vector<int64_t>{0, 1, 2}, false);
    const auto gradients = autodiff::differentiate(f_.function(), b.mul(loss, loss_scale), parameters_);
    ASSERT_TRUE(gradients) << gradients.error().message;
    std::vector<Value*> results = {loss};
    for (Value* gradient : *gradients) {
      Value* buffer = f_.floats(gradient->shape());
      results.push_back(b.add(buffer, gradient));
      f_.function().alias(results.back(), buffer);
    }
    f_.returns(results);
  }

  Sizes s_;
  TestFunction f_;
  Value* cosine_ = nullptr;
  Value* sine_ = nullptr;
  Value* mask_ = nullptr;
  std::vector<Value*> parameters_;
};

int64_t count_lines(const std::string& listing, std::string_view kernel) {
  int64_t count = 0;
  size_t start = 0;
  while (start < listing.size()) {
    count += listing.compare(start, kernel.size(), kernel) == 0 ? 1 : 0;
    start = listing.find('\n', start) + 1;
  }
  return count;
}

TEST(TrainingStep, AgreesWithTheInterpreter) {
  for (const Sizes& sizes :
       {Sizes{}, Sizes{.batch = 1, .kv_heads = 4, .groups = 1}, Sizes{.batch = 3, .sequence = 5}}) {
    TinyStep step(sizes);
    expect_same_as_interpreter(step.f().function(), step.f().inputs(), 2e-5);
  }
}

// Per layer: 7 linear layers and 2 products of attention, each with two products in its gradient.
TEST(TrainingStep, HasTheProductsOfTheModelAndNoOther) {
  TinyStep step(Sizes{});
  const std::string listing = compile(step.f().function())->listing();
  EXPECT_EQ(count_lines(listing, "matmul"), 2 * (7 + 2) * 3 + 3) << listing;
  EXPECT_EQ(count_lines(listing, "softmax "), 2);
  EXPECT_EQ(count_lines(listing, "softmax_backward "), 2);
}

// The transposes around the embedding are the only copies; gradients are accumulated where the caller keeps them. The
// norm weights' gradients are sums that are added to their buffers in a call of their own.
TEST(TrainingStep, MovesNothingThatItNeedNotMove) {
  TinyStep step(Sizes{});
  const std::string listing = compile(step.f().function())->listing();
  EXPECT_EQ(count_lines(listing, "result"), 0) << listing;
  EXPECT_EQ(count_lines(listing, "copy"), 2) << listing;
}

// Values that live at once are the bound; fragmentation may add a tenth.
TEST(TrainingStep, TheArenaStaysWithinATenthOfTheLowerBound) {
  for (const int64_t layers : {1, 2, 6}) {
    TinyStep step(Sizes{.layers = layers});
    const auto rewritten = mil::clone(step.f().function());
    run_passes(*rewritten);
    auto lowered = Lowering(*rewritten).lower();
    ASSERT_TRUE(lowered) << lowered.error().message;
    std::vector<int> aliases = {-1};
    const auto inputs = static_cast<int>(step.f().inputs().size());
    const auto parameters = static_cast<int>(step.parameter_count());
    for (int i = 0; i < parameters; ++i) aliases.push_back(inputs - parameters + i);
    const auto plan = plan_memory(*lowered, aliases);
    ASSERT_TRUE(plan) << plan.error().message;
    expect_no_overlap(*lowered, *plan);
    EXPECT_LE(static_cast<double>(plan->arena_bytes), 1.1 * static_cast<double>(live_bytes(*lowered, *plan)));
  }
}

}  // namespace
}  // namespace millwright::cpu
