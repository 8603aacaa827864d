// Float functions on vectors. Compiled once per Highway target. Polynomials are minimax fits (Remez) of our own.
// Largest errors, in units in the last place, tested over dense ranges with denormals, infinities and NaN:
//   exp, exp2 1.5; log 1.5; sigmoid 3; tanh 2.5; erf 2; silu 4; rsqrt, inverse 2; sqrt, division correctly rounded.
//   silu below -87 (sigmoid is denormal): absolute error 2e-43.
//   gelu and gelu_tanh: 4 units of max(|result|, |x|/8), because the tail of 1 + erf cancels.
#if defined(MILLWRIGHT_CPU_KERNELS_MATH_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MILLWRIGHT_CPU_KERNELS_MATH_INL_H_
#undef MILLWRIGHT_CPU_KERNELS_MATH_INL_H_
#else
#define MILLWRIGHT_CPU_KERNELS_MATH_INL_H_
#endif

#include <hwy/highway.h>

#include <limits>

#include "cpu/kernels/storage-inl.h"

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

using IntTag = hn::RebindToSigned<FloatTag>;
using IntVec = hn::Vec<IntTag>;

// Horner's scheme: coefficients from the lowest power up.
HWY_INLINE FloatVec polynomial(FloatTag d, FloatVec, float c0) { return hn::Set(d, c0); }
template <class... Rest>
HWY_INLINE FloatVec polynomial(FloatTag d, FloatVec x, float c0, Rest... rest) {
  return hn::MulAdd(polynomial(d, x, rest...), x, hn::Set(d, c0));
}

// 2^n for n in [-126, 127].
HWY_INLINE FloatVec power_of_two(FloatTag d, IntVec n) {
  const IntTag di;
  return hn::BitCast(d, hn::ShiftLeft<23>(hn::Add(n, hn::Set(di, 127))));
}

// e^r * 2^n, |r| <= ln(2)/2, n in [-252, 254]: two factors, so that denormal and overflowing results come out right.
HWY_INLINE FloatVec exp_reduced(FloatTag d, FloatVec r, IntVec n) {
  const FloatVec p =
      polynomial(d, r, 5.000000000e-01f, 1.666651219e-01f, 4.166618735e-02f, 8.369597606e-03f, 1.395177329e-03f);
  const FloatVec y = hn::Add(hn::MulAdd(hn::Mul(r, r), p, r), hn::Set(d, 1.0f));
  const IntVec half = hn::ShiftRight<1>(n);
  return hn::Mul(hn::Mul(y, power_of_two(d, half)), power_of_two(d, hn::Sub(n, half)));
}

HWY_INLINE FloatVec keep_nan(FloatVec x, FloatVec result) { return hn::IfThenElse(hn::IsNaN(x), x, result); }

HWY_INLINE FloatVec exp(FloatTag d, FloatVec x) {
  // Below -104 the result is 0, above 89 infinity. Lanes that give 0 are computed at 0 and cleared: an underflowing
  // product costs a microcode assist of some 150 cycles, and masked attention has one in every second lane. So are
  // those of NaN, which has no int32.
  const auto computed = hn::Ge(x, hn::Set(d, -104.0f));
  const FloatVec clamped = hn::IfThenElseZero(computed, hn::Min(hn::Set(d, 89.0f), x));
  const IntVec n = hn::NearestInt(hn::Mul(clamped, hn::Set(d, 1.44269504f)));
  const FloatVec nf = hn::ConvertTo(d, n);
  // ln 2 in two parts; the first has few bits, so that n times it is exact.
  FloatVec r = hn::NegMulAdd(nf, hn::Set(d, 0.693359375f), clamped);
  r = hn::NegMulAdd(nf, hn::Set(d, -2.12194440e-4f), r);
  return keep_nan(x, hn::IfThenElseZero(computed, exp_reduced(d, r, n)));
}

HWY_INLINE FloatVec exp2(FloatTag d, FloatVec x) {
  const auto computed = hn::Ge(x, hn::Set(d, -150.0f));
  const FloatVec clamped = hn::IfThenElseZero(computed, hn::Min(hn::Set(d, 129.0f), x));
  const IntVec n = hn::NearestInt(clamped);
  const FloatVec r = hn::Mul(hn::Sub(clamped, hn::ConvertTo(d, n)), hn::Set(d, 0.693147181f));
  return keep_nan(x, hn::IfThenElseZero(computed, exp_reduced(d, r, n)));
}

HWY_INLINE FloatVec log(FloatTag d, FloatVec x) {
  const IntTag di;
  // Denormals are scaled up to normal numbers first.
  const auto tiny = hn::Lt(x, hn::Set(d, 1.17549435e-38f));
  const FloatVec normal = hn::IfThenElse(tiny, hn::Mul(x, hn::Set(d, 33554432.0f)), x);  // 2^25
  const FloatVec scale_exponent = hn::IfThenElseZero(tiny, hn::Set(d, -25.0f));
  // x = 2^e (1 + m) with 1 + m in [sqrt(1/2), sqrt(2)): sqrt(1/2) has the bits 0x3f3504f3.
  const IntVec bits = hn::Sub(hn::BitCast(di, normal), hn::Set(di, 0x3f3504f3));
  const FloatVec e = hn::Add(hn::ConvertTo(d, hn::ShiftRight<23>(bits)), scale_exponent);
  const IntVec mantissa = hn::Add(hn::And(bits, hn::Set(di, 0x007fffff)), hn::Set(di, 0x3f3504f3));
  const FloatVec m = hn::Sub(hn::BitCast(d, mantissa), hn::Set(d, 1.0f));
  const FloatVec m2 = hn::Mul(m, m);
  const FloatVec p =
      polynomial(d, m, 3.333331048e-01f, -2.499998510e-01f, 2.000226974e-01f, -1.666936874e-01f, 1.421779245e-01f,
                 -1.238166392e-01f, 1.187727377e-01f, -1.180841550e-01f, 6.927834451e-02f);
  FloatVec tail = hn::Mul(hn::Mul(p, m), m2);
  tail = hn::MulAdd(e, hn::Set(d, -2.12194440e-4f), tail);
  tail = hn::NegMulAdd(hn::Set(d, 0.5f), m2, tail);
  FloatVec result = hn::MulAdd(e, hn::Set(d, 0.693359375f), hn::Add(m, tail));
  const FloatVec infinity = hn::Set(d, std::numeric_limits<float>::infinity());
  result = hn::IfThenElse(hn::Eq(x, infinity), infinity, result);
  result = hn::IfThenElse(hn::Eq(x, hn::Zero(d)), hn::Neg(infinity), result);
  result = hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Set(d, std::numeric_limits<float>::quiet_NaN()), result);
  return keep_nan(x, result);
}

// From e^-|x|, so that the tail towards 0 keeps its relative accuracy.
HWY_INLINE FloatVec sigmoid(FloatTag d, FloatVec x) {
  const FloatVec e = exp(d, hn::Neg(hn::Abs(x)));
  const FloatVec positive = hn::Div(hn::Set(d, 1.0f), hn::Add(hn::Set(d, 1.0f), e));
  return hn::IfThenElse(hn::Lt(x, hn::Zero(d)), hn::Mul(e, positive), positive);
}

HWY_INLINE FloatVec silu(FloatTag d, FloatVec x) {
  // -inf * 0 would be NaN; the limit is 0.
  const FloatVec finite = hn::IfThenElse(hn::Lt(x, hn::Set(d, -200.0f)), hn::Set(d, -200.0f), x);
  return hn::Mul(finite, sigmoid(d, finite));
}

HWY_INLINE FloatVec tanh(FloatTag d, FloatVec x) {
  const FloatVec t = hn::Abs(x);
  const FloatVec x2 = hn::Mul(x, x);
  const FloatVec p =
      polynomial(d, x2, -3.333327770e-01f, 1.333132833e-01f, -5.372922868e-02f, 2.060200833e-02f, -5.660789553e-03f);
  const FloatVec near_zero = hn::MulAdd(hn::Mul(x2, p), x, x);
  const FloatVec e = exp(d, hn::Add(t, t));
  const FloatVec far = hn::Sub(hn::Set(d, 1.0f), hn::Div(hn::Set(d, 2.0f), hn::Add(e, hn::Set(d, 1.0f))));
  return hn::IfThenElse(hn::Lt(t, hn::Set(d, 0.625f)), near_zero, hn::CopySign(far, x));
}

HWY_INLINE FloatVec erf(FloatTag d, FloatVec x) {
  const FloatVec t = hn::Min(hn::Abs(x), hn::Set(d, 4.0f));  // erf(4) rounds to 1
  const FloatVec x2 = hn::Mul(x, x);
  const FloatVec p = polynomial(d, x2, 1.283791661e-01f, -3.761263490e-01f, 1.128369123e-01f, -2.685911953e-02f,
                                5.200259387e-03f, -8.133203373e-04f, 8.327443356e-05f);
  const FloatVec near_zero = hn::MulAdd(p, x, x);
  // 1 - erf(t) = e^(-t q(t)).
  const FloatVec q =
      polynomial(d, t, 1.128459811e+00f, 6.361247897e-01f, 1.040992215e-01f, -2.115819603e-02f, 1.722579356e-03f,
                 5.522627034e-04f, -2.287632233e-04f, 3.605664460e-05f, -2.258378572e-06f);
  const FloatVec far = hn::Sub(hn::Set(d, 1.0f), exp(d, hn::Neg(hn::Mul(t, q))));
  const FloatVec result = hn::IfThenElse(hn::Lt(t, hn::Set(d, 0.93f)), near_zero, hn::CopySign(far, x));
  return keep_nan(x, result);
}

HWY_INLINE FloatVec gelu(FloatTag d, FloatVec x) {
  const FloatVec phi = hn::Add(hn::Set(d, 1.0f), erf(d, hn::Mul(x, hn::Set(d, 0.707106781f))));
  const FloatVec finite = hn::IfThenElse(hn::Lt(x, hn::Set(d, -20.0f)), hn::Zero(d), x);
  return hn::Mul(hn::Mul(finite, hn::Set(d, 0.5f)), phi);
}

HWY_INLINE FloatVec gelu_tanh(FloatTag d, FloatVec x) {
  const FloatVec x2 = hn::Mul(x, x);
  const FloatVec inner =
      hn::Mul(hn::Mul(x, hn::Set(d, 0.797884561f)), hn::MulAdd(x2, hn::Set(d, 0.044715f), hn::Set(d, 1.0f)));
  const FloatVec finite = hn::IfThenElse(hn::Lt(x, hn::Set(d, -20.0f)), hn::Zero(d), x);
  return hn::Mul(hn::Mul(finite, hn::Set(d, 0.5f)), hn::Add(hn::Set(d, 1.0f), tanh(d, inner)));
}

// NaN if either is NaN, unlike the machine's own instructions.
HWY_INLINE FloatVec maximum(FloatVec a, FloatVec b) {
  return hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Max(a, b)));
}
HWY_INLINE FloatVec minimum(FloatVec a, FloatVec b) {
  return hn::IfThenElse(hn::IsNaN(a), a, hn::IfThenElse(hn::IsNaN(b), b, hn::Min(a, b)));
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#endif
