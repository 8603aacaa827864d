#include "mil/random_indices.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "base/random.h"
#include "mil/parameters.h"

namespace millwright::mil {
namespace {

// Operations whose results hold numbers of their operands only, and these operands.
struct Mover {
  std::string_view kind;
  std::string_view operand;
};
constexpr std::array kMovers = {
    Mover{"identity", "x"},    Mover{"cast", "x"},       Mover{"reshape", "x"},        Mover{"expand_dims", "x"},
    Mover{"squeeze", "x"},     Mover{"transpose", "x"},  Mover{"slice_by_index", "x"}, Mover{"slice_by_size", "x"},
    Mover{"split", "x"},       Mover{"tile", "x"},       Mover{"reverse", "x"},        Mover{"flatten2d", "x"},
    Mover{"concat", "values"}, Mover{"stack", "values"}, Mover{"gather", "x"},         Mover{"select", "a"},
    Mover{"select", "b"},
};

bool is_bound_to(const Operation& operation, std::string_view operand, const Value& value) {
  const std::vector<Value*> values = operation.operand_values(operand);
  return std::ranges::find(values, &value) != values.end();
}

bool moves(const Operation& operation, const Value& value) {
  return std::ranges::any_of(kMovers, [&](const Mover& mover) {
    return mover.kind == operation.kind() && is_bound_to(operation, mover.operand, value);
  });
}

const Type* tensor_operand(const Operation& operation, std::string_view name) {
  const Value* value = operation.operand(name);
  return value != nullptr && value->type().is_tensor() ? &value->type() : nullptr;
}

// The smallest of the axes that an index with `components` numbers names, from the first axis behind the batch.
std::optional<int64_t> smallest_axis(const Operation& operation, const Type& indexed, const Value& indices) {
  const Shape& shape = indices.shape();
  if (shape.empty() || shape.back() < 1) return std::nullopt;
  const int64_t batch = find_parameter(operation, "batch_dims") != nullptr ? integer(operation, "batch_dims") : 0;
  if (batch < 0 || batch + shape.back() > indexed.rank()) return std::nullopt;
  const auto first = indexed.shape().begin() + batch;
  return *std::min_element(first, first + shape.back());
}

// How many elements `value` chooses among in this operation.
std::optional<int64_t> bound_in(const Operation& operation, const Value& value) {
  if (operation.definition() == nullptr || !is_bound_to(operation, "indices", value)) return std::nullopt;
  const std::string& kind = operation.kind();
  if (kind == "one_hot") {
    const Literal* size = find_parameter(operation, "one_hot_vector_size");
    return size == nullptr ? std::nullopt : std::optional(size->as_integer());
  }
  const Type* indexed = tensor_operand(operation, kind.starts_with("gather") ? "x" : "data");
  if (indexed == nullptr) return std::nullopt;
  if (kind == "gather_nd" || kind == "scatter_nd") return smallest_axis(operation, *indexed, value);
  const bool has_axis = find_parameter(operation, "axis") != nullptr && indexed->rank() > 0;
  if (!has_axis) return std::nullopt;
  return indexed->shape()[static_cast<size_t>(axis_of(operation, "axis", indexed->rank()))];
}

// The whole numbers from 0 that an element holds exactly.
int64_t exact_numbers(ElementType element) {
  switch (element) {
    case ElementType::boolean:
      return 2;
    case ElementType::fp8e4m3fn:
      return 16;
    case ElementType::fp8e5m2:
      return 8;
    case ElementType::bf16:
      return int64_t{1} << 8;
    case ElementType::fp16:
      return int64_t{1} << 11;
    case ElementType::fp32:
      return int64_t{1} << 24;
    case ElementType::fp64:
      return int64_t{1} << 53;
    default:
      return std::min(integer_range(element).second, int64_t{1} << 53) + 1;
  }
}

// Bounds are short vectors.
constexpr int64_t kMostBounds = 32;

// A vector in which the numbers of some value stand one behind the other, from `offset` on.
struct Place {
  const Value* vector = nullptr;
  int64_t offset = 0;
};

bool flag_at(const Operation& operation, std::string_view name, size_t axis) {
  const Literal* flags = operation.constant(name);
  return flags != nullptr && flags->has_elements() && static_cast<int64_t>(axis) < flags->type().count() &&
         flags->integer_at(static_cast<int64_t>(axis)) != 0;
}

// The size that the types declare for the region of a slice along an axis of what is sliced.
std::optional<int64_t> region_size(const Operation& slice, size_t axis) {
  const bool is_update = slice.kind() == "slice_update";
  if (const Literal* stride = slice.constant("stride"); stride != nullptr) {
    if (!stride->has_elements() || static_cast<int64_t>(axis) >= stride->type().count()) return std::nullopt;
    if (stride->integer_at(static_cast<int64_t>(axis)) != 1) return std::nullopt;
  }
  if (flag_at(slice, "squeeze_mask", axis)) return 1;
  if (is_update && slice.operand("update") == nullptr) return std::nullopt;
  const Type& region = is_update ? slice.operand("update")->type() : slice.result()->type();
  size_t place = axis;  // squeezed axes are not in the region
  for (size_t before = 0; before < axis; ++before) place -= flag_at(slice, "squeeze_mask", before) ? 1 : 0;
  if (!region.is_tensor() || place >= region.shape().size()) return std::nullopt;
  const int64_t size = region.shape()[place];
  return size == kUnknownDimension ? std::nullopt : std::optional(size);
}

// The number that belongs at this axis of a slice's operand, if the slice looks at it.
std::optional<int64_t> bound_at(const Operation& slice, std::string_view operand, size_t axis) {
  if (operand == "begin") return flag_at(slice, "begin_mask", axis) ? std::nullopt : std::optional<int64_t>(0);
  if (flag_at(slice, "end_mask", axis)) return std::nullopt;
  return region_size(slice, axis);
}

// Where the numbers of `place` stand in the results of an operation that uses them.
std::vector<Place> moved_places(const Operation& operation, const Place& place) {
  constexpr std::array<std::string_view, 5> kShapeless = {"identity", "cast", "expand_dims", "squeeze", "reshape"};
  std::vector<Place> moved;
  if (std::ranges::find(kShapeless, operation.kind()) != kShapeless.end()) {
    if (operation.operand("x") == place.vector) moved.push_back({operation.result(), place.offset});
  } else if (operation.kind() == "concat" && operation.result()->type().is_tensor() &&
             operation.result()->type().rank() == 1) {
    int64_t offset = place.offset;
    for (const Value* part : operation.operand_values("values")) {
      if (part == place.vector) moved.push_back({operation.result(), offset});
      if (!part->type().is_tensor() || !is_static(part->type().shape())) break;
      offset += part->type().count();
    }
  }
  return moved;
}

}  // namespace

std::optional<Literal> region_bounds(const Value& value) {
  const Type& type = value.type();
  if (!type.is_tensor() || !is_integer(type.element()) || !is_static(type.shape()) || type.count() > kMostBounds) {
    return std::nullopt;
  }
  std::vector<std::optional<int64_t>> bounds(static_cast<size_t>(type.count()));
  bool is_bound = false;
  std::vector<Place> open = {{&value, 0}};
  std::unordered_set<const Value*> seen = {&value};
  while (!open.empty()) {
    const Place place = open.back();
    open.pop_back();
    for (const Operation* user : place.vector->users()) {
      const bool is_slice =
          user->kind() == "slice_by_index" || user->kind() == "slice_by_size" || user->kind() == "slice_update";
      for (const std::string_view operand : {"end", "size", "begin"}) {
        if (!is_slice || user->operand(operand) != place.vector) continue;
        is_bound = true;
        for (size_t i = 0; i < bounds.size(); ++i) {
          const auto bound = bound_at(*user, operand, static_cast<size_t>(place.offset) + i);
          if (bound && (!bounds[i] || operand == "begin")) bounds[i] = bound;
        }
      }
      for (const Place& moved : moved_places(*user, place)) {
        if (seen.insert(moved.vector).second) open.push_back(moved);
      }
    }
  }
  if (!is_bound) return std::nullopt;
  const auto [least, most] = integer_range(type.element());
  std::vector<std::byte> elements(static_cast<size_t>(type.bytes()));
  for (size_t i = 0; i < bounds.size(); ++i) {
    store_integer(type.element(), std::clamp(bounds[i].value_or(0), least, most),
                  &elements[i * element_bytes(type.element())]);
  }
  return Literal::bytes(type, std::move(elements));
}

std::optional<int64_t> index_bound(const Value& value) {
  std::optional<int64_t> bound;
  std::vector<const Value*> open = {&value};
  std::unordered_set<const Value*> seen = {&value};
  while (!open.empty()) {
    const Value& moved = *open.back();
    open.pop_back();
    for (const Operation* user : moved.users()) {
      const std::optional<int64_t> here = bound_in(*user, moved);
      if (here && *here > 0 && (!bound || *here < *bound)) bound = here;
      if (!moves(*user, moved)) continue;
      for (const auto& result : user->results()) {
        if (seen.insert(result.get()).second) open.push_back(result.get());
      }
    }
  }
  return bound;
}

Literal random_indices(const Type& type, int64_t bound, uint64_t seed, uint64_t stream) {
  const auto most = static_cast<uint64_t>(std::clamp<int64_t>(bound, 1, exact_numbers(type.element())));
  const size_t width = element_bytes(type.element());
  std::vector<std::byte> elements(static_cast<size_t>(type.bytes()));
  RandomStream random(seed, stream);
  for (size_t i = 0; i < elements.size(); i += width) {
    const auto index = static_cast<int64_t>(random.below(most));
    if (is_floating(type.element())) {
      store_number(type.element(), static_cast<double>(index), &elements[i]);
    } else {
      store_integer(type.element(), index, &elements[i]);
    }
  }
  return Literal::bytes(type, std::move(elements));
}

}  // namespace millwright::mil
