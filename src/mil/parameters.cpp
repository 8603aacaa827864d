#include "mil/parameters.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

const Literal& required(const Operation& operation, std::string_view name) {
  const Literal* literal = find_parameter(operation, name);
  MW_CHECK(literal != nullptr, "{}: the parameter {} is absent or not a constant", describe(operation), name);
  return *literal;
}

// A bound of slice_by_index on one axis, NumPy's clamping: for a positive stride into [0, size], for a negative one
// into [−1, size − 1].
int64_t clamp_bound(int64_t bound, int64_t size, bool forward) {
  if (bound < 0) bound += size;
  return forward ? std::clamp<int64_t>(bound, 0, size) : std::clamp<int64_t>(bound, -1, size - 1);
}

}  // namespace

const Literal* find_parameter(const Operation& operation, std::string_view name) {
  if (const Literal* literal = operation.constant(name)) return literal;
  if (operation.find_operand(name) != nullptr || operation.definition() == nullptr) return nullptr;
  const ParameterDefinition* parameter = operation.definition()->parameter(name);
  if (parameter == nullptr || !parameter->default_value) return nullptr;
  return &*parameter->default_value;
}

bool flag(const Operation& operation, std::string_view name) { return required(operation, name).as_bool(); }
int64_t integer(const Operation& operation, std::string_view name) { return required(operation, name).as_integer(); }
double number(const Operation& operation, std::string_view name) { return required(operation, name).as_number(); }
std::string text(const Operation& operation, std::string_view name) { return required(operation, name).as_string(); }

std::vector<int64_t> integers(const Operation& operation, std::string_view name) {
  const Literal* literal = find_parameter(operation, name);
  return literal == nullptr ? std::vector<int64_t>{} : literal->as_integers();
}

std::vector<bool> flags(const Operation& operation, std::string_view name) {
  std::vector<bool> values;
  for (const int64_t value : integers(operation, name)) values.push_back(value != 0);
  return values;
}

int64_t axis_of(const Operation& operation, std::string_view name, int64_t rank) {
  const int64_t axis = integer(operation, name);
  return axis < 0 ? axis + rank : axis;
}

std::vector<int64_t> reduction_axes(const Operation& operation, int64_t rank) {
  std::vector<int64_t> axes = integers(operation, "axes");
  if (axes.empty()) {
    axes.resize(static_cast<size_t>(rank));
    std::iota(axes.begin(), axes.end(), 0);
  }
  for (int64_t& axis : axes) axis = axis < 0 ? axis + rank : axis;
  std::ranges::sort(axes);
  axes.erase(std::unique(axes.begin(), axes.end()), axes.end());
  return axes;
}

std::optional<std::vector<SliceAxis>> slice_axes(const Operation& operation, const Shape& sliced) {
  if (operation.constant("begin") == nullptr || operation.constant("end") == nullptr) return std::nullopt;
  const std::vector<int64_t> begin = integers(operation, "begin");
  const std::vector<int64_t> end = integers(operation, "end");
  const std::vector<int64_t> stride = integers(operation, "stride");
  const std::vector<bool> begin_mask = flags(operation, "begin_mask");
  const std::vector<bool> end_mask = flags(operation, "end_mask");
  const std::vector<bool> squeeze_mask = flags(operation, "squeeze_mask");
  const auto set = [](const std::vector<bool>& mask, size_t axis) { return axis < mask.size() && mask[axis]; };

  std::vector<SliceAxis> axes(sliced.size());
  for (size_t axis = 0; axis < sliced.size(); ++axis) {
    SliceAxis& slice = axes[axis];
    const int64_t size = sliced[axis];
    if (size < 0) return std::nullopt;
    slice.stride = axis < stride.size() ? stride[axis] : 1;
    const bool forward = slice.stride > 0;
    if (set(squeeze_mask, axis)) {
      slice = {begin[axis] < 0 ? begin[axis] + size : begin[axis], 1, 1, true};
      continue;
    }
    const int64_t first = set(begin_mask, axis) ? (forward ? 0 : size - 1) : clamp_bound(begin[axis], size, forward);
    const int64_t last = set(end_mask, axis) ? (forward ? size : -1) : clamp_bound(end[axis], size, forward);
    const int64_t distance = forward ? last - first : first - last;
    const int64_t step = forward ? slice.stride : -slice.stride;
    slice.begin = first;
    slice.size = std::max<int64_t>(0, (distance + step - 1) / step);
  }
  return axes;
}

}  // namespace millwright::mil
