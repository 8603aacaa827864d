// The loops of the elementwise register machine, once per Highway target: one loop over a block per instruction.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/check.h"
#include "base/half.h"
#include "cpu/kernels/elementwise_evaluation.h"
#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/elementwise_steps.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "cpu/kernels/math-inl.h"
#include "cpu/kernels/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

using Step = ElementwiseKernel::Step;
using Opcode = ElementwiseOpcode;

HWY_INLINE IntVec as_int(FloatVec v) { return hn::BitCast(IntTag(), v); }
HWY_INLINE FloatVec as_float(IntVec v) { return hn::BitCast(FloatTag(), v); }

// int32 1 or 0 per lane.
template <class Mask>
HWY_INLINE FloatVec one_where(Mask mask) {
  const IntTag di;
  return as_float(hn::IfThenElseZero(hn::RebindMask(di, mask), hn::Set(di, 1)));
}
HWY_INLINE auto is_true(FloatVec v) { return hn::Ne(as_int(v), hn::Zero(IntTag())); }

// Bits of a float rounded to the nearest multiple of 2^shift, ties to even. A carry goes into the exponent.
template <int kShift>
HWY_INLINE hn::Vec<hn::RebindToUnsigned<FloatTag>> rounded_bits(FloatVec x) {
  const hn::RebindToUnsigned<FloatTag> du;
  const auto bits = hn::BitCast(du, x);
  const auto odd = hn::And(hn::ShiftRight<kShift>(bits), hn::Set(du, 1u));
  const auto carried = hn::Add(bits, hn::Add(odd, hn::Set(du, (1u << (kShift - 1)) - 1)));
  return hn::ShiftLeft<kShift>(hn::ShiftRight<kShift>(carried));
}

HWY_INLINE FloatVec round_half(FloatTag d, FloatVec x) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128 || HWY_TARGET == HWY_SSE2
  // Without instructions that convert to fp16.
  const FloatVec size = hn::Abs(x);
  const FloatVec normal = hn::BitCast(d, rounded_bits<13>(size));
  // Below 2^-14 fp16 counts in steps of 2^-24, which is what the sum with 0.75 counts in.
  const FloatVec magic = hn::Set(d, 0.75f);
  const FloatVec denormal = hn::Sub(hn::Add(size, magic), magic);
  FloatVec rounded = hn::IfThenElse(hn::Lt(size, hn::Set(d, 0x1p-14f)), denormal, normal);
  rounded = hn::IfThenElse(hn::Ge(size, hn::Set(d, 65520.0f)), hn::Inf(d), rounded);
  return keep_nan(x, hn::CopySign(rounded, x));
#else
  const hn::Rebind<hwy::float16_t, FloatTag> d16;
  return hn::PromoteTo(d, hn::DemoteTo(d16, x));
#endif
}

HWY_INLINE FloatVec engine_range(FloatTag d, FloatVec x, FloatVec limit, FloatVec nan) {
  const FloatVec number = hn::IfThenElse(hn::IsNaN(x), nan, x);
  return hn::IfThenElse(hn::Ge(hn::Abs(number), limit), hn::CopySign(hn::Inf(d), number), number);
}

HWY_INLINE FloatVec round_bfloat(FloatTag d, FloatVec x) { return keep_nan(x, hn::BitCast(d, rounded_bits<16>(x))); }

// One operation as a function object over the vectors x, y, z (d: the float tag, i0 and i1: the immediates). Lambdas
// would not be compiled for the target by every compiler.
#define MW_OPERATION(name, expression)                                                     \
  struct name {                                                                            \
    FloatVec i0, i1;                                                                       \
    HWY_INLINE FloatVec operator()(FloatTag d, FloatVec x, FloatVec y, FloatVec z) const { \
      (void)d, (void)x, (void)y, (void)z;                                                  \
      return expression;                                                                   \
    }                                                                                      \
  }

MW_OPERATION(Add, hn::Add(x, y));
MW_OPERATION(Sub, hn::Sub(x, y));
MW_OPERATION(Mul, hn::Mul(x, y));
MW_OPERATION(RealDiv, hn::Div(x, y));
MW_OPERATION(FloorDiv, hn::Floor(hn::Div(x, y)));
MW_OPERATION(Mod, hn::NegMulAdd(hn::Floor(hn::Div(x, y)), y, x));
MW_OPERATION(Maximum, maximum(x, y));
MW_OPERATION(Minimum, minimum(x, y));
MW_OPERATION(Neg, hn::Neg(x));
MW_OPERATION(Abs, hn::Abs(x));
MW_OPERATION(Sign, hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Set(d, 1.0f),
                                  hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, -1.0f), x)));
MW_OPERATION(Square, hn::Mul(x, x));
MW_OPERATION(Sqrt, hn::Sqrt(x));
MW_OPERATION(Rsqrt, hn::Div(hn::Set(d, 1.0f), hn::Sqrt(hn::Add(x, i0))));
MW_OPERATION(Inverse, hn::Div(hn::Set(d, 1.0f), hn::Add(x, i0)));
MW_OPERATION(Exp, exp(d, x));
MW_OPERATION(Exp2, exp2(d, x));
MW_OPERATION(Log, log(d, hn::Add(x, i0)));
MW_OPERATION(Tanh, tanh(d, x));
MW_OPERATION(Sigmoid, sigmoid(d, x));
MW_OPERATION(Silu, silu(d, x));
MW_OPERATION(Erf, erf(d, x));
MW_OPERATION(Gelu, gelu(d, x));
MW_OPERATION(GeluTanh, gelu_tanh(d, x));
MW_OPERATION(Relu, hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Zero(d), x));
MW_OPERATION(Floor, hn::Floor(x));
MW_OPERATION(Ceil, hn::Ceil(x));
MW_OPERATION(Round, hn::Round(x));
MW_OPERATION(Clip, keep_nan(x, hn::Min(hn::Max(x, i0), i1)));
MW_OPERATION(Fma, hn::MulAdd(x, y, z));
MW_OPERATION(Select, hn::IfThenElse(hn::RebindMask(d, is_true(x)), y, z));
MW_OPERATION(Less, one_where(hn::Lt(x, y)));
MW_OPERATION(LessEqual, one_where(hn::Le(x, y)));
MW_OPERATION(Greater, one_where(hn::Gt(x, y)));
MW_OPERATION(GreaterEqual, one_where(hn::Ge(x, y)));
MW_OPERATION(Equal, one_where(hn::Eq(x, y)));
MW_OPERATION(NotEqual, one_where(hn::Ne(x, y)));
MW_OPERATION(LogicalAnd, one_where(hn::And(is_true(x), is_true(y))));
MW_OPERATION(LogicalOr, one_where(hn::Or(is_true(x), is_true(y))));
MW_OPERATION(LogicalXor, one_where(hn::Xor(is_true(x), is_true(y))));
MW_OPERATION(LogicalNot, one_where(hn::Not(is_true(x))));
MW_OPERATION(ToFloat, hn::ConvertTo(d, as_int(x)));
MW_OPERATION(ToInt, as_float(hn::ConvertTo(IntTag(), hn::IfThenZeroElse(hn::IsNaN(x), x))));

MW_OPERATION(RoundHalf, round_half(d, x));
MW_OPERATION(RoundBfloat, round_bfloat(d, x));
MW_OPERATION(EngineRange, engine_range(d, x, i0, i1));

MW_OPERATION(AddInt, as_float(hn::Add(as_int(x), as_int(y))));
MW_OPERATION(SubInt, as_float(hn::Sub(as_int(x), as_int(y))));
MW_OPERATION(MulInt, as_float(hn::Mul(as_int(x), as_int(y))));
MW_OPERATION(MaximumInt, as_float(hn::Max(as_int(x), as_int(y))));
MW_OPERATION(MinimumInt, as_float(hn::Min(as_int(x), as_int(y))));
MW_OPERATION(NegInt, as_float(hn::Neg(as_int(x))));
MW_OPERATION(AbsInt, as_float(hn::Abs(as_int(x))));
MW_OPERATION(SignInt, as_float(hn::Sub(as_int(one_where(hn::Gt(as_int(x), hn::Zero(IntTag())))),
                                       as_int(one_where(hn::Lt(as_int(x), hn::Zero(IntTag())))))));
MW_OPERATION(SquareInt, as_float(hn::Mul(as_int(x), as_int(x))));
MW_OPERATION(LessInt, one_where(hn::Lt(as_int(x), as_int(y))));
MW_OPERATION(LessEqualInt, one_where(hn::Not(hn::Gt(as_int(x), as_int(y)))));
MW_OPERATION(GreaterInt, one_where(hn::Gt(as_int(x), as_int(y))));
MW_OPERATION(GreaterEqualInt, one_where(hn::Not(hn::Lt(as_int(x), as_int(y)))));
MW_OPERATION(EqualInt, one_where(hn::Eq(as_int(x), as_int(y))));
MW_OPERATION(NotEqualInt, one_where(hn::Ne(as_int(x), as_int(y))));
MW_OPERATION(Wrap4, as_float(hn::ShiftRight<28>(hn::ShiftLeft<28>(as_int(x)))));
MW_OPERATION(Wrap8, as_float(hn::ShiftRight<24>(hn::ShiftLeft<24>(as_int(x)))));
MW_OPERATION(Wrap16, as_float(hn::ShiftRight<16>(hn::ShiftLeft<16>(as_int(x)))));
MW_OPERATION(BitAnd, as_float(hn::And(as_int(x), as_int(y))));
#undef MW_OPERATION

// Slots may be the user's own memory: the last, partial vector goes through a small buffer, never past the end.
template <class Operation>
HWY_NOINLINE void vector_loop(const Step& step, float* const* slots, int64_t count) {
  const FloatTag d;
  const Operation operation{hn::Set(d, step.immediates[0]), hn::Set(d, step.immediates[1])};
  const float* x = slots[step.sources[0]];
  const float* y = step.sources[1] >= 0 ? slots[step.sources[1]] : x;
  const float* z = step.sources[2] >= 0 ? slots[step.sources[2]] : x;
  float* result = slots[step.destination];
  int64_t i = 0;
  for (; i + kFloatLanes <= count; i += kFloatLanes) {
    hn::StoreU(operation(d, hn::LoadU(d, x + i), hn::LoadU(d, y + i), hn::LoadU(d, z + i)), d, result + i);
  }
  if (i == count) return;
  HWY_ALIGN float tail[3][kFloatLanes] = {};
  const auto bytes = static_cast<size_t>(count - i) * sizeof(float);
  std::memcpy(tail[0], x + i, bytes);
  std::memcpy(tail[1], y + i, bytes);
  std::memcpy(tail[2], z + i, bytes);
  hn::Store(operation(d, hn::Load(d, tail[0]), hn::Load(d, tail[1]), hn::Load(d, tail[2])), d, tail[0]);
  std::memcpy(result + i, tail[0], bytes);
}

// Operations that no vector form pays for: they make position tables, or are rare.
float scalar_operation(Opcode opcode, float x, float y) {
  switch (opcode) {
    case Opcode::sin:
      return std::sin(x);
    case Opcode::cos:
      return std::cos(x);
    default:
      return std::pow(x, y);
  }
}

int32_t truncating_divide(int32_t x, int32_t y) {
  if (y == 0) return 0;
  if (y == -1) return static_cast<int32_t>(0u - static_cast<uint32_t>(x));  // the least int32 has no opposite
  return x / y;
}

int32_t floor_divide(int32_t x, int32_t y) {
  const int32_t quotient = truncating_divide(x, y);
  if (y == 0 || y == -1) return quotient;
  return quotient * y != x && (x < 0) != (y < 0) ? quotient - 1 : quotient;
}

// Modulo 2^32; of a negative exponent the power cut towards zero, and 0 for a power of 0.
int32_t integer_power(int32_t x, int32_t y) {
  if (y < 0) return x == 1 ? 1 : (x == -1 ? (y % 2 == 0 ? 1 : -1) : 0);
  uint32_t power = 1;
  uint32_t base = static_cast<uint32_t>(x);
  for (; y > 0; y >>= 1) {
    if ((y & 1) != 0) power *= base;
    base *= base;
  }
  return static_cast<int32_t>(power);
}

int32_t scalar_operation(Opcode opcode, int32_t x, int32_t y) {
  if (opcode == Opcode::pow) return integer_power(x, y);
  if (opcode == Opcode::trunc_div) return truncating_divide(x, y);
  const int32_t quotient = floor_divide(x, y);
  if (opcode == Opcode::floor_div || y == 0) return quotient;
  return y == -1 ? 0 : x - quotient * y;
}

template <class Lane>
void scalar_loop(const Step& step, float* const* slots, int64_t count) {
  const float* x = slots[step.sources[0]];
  const float* y = step.sources[1] >= 0 ? slots[step.sources[1]] : x;
  float* result = slots[step.destination];
  for (int64_t i = 0; i < count; ++i) {
    Lane left, right;
    std::memcpy(&left, x + i, sizeof(Lane));
    std::memcpy(&right, y + i, sizeof(Lane));
    const Lane value = scalar_operation(step.opcode, left, right);
    std::memcpy(result + i, &value, sizeof(Lane));
  }
}

void fill_constant(const Step& step, float* const* slots, int64_t count) {
  float value = step.immediates[0];
  if (step.type == LaneType::int32) std::memcpy(&value, &step.integer_immediates[0], sizeof(value));
  // Copied bit by bit: an int32 may look like a signalling NaN.
  for (int64_t i = 0; i < count; ++i) std::memcpy(slots[step.destination] + i, &value, sizeof(value));
}

using Loop = void (*)(const Step&, float* const*, int64_t);

Loop int_loop(Opcode opcode) {
  switch (opcode) {
    case Opcode::constant:
      return fill_constant;
    case Opcode::add:
      return vector_loop<AddInt>;
    case Opcode::sub:
      return vector_loop<SubInt>;
    case Opcode::mul:
      return vector_loop<MulInt>;
    case Opcode::floor_div:
    case Opcode::mod:
    case Opcode::trunc_div:
    case Opcode::pow:
      return scalar_loop<int32_t>;
    case Opcode::maximum:
      return vector_loop<MaximumInt>;
    case Opcode::minimum:
      return vector_loop<MinimumInt>;
    case Opcode::neg:
      return vector_loop<NegInt>;
    case Opcode::abs:
      return vector_loop<AbsInt>;
    case Opcode::sign:
      return vector_loop<SignInt>;
    case Opcode::square:
      return vector_loop<SquareInt>;
    case Opcode::select:
      return vector_loop<Select>;
    case Opcode::less:
      return vector_loop<LessInt>;
    case Opcode::less_equal:
      return vector_loop<LessEqualInt>;
    case Opcode::greater:
      return vector_loop<GreaterInt>;
    case Opcode::greater_equal:
      return vector_loop<GreaterEqualInt>;
    case Opcode::equal:
      return vector_loop<EqualInt>;
    case Opcode::not_equal:
      return vector_loop<NotEqualInt>;
    case Opcode::wrap4:
      return vector_loop<Wrap4>;
    case Opcode::wrap8:
      return vector_loop<Wrap8>;
    case Opcode::wrap16:
      return vector_loop<Wrap16>;
    case Opcode::bit_and:
      return vector_loop<BitAnd>;
    default:
      return nullptr;
  }
}

Loop float_loop(Opcode opcode) {
  switch (opcode) {
    case Opcode::constant:
      return fill_constant;
    case Opcode::add:
      return vector_loop<Add>;
    case Opcode::sub:
      return vector_loop<Sub>;
    case Opcode::mul:
      return vector_loop<Mul>;
    case Opcode::real_div:
      return vector_loop<RealDiv>;
    case Opcode::floor_div:
      return vector_loop<FloorDiv>;
    case Opcode::mod:
      return vector_loop<Mod>;
    case Opcode::maximum:
      return vector_loop<Maximum>;
    case Opcode::minimum:
      return vector_loop<Minimum>;
    case Opcode::pow:
    case Opcode::sin:
    case Opcode::cos:
      return scalar_loop<float>;
    case Opcode::neg:
      return vector_loop<Neg>;
    case Opcode::abs:
      return vector_loop<Abs>;
    case Opcode::sign:
      return vector_loop<Sign>;
    case Opcode::square:
      return vector_loop<Square>;
    case Opcode::sqrt:
      return vector_loop<Sqrt>;
    case Opcode::rsqrt:
      return vector_loop<Rsqrt>;
    case Opcode::inverse:
      return vector_loop<Inverse>;
    case Opcode::exp:
      return vector_loop<Exp>;
    case Opcode::exp2:
      return vector_loop<Exp2>;
    case Opcode::log:
      return vector_loop<Log>;
    case Opcode::tanh:
      return vector_loop<Tanh>;
    case Opcode::sigmoid:
      return vector_loop<Sigmoid>;
    case Opcode::silu:
      return vector_loop<Silu>;
    case Opcode::erf:
      return vector_loop<Erf>;
    case Opcode::gelu:
      return vector_loop<Gelu>;
    case Opcode::gelu_tanh:
      return vector_loop<GeluTanh>;
    case Opcode::relu:
      return vector_loop<Relu>;
    case Opcode::floor:
      return vector_loop<Floor>;
    case Opcode::ceil:
      return vector_loop<Ceil>;
    case Opcode::round:
      return vector_loop<Round>;
    case Opcode::clip:
      return vector_loop<Clip>;
    case Opcode::fma:
      return vector_loop<Fma>;
    case Opcode::select:
      return vector_loop<Select>;
    case Opcode::less:
      return vector_loop<Less>;
    case Opcode::less_equal:
      return vector_loop<LessEqual>;
    case Opcode::greater:
      return vector_loop<Greater>;
    case Opcode::greater_equal:
      return vector_loop<GreaterEqual>;
    case Opcode::equal:
      return vector_loop<Equal>;
    case Opcode::not_equal:
      return vector_loop<NotEqual>;
    case Opcode::logical_and:
      return vector_loop<LogicalAnd>;
    case Opcode::logical_or:
      return vector_loop<LogicalOr>;
    case Opcode::logical_xor:
      return vector_loop<LogicalXor>;
    case Opcode::logical_not:
      return vector_loop<LogicalNot>;
    case Opcode::to_float:
      return vector_loop<ToFloat>;
    case Opcode::to_int:
      return vector_loop<ToInt>;
    case Opcode::round_half:
      return vector_loop<RoundHalf>;
    case Opcode::round_bfloat:
      return vector_loop<RoundBfloat>;
    case Opcode::engine_range:
      return vector_loop<EngineRange>;
    case Opcode::trunc_div:
    case Opcode::wrap4:
    case Opcode::wrap8:
    case Opcode::wrap16:
    case Opcode::bit_and:
      return nullptr;
  }
  return nullptr;
}

void target_run_steps(std::span<const Step> steps, float* const* slots, int64_t count) {
  for (const Step& step : steps) {
    const Loop loop = step.type == LaneType::int32 ? int_loop(step.opcode) : float_loop(step.opcode);
    MW_CHECK(loop != nullptr, "{} has no such form", elementwise_opcode_name(step.opcode));
    loop(step, slots, count);
  }
}

template <class Element>
void load_floats(const Element* source, int64_t stride, int64_t count, float* lanes) {
  if (stride == 1) {
    copy_as_float(source, count, lanes);
  } else if (stride == 0) {
    std::fill_n(lanes, count, scalar_as_float(source));
  } else {
    for (int64_t i = 0; i < count; ++i) lanes[i] = scalar_as_float(source + i * stride);
  }
}

void load_ints(const int32_t* source, int64_t stride, int64_t count, float* lanes) {
  for (int64_t i = 0; i < count; ++i) std::memcpy(lanes + i, source + i * stride, sizeof(float));
}

template <class Integer>
void load_small_ints(const Integer* source, int64_t stride, int64_t count, float* lanes) {
  for (int64_t i = 0; i < count; ++i) {
    const int32_t value = source[i * stride];
    std::memcpy(lanes + i, &value, sizeof(value));
  }
}

void load_booleans(const uint8_t* source, int64_t stride, int64_t count, float* lanes) {
  for (int64_t i = 0; i < count; ++i) {
    const int32_t value = source[i * stride] != 0;
    std::memcpy(lanes + i, &value, sizeof(value));
  }
}

void target_load_lanes(Storage storage, const void* source, int64_t stride, int64_t count, float* lanes) {
  switch (storage) {
    case Storage::float32:
      return load_floats(static_cast<const float*>(source), stride, count, lanes);
    case Storage::float16:
      return load_floats(static_cast<const hwy::float16_t*>(source), stride, count, lanes);
    case Storage::bfloat16:
      return load_floats(static_cast<const hwy::bfloat16_t*>(source), stride, count, lanes);
    case Storage::int32:
      return load_ints(static_cast<const int32_t*>(source), stride, count, lanes);
    case Storage::int16:
      return load_small_ints(static_cast<const int16_t*>(source), stride, count, lanes);
    case Storage::uint16:
      return load_small_ints(static_cast<const uint16_t*>(source), stride, count, lanes);
    case Storage::int8:
      return load_small_ints(static_cast<const int8_t*>(source), stride, count, lanes);
    case Storage::uint8:
      return load_small_ints(static_cast<const uint8_t*>(source), stride, count, lanes);
    case Storage::boolean:
      return load_booleans(static_cast<const uint8_t*>(source), stride, count, lanes);
  }
}

template <class Element>
void store_floats(const float* lanes, int64_t count, Element* destination, int64_t stride) {
  const FloatTag d;
  int64_t i = 0;
  if (stride == 1) {
    for (; i + kFloatLanes <= count; i += kFloatLanes) store_from_float(d, hn::LoadU(d, lanes + i), destination + i);
  }
  for (; i < count; ++i) store_scalar_from_float(lanes[i], destination + i * stride);
}

void store_ints(const float* lanes, int64_t count, int32_t* destination, int64_t stride) {
  for (int64_t i = 0; i < count; ++i) std::memcpy(destination + i * stride, lanes + i, sizeof(float));
}

template <class Integer>
void store_small_ints(const float* lanes, int64_t count, Integer* destination, int64_t stride) {
  for (int64_t i = 0; i < count; ++i) {
    int32_t value;
    std::memcpy(&value, lanes + i, sizeof(value));
    destination[i * stride] = static_cast<Integer>(value);
  }
}

void store_booleans(const float* lanes, int64_t count, uint8_t* destination, int64_t stride) {
  for (int64_t i = 0; i < count; ++i) {
    int32_t value;
    std::memcpy(&value, lanes + i, sizeof(value));
    destination[i * stride] = value != 0;
  }
}

void target_store_lanes(Storage storage, const float* lanes, int64_t count, void* destination, int64_t stride) {
  switch (storage) {
    case Storage::float32:
      return store_floats(lanes, count, static_cast<float*>(destination), stride);
    case Storage::float16:
      return store_floats(lanes, count, static_cast<hwy::float16_t*>(destination), stride);
    case Storage::bfloat16:
      return store_floats(lanes, count, static_cast<hwy::bfloat16_t*>(destination), stride);
    case Storage::int32:
      return store_ints(lanes, count, static_cast<int32_t*>(destination), stride);
    case Storage::int16:
      return store_small_ints(lanes, count, static_cast<int16_t*>(destination), stride);
    case Storage::uint16:
      return store_small_ints(lanes, count, static_cast<uint16_t*>(destination), stride);
    case Storage::int8:
      return store_small_ints(lanes, count, static_cast<int8_t*>(destination), stride);
    case Storage::uint8:
      return store_small_ints(lanes, count, static_cast<uint8_t*>(destination), stride);
    case Storage::boolean:
      return store_booleans(lanes, count, static_cast<uint8_t*>(destination), stride);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_run_steps);
HWY_EXPORT(target_load_lanes);
HWY_EXPORT(target_store_lanes);

void run_elementwise_steps(std::span<const ElementwiseKernel::Step> steps, float* const* slots, int64_t count) {
  HWY_DYNAMIC_DISPATCH(target_run_steps)(steps, slots, count);
}

void load_lanes(Storage storage, const void* source, int64_t stride, int64_t count, float* lanes) {
  HWY_DYNAMIC_DISPATCH(target_load_lanes)(storage, source, stride, count, lanes);
}

void store_lanes(Storage storage, const float* lanes, int64_t count, void* destination, int64_t stride) {
  HWY_DYNAMIC_DISPATCH(target_store_lanes)(storage, lanes, count, destination, stride);
}

}  // namespace millwright::cpu
#endif
