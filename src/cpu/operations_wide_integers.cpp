// Elementwise operations, casts and selects of uint32, int64 and uint64, which do not fit the int32 lanes of the fused
// kernels: plain loops in the type itself, so that no bit is lost. Shapes and indices come in these types, never much.
#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "base/half.h"
#include "cpu/kernel_table.h"
#include "cpu/number_types.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

template <class T>
using Unsigned = std::make_unsigned_t<T>;

// body(T{}) for every type that a cast knows.
template <class Body>
Status with_any(const mil::Operation& operation, mil::ElementType element, const Body& body) {
  switch (element) {
    case mil::ElementType::fp16:
      return body(Half{});
    case mil::ElementType::bf16:
      return body(BFloat16{});
    case mil::ElementType::int16:
      return body(int16_t{});
    case mil::ElementType::uint16:
      return body(uint16_t{});
    case mil::ElementType::int8:
      return body(int8_t{});
    case mil::ElementType::uint8:
    case mil::ElementType::boolean:
      return body(uint8_t{});
    default:
      return with_number(operation, element, body);
  }
}

// Calls body(offset of each tensor) for every element of the loop, in order.
template <class Body>
void walk(const Loop& loop, const Body& body) {
  std::vector<int64_t> offsets(loop.strides.size(), 0);
  Dims index = loop.sizes;
  for (int dim = 0; dim < index.rank(); ++dim) index[dim] = 0;
  for (int64_t left = element_count(loop.sizes); left > 0; --left) {
    body(offsets.data());
    for (int dim = loop.sizes.rank() - 1; dim >= 0; --dim) {
      const bool carries = ++index[dim] == loop.sizes[dim];
      const int64_t steps = carries ? 1 - loop.sizes[dim] : 1;
      for (size_t i = 0; i < offsets.size(); ++i) offsets[i] += steps * loop.strides[i][dim];
      if (!carries) break;
      index[dim] = 0;
    }
  }
}

Loop loop_over(const View& result, std::initializer_list<View> operands) {
  std::vector<std::vector<int64_t>> strides;
  for (const View& view : operands) strides.push_back(broadcasted(view, result.sizes).strides);
  strides.push_back(result.strides);
  return collapsed(result.sizes, strides);
}

// Division by zero gives 0, as in the other kernels; the least number has no opposite and stays as it is.
template <class T>
T truncating_quotient(T x, T y) {
  if (y == 0) return 0;
  if constexpr (std::is_signed_v<T>) {
    if (y == -1) return static_cast<T>(Unsigned<T>{0} - static_cast<Unsigned<T>>(x));
  }
  return static_cast<T>(x / y);
}

template <class T>
T floor_quotient(T x, T y) {
  const T quotient = truncating_quotient(x, y);
  if constexpr (std::is_signed_v<T>) {
    if (y != 0 && y != -1 && quotient * y != x && (x < 0) != (y < 0)) return static_cast<T>(quotient - 1);
  }
  return quotient;
}

template <class T>
T power(T x, T y) {
  if constexpr (std::is_signed_v<T>) {
    if (y < 0) return x == 1 ? T{1} : (x == -1 ? (y % 2 == 0 ? T{1} : T{-1}) : T{0});
  }
  Unsigned<T> result = 1;
  Unsigned<T> base = static_cast<Unsigned<T>>(x);
  for (auto exponent = static_cast<Unsigned<T>>(y); exponent > 0; exponent >>= 1) {
    if ((exponent & 1) != 0) result *= base;
    base *= base;
  }
  return static_cast<T>(result);
}

template <class T>
T difference(T x, T y) {
  return static_cast<T>(static_cast<Unsigned<T>>(x) - static_cast<Unsigned<T>>(y));
}
template <class T>
T product(T x, T y) {
  return static_cast<T>(static_cast<Unsigned<T>>(x) * static_cast<Unsigned<T>>(y));
}
template <class T>
T absolute(T x) {
  if constexpr (std::is_signed_v<T>) return x < 0 ? difference(T{0}, x) : x;
  return x;
}

// Named like the kinds that they compute; a function of one operand takes it twice.
enum class Arithmetic : uint8_t {
  add,
  sub,
  mul,
  real_div,
  floor_div,
  mod,
  maximum,
  minimum,
  pow,
  abs,
  sign,
  square,
  unchanged,
  relu
};

template <class T>
T computed(Arithmetic function, T x, T y) {
  switch (function) {
    case Arithmetic::add:
      return static_cast<T>(static_cast<Unsigned<T>>(x) + static_cast<Unsigned<T>>(y));
    case Arithmetic::sub:
      return difference(x, y);
    case Arithmetic::mul:
      return product(x, y);
    case Arithmetic::real_div:
      return truncating_quotient(x, y);
    case Arithmetic::floor_div:
      return floor_quotient(x, y);
    case Arithmetic::mod:
      return y == 0 ? T{0} : difference(x, product(floor_quotient(x, y), y));
    case Arithmetic::maximum:
      return std::max(x, y);
    case Arithmetic::minimum:
      return std::min(x, y);
    case Arithmetic::pow:
      return power(x, y);
    case Arithmetic::abs:
      return absolute(x);
    case Arithmetic::sign:
      return static_cast<T>((x > 0 ? 1 : 0) - (x < 0 ? 1 : 0));
    case Arithmetic::square:
      return product(x, x);
    case Arithmetic::unchanged:
      return x;
    case Arithmetic::relu:
      return std::max(x, T{0});
  }
  return x;
}

template <Arithmetic kFunction>
Status lower_arithmetic(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const View y = operation.find_operand("y") != nullptr ? lowering.operand(operation, "y") : x;
  const View z = lowering.result(operation);
  return with_integer(operation, x.element, [&]<class T>(T) -> Status {
    Call call{.kernel = std::string(operation.kind()), .reads = {x, y}, .writes = {z}};
    call.run = [=, loop = loop_over(z, {x, y})](const Memory& memory) -> Status {
      const T* left = static_cast<const T*>(memory.at(x));
      const T* right = static_cast<const T*>(memory.at(y));
      T* result = static_cast<T*>(memory.at(z));
      walk(loop, [&](const int64_t* at) { result[at[2]] = computed(kFunction, left[at[0]], right[at[1]]); });
      return {};
    };
    return lowering.emit(operation, std::move(call));
  });
}

enum class Comparison : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

template <class T>
bool holds(Comparison comparison, T x, T y) {
  switch (comparison) {
    case Comparison::equal:
      return x == y;
    case Comparison::not_equal:
      return x != y;
    case Comparison::less:
      return x < y;
    case Comparison::less_equal:
      return x <= y;
    case Comparison::greater:
      return x > y;
    case Comparison::greater_equal:
      return x >= y;
  }
  return false;
}

template <Comparison kComparison>
Status lower_comparison(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const View y = lowering.operand(operation, "y");
  const View z = lowering.result(operation);
  return with_integer(operation, x.element, [&]<class T>(T) -> Status {
    Call call{.kernel = std::string(operation.kind()), .reads = {x, y}, .writes = {z}};
    call.run = [=, loop = loop_over(z, {x, y})](const Memory& memory) -> Status {
      const T* left = static_cast<const T*>(memory.at(x));
      const T* right = static_cast<const T*>(memory.at(y));
      auto* result = static_cast<uint8_t*>(memory.at(z));
      walk(loop, [&](const int64_t* at) { result[at[2]] = holds(kComparison, left[at[0]], right[at[1]]) ? 1 : 0; });
      return {};
    };
    return lowering.emit(operation, std::move(call));
  });
}

Status lower_select(Lowering& lowering, const mil::Operation& operation) {
  const View condition = lowering.operand(operation, "cond");
  const View a = lowering.operand(operation, "a");
  const View b = lowering.operand(operation, "b");
  const View z = lowering.result(operation);
  return with_integer(operation, a.element, [&]<class T>(T) -> Status {
    Call call{.kernel = "select", .reads = {condition, a, b}, .writes = {z}};
    call.run = [=, loop = loop_over(z, {condition, a, b})](const Memory& memory) -> Status {
      const auto* chosen = static_cast<const uint8_t*>(memory.at(condition));
      const T* left = static_cast<const T*>(memory.at(a));
      const T* right = static_cast<const T*>(memory.at(b));
      T* result = static_cast<T*>(memory.at(z));
      walk(loop, [&](const int64_t* at) { result[at[3]] = chosen[at[0]] != 0 ? left[at[1]] : right[at[2]]; });
      return {};
    };
    return lowering.emit(operation, std::move(call));
  });
}

template <class T>
constexpr bool kIsFloat = std::is_same_v<T, float> || std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// Floats are cut towards zero and saturate, NaN gives 0; integers wrap around.
template <class To, class From>
To converted(From x) {
  if constexpr (kIsFloat<To>) {
    return To(static_cast<float>(x));
  } else if constexpr (kIsFloat<From>) {
    const double number = std::trunc(static_cast<double>(static_cast<float>(x)));
    if (std::isnan(number)) return 0;
    if (number <= static_cast<double>(std::numeric_limits<To>::lowest())) return std::numeric_limits<To>::lowest();
    if (number >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(number);
  } else {
    return static_cast<To>(x);
  }
}

template <class From>
bool is_true(From x) {
  if constexpr (kIsFloat<From>) return static_cast<float>(x) != 0;
  return x != From{};
}

Status lower_cast(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const View y = lowering.result(operation);
  return with_any(operation, x.element, [&]<class From>(From) -> Status {
    return with_any(operation, y.element, [&]<class To>(To) -> Status {
      Call call{.kernel = "cast", .reads = {x}, .writes = {y}};
      const bool asks = y.element == mil::ElementType::boolean;
      call.run = [=, loop = loop_over(y, {x})](const Memory& memory) -> Status {
        const From* source = static_cast<const From*>(memory.at(x));
        To* result = static_cast<To*>(memory.at(y));
        walk(loop, [&](const int64_t* at) {
          const From number = source[at[0]];
          result[at[1]] = asks ? converted<To>(uint8_t{is_true(number)}) : converted<To>(number);
        });
        return {};
      };
      return lowering.emit(operation, std::move(call));
    });
  });
}

Status lower_clip(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.operand(operation, "x");
  const View y = lowering.result(operation);
  const auto low = static_cast<float>(mil::number(operation, "alpha"));
  const auto high = static_cast<float>(mil::number(operation, "beta"));
  return with_integer(operation, x.element, [&]<class T>(T) -> Status {
    Call call{.kernel = "clip", .reads = {x}, .writes = {y}};
    call.run = [=, least = converted<T>(low), most = converted<T>(high),
                loop = loop_over(y, {x})](const Memory& memory) -> Status {
      const T* source = static_cast<const T*>(memory.at(x));
      T* result = static_cast<T*>(memory.at(y));
      walk(loop, [&](const int64_t* at) { result[at[1]] = std::min(std::max(source[at[0]], least), most); });
      return {};
    };
    return lowering.emit(operation, std::move(call));
  });
}

constexpr KernelEntry kEntries[] = {
    {"add", lower_arithmetic<Arithmetic::add>, "*"},
    {"sub", lower_arithmetic<Arithmetic::sub>, "*"},
    {"mul", lower_arithmetic<Arithmetic::mul>, "*"},
    {"real_div", lower_arithmetic<Arithmetic::real_div>, "*"},
    {"floor_div", lower_arithmetic<Arithmetic::floor_div>, "*"},
    {"mod", lower_arithmetic<Arithmetic::mod>, "*"},
    {"maximum", lower_arithmetic<Arithmetic::maximum>, "*"},
    {"minimum", lower_arithmetic<Arithmetic::minimum>, "*"},
    {"pow", lower_arithmetic<Arithmetic::pow>, "*"},
    {"abs", lower_arithmetic<Arithmetic::abs>, "*"},
    {"sign", lower_arithmetic<Arithmetic::sign>, "*"},
    {"square", lower_arithmetic<Arithmetic::square>, "*"},
    {"floor", lower_arithmetic<Arithmetic::unchanged>, "*"},
    {"ceil", lower_arithmetic<Arithmetic::unchanged>, "*"},
    {"round", lower_arithmetic<Arithmetic::unchanged>, "*"},
    {"relu", lower_arithmetic<Arithmetic::relu>, "*"},
    {"equal", lower_comparison<Comparison::equal>, "*"},
    {"not_equal", lower_comparison<Comparison::not_equal>, "*"},
    {"less", lower_comparison<Comparison::less>, "*"},
    {"less_equal", lower_comparison<Comparison::less_equal>, "*"},
    {"greater", lower_comparison<Comparison::greater>, "*"},
    {"greater_equal", lower_comparison<Comparison::greater_equal>, "*"},
    {"select", lower_select, "*"},
    {"cast", lower_cast, "*"},
    {"clip", lower_clip, "*"},
};

}  // namespace

std::span<const KernelEntry> wide_integer_kernels() { return kEntries; }

}  // namespace millwright::cpu
