#include "ane/published_layers.h"

#include <array>
#include <cmath>
#include <string_view>
#include <utility>

#include "ane/published_programs.h"
#include "base/check.h"
#include "mil/builder.h"

namespace millwright::ane {
namespace {

using mil::Builder;
using mil::Literal;
using mil::Shape;
using mil::Type;
using mil::Value;

constexpr double kRmsEpsilon = 1e-5;

// A function under construction: one input [1, channels, 1, width], weights as records of one file.
class LayerBuilder {
 public:
  LayerBuilder(std::string name, bool is_forward, const LayerShape& shape, int64_t channels, int64_t width)
      : s_(shape),
        program_{std::move(name), is_forward, std::make_unique<mil::Function>("main", "ios18")},
        b_(*program_.function),
        x_(b_.input("x", Type::tensor(shape.element, {1, channels, 1, width}))) {}

  Builder& b() { return b_; }
  const LayerShape& s() const { return s_; }
  Value* x() const { return x_; }

  LayerProgram finish(std::vector<Value*> parts) {
    program_.function->block().add_result(parts.size() == 1 ? parts[0] : b_.concat(parts, 1));
    return std::move(program_);
  }

  Value* scalar(double value) { return b_.scalar(s_.element, value); }

  Value* weight(const Shape& shape) {
    const Type type = Type::tensor(s_.element, shape);
    Value* value = b_.constant(Literal::blob(type, {std::string(kWeightPath), next_}), "weight");
    next_ += 64 + (static_cast<uint64_t>(type.bytes()) + 63) / 64 * 64;
    return value;
  }

  // Channels [from, from + count) of the input: whole rows.
  Value* channels(int64_t& from, int64_t count) {
    const std::array<int64_t, 4> begin = {0, from, 0, 0};
    const std::array<int64_t, 4> size = {1, count, 1, x_->shape()[3]};
    from += count;
    return b_.slice(x_, begin, size);
  }

  // Columns [from, from + count) of the input: parts of rows.
  Value* columns(int64_t& from, int64_t count) {
    const std::array<int64_t, 4> begin = {0, 0, 0, from};
    const std::array<int64_t, 4> size = {1, x_->shape()[1], 1, count};
    from += count;
    return b_.slice(x_, begin, size);
  }

  Value* conv(Value* x, int64_t out) {
    const std::array<int64_t, 2> ones = {1, 1};
    const std::array<int64_t, 4> zeros = {0, 0, 0, 0};
    return b_.emit("conv", {mil::operand("x", x), mil::operand("weight", weight({out, x->shape()[1], 1, 1})),
                            mil::operand("strides", b_.int32_vector(ones)), mil::operand("pad_type", b_.text("valid")),
                            mil::operand("pad", b_.int32_vector(zeros)),
                            mil::operand("dilations", b_.int32_vector(ones)), mil::operand("groups", b_.int32(1))});
  }

  Value* rms_norm(Value* x) {
    const std::array<int64_t, 1> channel = {1};
    Value* sum = b_.reduce("reduce_sum", b_.mul(x, x), channel, true);
    Value* mean = b_.add(b_.mul(sum, scalar(1.0 / static_cast<double>(s_.dim))), scalar(kRmsEpsilon));
    return b_.mul(b_.mul(x, b_.binary("pow", mean, scalar(-0.5))), weight({1, s_.dim, 1, 1}));
  }

  Value* swap_last(Value* x) {
    const std::array<int64_t, 4> permutation = {0, 1, 3, 2};
    return b_.transpose(x, permutation);
  }

  // [1, heads·head_dim, 1, S] → [1, heads, S, head_dim].
  Value* split_heads(Value* x, int64_t heads) { return swap_last(b_.reshape(x, {1, heads, s_.head_dim, s_.sequence})); }

  // [1, heads, S, head_dim] → [1, heads·head_dim, 1, S].
  Value* merge_heads(Value* x) { return b_.reshape(swap_last(x), {1, x->shape()[1] * s_.head_dim, 1, s_.sequence}); }

  // [1, heads, S, S] → [1, heads·S, 1, S].
  Value* as_channels(Value* scores) { return b_.reshape(scores, {1, s_.heads * s_.sequence, 1, s_.sequence}); }
  Value* as_scores(Value* x) { return b_.reshape(x, {1, s_.heads, s_.sequence, s_.sequence}); }

  double scale() const { return 1.0 / std::sqrt(static_cast<double>(s_.head_dim)); }

  Value* probabilities(Value* q, Value* k) {
    if (mask_ == nullptr) mask_ = weight({1, 1, s_.sequence, s_.sequence});
    Value* scores = b_.add(b_.mul(b_.matmul(q, k, false, true), scalar(scale())), mask_);
    return b_.softmax(scores, -1);
  }

  // The gradient of softmax(scores) · v: dq and dk from probabilities and their gradient.
  std::pair<Value*, Value*> score_gradients(Value* probabilities, Value* dp, Value* q, Value* k) {
    const std::array<int64_t, 1> last = {3};
    Value* sum = b_.reduce("reduce_sum", b_.mul(probabilities, dp), last, true);
    Value* ds = b_.mul(b_.mul(probabilities, b_.sub(dp, sum)), scalar(scale()));
    return {merge_heads(b_.matmul(ds, k)), merge_heads(b_.matmul(ds, q, true, false))};
  }

  // The packed pipeline's product: x [1, C, 1, S], w [1, C, 1, O] → [1, O, 1, S].
  Value* packed_linear(Value* x, Value* w) {
    const int64_t channels = x->shape()[1];
    Value* rows = swap_last(b_.reshape(x, {1, 1, channels, s_.sequence}));
    Value* y = b_.matmul(rows, b_.reshape(w, {1, 1, channels, w->shape()[3]}));
    return b_.reshape(swap_last(y), {1, w->shape()[3], 1, s_.sequence});
  }

  // Pairs of neighbouring channels turned by the angle of their position: x [1, C, 1, S].
  Value* rope(Value* x) {
    const int64_t pairs = x->shape()[1] / 2;
    Value* both = b_.reshape(x, {1, pairs, 2, s_.sequence});
    const std::array<int64_t, 4> size = {1, pairs, 1, s_.sequence};
    Value* even = b_.slice(both, std::array<int64_t, 4>{0, 0, 0, 0}, size);
    Value* odd = b_.slice(both, std::array<int64_t, 4>{0, 0, 1, 0}, size);
    Value* cosine = weight(Shape(size.begin(), size.end()));
    Value* sine = weight(Shape(size.begin(), size.end()));
    const std::array<Value*, 2> turned = {b_.sub(b_.mul(even, cosine), b_.mul(odd, sine)),
                                          b_.add(b_.mul(even, sine), b_.mul(odd, cosine))};
    return b_.reshape(b_.concat(turned, 2), x->shape());
  }

  // Keys and values repeated for the heads that share them.
  Value* repeat_heads(Value* x) {
    if (s_.kv_heads == s_.heads) return x;
    const std::array<int64_t, 4> repetitions = {1, s_.heads / s_.kv_heads, 1, 1};
    return b_.tile(x, repetitions);
  }

 private:
  LayerShape s_;
  LayerProgram program_;
  Builder b_;
  Value* x_;
  Value* mask_ = nullptr;
  uint64_t next_ = 64;
};

LayerProgram static_attention(const LayerShape& s) {
  LayerBuilder l("fwdAttn", true, s, s.dim, s.sequence);
  Value* xn = l.rms_norm(l.x());
  const int64_t channels = s.heads * s.head_dim;
  Value* q = l.conv(xn, channels);
  Value* k = l.conv(xn, channels);
  Value* v = l.conv(xn, channels);
  Value* p = l.probabilities(l.split_heads(q, s.heads), l.split_heads(k, s.heads));
  Value* attended = l.merge_heads(l.b().matmul(p, l.split_heads(v, s.heads)));
  return l.finish({l.conv(attended, s.dim), q, k, v, attended, xn});
}

LayerProgram static_ffn(const LayerShape& s) {
  LayerBuilder l("fwdFFN", true, s, s.dim, s.sequence);
  Value* xn = l.rms_norm(l.x());
  Value* h1 = l.conv(xn, s.hidden);
  Value* h3 = l.conv(xn, s.hidden);
  Value* gate = l.b().mul(l.b().mul(h1, l.b().unary("sigmoid", h1)), h3);
  return l.finish({l.conv(gate, s.dim), h1, h3, gate, xn});
}

LayerProgram static_ffn_backward(const LayerShape& s) {
  LayerBuilder l("ffnBwd", false, s, s.dim + 2 * s.hidden, s.sequence);
  Builder& b = l.b();
  int64_t at = 0;
  Value* dy = l.channels(at, s.dim);
  Value* h1 = l.channels(at, s.hidden);
  Value* h3 = l.channels(at, s.hidden);
  Value* dgate = l.conv(dy, s.hidden);
  Value* sigmoid = b.unary("sigmoid", h1);
  Value* dh3 = b.mul(dgate, b.mul(h1, sigmoid));
  Value* slope = b.mul(sigmoid, b.add(b.mul(h1, b.sub(l.scalar(1), sigmoid)), l.scalar(1)));
  Value* dh1 = b.mul(b.mul(dgate, h3), slope);
  return l.finish({b.add(l.conv(dh1, s.dim), l.conv(dh3, s.dim)), dh1, dh3});
}

LayerProgram attention_backward(const LayerShape& s, bool with_output_weight) {
  const int64_t width = s.heads * s.head_dim;
  LayerBuilder l("sdpaBwd1", false, s, 4 * width, s.sequence);
  int64_t at = 0;
  Value* q = l.split_heads(l.channels(at, width), s.heads);
  Value* k = l.split_heads(l.channels(at, width), s.heads);
  Value* v = l.split_heads(l.channels(at, width), s.heads);
  Value* gradient = l.channels(at, width);
  if (with_output_weight) gradient = l.conv(gradient, width);
  Value* da = l.split_heads(gradient, s.heads);
  Value* p = l.probabilities(q, k);
  Value* dv = l.merge_heads(l.b().matmul(p, da, true, false));
  Value* dp = l.b().matmul(da, v, false, true);
  return l.finish({dv, l.as_channels(p), l.as_channels(dp)});
}

LayerProgram score_backward(const LayerShape& s) {
  const int64_t scores = s.heads * s.sequence;
  const int64_t width = s.heads * s.head_dim;
  LayerBuilder l("sdpaBwd2", false, s, 2 * scores + 2 * width, s.sequence);
  int64_t at = 0;
  Value* p = l.as_scores(l.channels(at, scores));
  Value* dp = l.as_scores(l.channels(at, scores));
  Value* q = l.split_heads(l.channels(at, width), s.heads);
  Value* k = l.split_heads(l.channels(at, width), s.heads);
  const auto [dq, dk] = l.score_gradients(p, dp, q, k);
  return l.finish({dq, dk});
}

LayerProgram static_qkv_backward(const LayerShape& s) {
  const int64_t width = s.heads * s.head_dim;
  LayerBuilder l("qkvBwd", false, s, 3 * width, s.sequence);
  int64_t at = 0;
  Value* sum = l.conv(l.channels(at, width), s.dim);
  sum = l.b().add(sum, l.conv(l.channels(at, width), s.dim));
  return l.finish({l.b().add(sum, l.conv(l.channels(at, width), s.dim))});
}

LayerProgram dynamic_attention(const LayerShape& s) {
  const int64_t queries = s.heads * s.head_dim;
  const int64_t keys = s.kv_heads * s.head_dim;
  LayerBuilder l("sdpaFwd", true, s, s.dim, s.sequence + queries + 2 * keys);
  int64_t at = 0;
  Value* xn = l.columns(at, s.sequence);
  Value* q = l.rope(l.packed_linear(xn, l.columns(at, queries)));
  Value* k = l.rope(l.packed_linear(xn, l.columns(at, keys)));
  Value* v = l.packed_linear(xn, l.columns(at, keys));
  Value* p = l.probabilities(l.split_heads(q, s.heads), l.repeat_heads(l.split_heads(k, s.kv_heads)));
  Value* attended = l.merge_heads(l.b().matmul(p, l.repeat_heads(l.split_heads(v, s.kv_heads))));
  return l.finish({attended, q, k, v, xn});
}

LayerProgram dynamic_ffn(const LayerShape& s) {
  LayerBuilder l("ffnFused", true, s, s.dim, 2 * s.sequence + 3 * s.hidden);
  Builder& b = l.b();
  int64_t at = 0;
  Value* xn = l.columns(at, s.sequence);
  Value* x = l.columns(at, s.sequence);
  Value* h1 = l.packed_linear(xn, l.columns(at, s.hidden));
  Value* h3 = l.packed_linear(xn, l.columns(at, s.hidden));
  Value* gate = b.mul(b.mul(h1, b.unary("sigmoid", h1)), h3);
  // W2 [D, H] stands as it is multiplied: no transposition.
  Value* w2 = b.reshape(l.columns(at, s.hidden), {1, 1, s.dim, s.hidden});
  Value* y = b.reshape(b.matmul(w2, b.reshape(gate, {1, 1, s.hidden, s.sequence})), {1, s.dim, 1, s.sequence});
  return l.finish({b.add(x, b.mul(y, l.scalar(0.25))), h1, h3, gate});
}

// One or two packed products of the same surface, added: the backward programs of the linear layers.
LayerProgram dynamic_linear(std::string name, bool is_forward, const LayerShape& s, int64_t in, int64_t out,
                            int64_t count) {
  LayerBuilder l(std::move(name), is_forward, s, in, count * (s.sequence + out));
  int64_t at = 0;
  std::vector<Value*> activations, weights;
  for (int64_t i = 0; i < count; ++i) activations.push_back(l.columns(at, s.sequence));
  for (int64_t i = 0; i < count; ++i) weights.push_back(l.columns(at, out));
  Value* sum = l.packed_linear(activations[0], weights[0]);
  if (count == 2) sum = l.b().add(sum, l.packed_linear(activations[1], weights[1]));
  return l.finish({sum});
}

void check_shape(const LayerShape& s) {
  for (const int64_t size : {s.dim, s.hidden, s.heads, s.kv_heads, s.head_dim, s.sequence}) {
    MW_CHECK(size > 0 && size <= int64_t{1} << 20, "layer size {}", size);
  }
  MW_CHECK(s.heads % s.kv_heads == 0 && s.head_dim % 2 == 0, "{} heads, {} key heads of {}", s.heads, s.kv_heads,
           s.head_dim);
}

}  // namespace

std::vector<LayerProgram> static_layer_programs(const LayerShape& shape) {
  check_shape(shape);
  std::vector<LayerProgram> programs;
  programs.push_back(static_attention(shape));
  programs.push_back(static_ffn(shape));
  programs.push_back(static_ffn_backward(shape));
  programs.push_back(attention_backward(shape, true));
  programs.push_back(score_backward(shape));
  programs.push_back(static_qkv_backward(shape));
  return programs;
}

std::vector<LayerProgram> dynamic_layer_programs(const LayerShape& shape) {
  check_shape(shape);
  const int64_t queries = shape.heads * shape.head_dim;
  const int64_t keys = shape.kv_heads * shape.head_dim;
  std::vector<LayerProgram> programs;
  programs.push_back(dynamic_attention(shape));
  programs.push_back(dynamic_linear("woFwd", true, shape, queries, shape.dim, 1));
  programs.push_back(dynamic_ffn(shape));
  programs.push_back(dynamic_linear("ffnBwdW2t", false, shape, shape.dim, shape.hidden, 1));
  programs.push_back(dynamic_linear("ffnBwdW13t", false, shape, shape.hidden, shape.dim, 2));
  programs.push_back(dynamic_linear("wotBwd", false, shape, shape.dim, queries, 1));
  programs.push_back(attention_backward(shape, false));
  programs.push_back(score_backward(shape));
  programs.push_back(dynamic_linear("qBwd", false, shape, queries, shape.dim, 1));
  programs.push_back(dynamic_linear("kvBwd", false, shape, keys, shape.dim, 2));
  return programs;
}

std::unique_ptr<mil::Function> packed_product(int64_t in, int64_t out, int64_t sequence) {
  LayerShape shape;
  shape.sequence = sequence;
  return std::move(dynamic_linear("packed", true, shape, in, out, 1).function);
}

}  // namespace millwright::ane
