#include "cpu/index_operands.h"

#include <limits>
#include <utility>

#include "cpu/element_dispatch.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/gather.h"

namespace millwright::cpu {
namespace {

template <class Integer>
int32_t nearest_int32(Integer value) {
  using Limits = std::numeric_limits<int32_t>;
  if (std::cmp_less(value, Limits::min())) return Limits::min();
  if (std::cmp_greater(value, Limits::max())) return Limits::max();
  return static_cast<int32_t>(value);
}

}  // namespace

Result<View> int32_operand(Lowering& lowering, const mil::Operation& operation, std::string_view name) {
  const View given = lowering.dense_operand(operation, name);
  if (given.element == mil::ElementType::int32) return given;
  if (!mil::is_integer(given.element)) {
    return operation_error(operation, "{} has elements of {}, expected integers", name,
                           mil::element_name(given.element));
  }
  const View indices = lowering.temporary(mil::Type::tensor(mil::ElementType::int32, given.sizes));
  Call call{.kernel = "to_int32", .reads = {given}, .writes = {indices}};
  call.run = [=](const Memory& memory) -> Status {
    with_integer_type(given.element, [&]<class Integer>(Integer*) {
      const auto* from = static_cast<const Integer*>(memory.at(given));
      int32_t* to = memory.integers(indices);
      for (int64_t i = 0; i < given.count(); ++i) to[i] = nearest_int32(from[i]);
    });
    return {};
  };
  MW_TRY(lowering.emit(operation, std::move(call)));
  return indices;
}

Status check_indices(const std::string& where, const int32_t* indices, int64_t count, int64_t size, int64_t axis) {
  const int64_t bad = first_invalid_index(indices, count, size);
  if (bad < 0) return {};
  return fail("{}: index {} is outside axis {} of size {}", where, indices[bad], axis, size);
}

}  // namespace millwright::cpu
