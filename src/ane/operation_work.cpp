#include "ane/operation_work.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "ane/value_bytes.h"
#include "mil/parameters.h"
#include "mil/registry.h"
#include "mil/statistics.h"

namespace millwright::ane {
namespace {

using mil::Operation;
using mil::Shape;
using mil::Value;

// The engine's arithmetic works on 32 channels at a time (C1A).
constexpr double kLanes = 32;
// Rows of a weight that fall on the same memory banks: a power of two of at least this (constraints C65).
constexpr double kConflictRowBytes = 8192;

enum class Place : uint8_t { surface, chip, memory };

// How an operation goes through its operands: positions in tiles, or whole; or it only changes where elements stand.
enum class Access : uint8_t { view, tiled, product, movement };

// Quantization happens where values enter and leave the arithmetic.
constexpr std::array<std::string_view, 7> kViews = {"reshape",   "expand_dims", "squeeze",   "identity",
                                                    "flatten2d", "quantize",    "dequantize"};
constexpr std::array<std::string_view, 4> kMatmuls = {"matmul", "linear", "einsum", "scaled_dot_product_attention"};
constexpr std::array<std::string_view, 5> kTiledCategories = {"elementwise", "activation", "reduction", "normalization",
                                                              "pool"};
constexpr std::array<std::string_view, 3> kRowCopies = {"slice_by_index", "slice_by_size", "split"};

bool is_one_of(std::span<const std::string_view> names, std::string_view name) {
  return std::ranges::find(names, name) != names.end();
}

bool is_conv(const Operation& operation) {
  return operation.definition() != nullptr && operation.definition()->category == "conv";
}

bool same_rows(const Shape& a, const Shape& b) { return !a.empty() && !b.empty() && a.back() == b.back(); }

// Slices, concatenations and the like that keep whole rows are a matter of addresses; others move every element.
bool keeps_rows(const Operation& operation) {
  const Value* result = operation.results().empty() ? nullptr : operation.result();
  if (result == nullptr || !result->type().is_tensor()) return false;
  if (operation.kind() == "concat") {
    const std::vector<Value*> values = operation.operand_values("values");
    return std::ranges::all_of(values, [&](const Value* v) { return same_rows(v->shape(), result->shape()); });
  }
  if (!is_one_of(kRowCopies, operation.kind())) return false;
  const Value* x = operation.operand("x");
  return x != nullptr && x->type().is_tensor() && same_rows(x->shape(), result->shape());
}

// A matmul goes through its left operand row by row, and needs the right one (or a transposed left one) whole.
bool is_right_operand(const Operation& operation, const Value* value) {
  if (!is_one_of(kMatmuls, operation.kind())) return false;
  if (value != operation.operand("x") && value != operation.operand("query")) return true;
  const mil::Literal* transposed = operation.constant("transpose_x");
  return value == operation.operand("y") ||
         (transposed != nullptr && transposed->has_elements() && transposed->as_bool());
}

Access access_of(const Operation& operation) {
  const std::string& kind = operation.kind();
  if (is_one_of(kViews, kind)) return Access::view;
  if (is_one_of(kMatmuls, kind) || is_conv(operation)) return Access::product;
  const mil::OperationDefinition* definition = operation.definition();
  if (definition != nullptr && is_one_of(kTiledCategories, definition->category)) return Access::tiled;
  if (kind == "softmax" || kind == "cast" || kind == "fill" || keeps_rows(operation)) return Access::tiled;
  return Access::movement;
}

// Constants, and what turns them into weights.
bool is_constant_data(const Operation& operation) {
  return operation.is_const() || (operation.results().size() == 1 && is_weight(*operation.result()));
}

double product_of(const Shape& shape, size_t from, size_t to) {
  double count = 1;
  for (size_t axis = from; axis < to && axis < shape.size(); ++axis) count *= static_cast<double>(shape[axis]);
  return count;
}

double axis_from_end(const Shape& shape, size_t from_end) {
  return shape.size() < from_end ? 1 : static_cast<double>(shape[shape.size() - from_end]);
}

double lanes(double channels) { return channels < 1 ? 1 : std::ceil(channels / kLanes) * kLanes / channels; }

bool is_power_of_two(double value) {
  int exponent = 0;
  return std::frexp(value, &exponent) == 0.5;
}

// What is moved between operations: the quantized numbers, where a value is quantized or about to be.
const mil::Type& carried_type(const Value& value) {
  const Operation* producer = value.producer();
  if (producer != nullptr && producer->kind() == "dequantize" && !producer->all_operands().empty()) {
    return producer->all_operands().front()->type();
  }
  const auto quantizes = [](const Operation* user) { return user->kind() == "quantize" && !user->results().empty(); };
  const bool only_quantized = !value.users().empty() && std::ranges::all_of(value.users(), quantizes);
  return only_quantized ? value.users().front()->result()->type() : value.type();
}

class Counter {
 public:
  Counter(const mil::Function& function, const OnChipRules& rules)
      : rules_(rules),
        limit_(rules.capacity_model ? rules.capacity_bytes : rules.operand_bytes),
        panel_(rules.capacity_model ? std::numeric_limits<double>::infinity() : rules.operand_bytes / 2) {
    for (const auto& input : function.inputs()) places_[input.get()] = Place::surface;
    inspect(function.block());
    for (const Value* result : function.results()) outputs_.emplace(root(result), border_bytes(result->type()));
    weights_stay_ = distinct_weight_bytes_ <= rules.operand_bytes;
  }

  Status count(const mil::Block& block, std::vector<OperationWork>& all) {
    for (const auto& operation : block.operations()) {
      if (is_constant_data(*operation)) continue;
      MW_TRY(check_shapes(*operation));
      if (access_of(*operation) == Access::view) {
        copy_input_to_output(*operation, all);
      } else {
        all.push_back(work_of(*operation));
      }
      for (const auto& nested : operation->blocks()) MW_TRY(count(*nested, all));
    }
    return {};
  }

 private:
  // Views and the operations that read each value; the weights of the whole function.
  void inspect(const mil::Block& block) {
    for (const auto& operation : block.operations()) {
      if (is_constant_data(*operation)) continue;
      const Access access = access_of(*operation);
      if (access == Access::view && !operation->results().empty() && !operation->all_operands().empty()) {
        views_[operation->result()] = root(operation->all_operands().front());
        continue;
      }
      for (const Value* value : operation->all_operands()) {
        if (is_weight(*value)) {
          const WeightKey key = weight_key(*value);
          if (seen_weights_.insert(key).second) distinct_weight_bytes_ += stream_bytes(*value);
        } else if (access == Access::movement || is_right_operand(*operation, value)) {
          read_whole_.insert(root(value));
        }
      }
      if (access != Access::movement) continue;
      for (const auto& result : operation->results()) read_whole_.insert(result.get());
    }
    seen_weights_.clear();
  }

  const Value* root(const Value* value) const {
    const auto view = views_.find(value);
    return view == views_.end() ? value : view->second;
  }

  static Status check_shapes(const Operation& operation) {
    const auto is_known = [](const Value* value) {
      return !value->type().is_tensor() || mil::is_static(value->shape());
    };
    for (const Value* value : operation.all_operands()) {
      if (!is_known(value)) return unknown_shape(operation, *value);
    }
    for (const auto& result : operation.results()) {
      if (!is_known(result.get())) return unknown_shape(operation, *result);
    }
    return {};
  }

  static Status unknown_shape(const Operation& operation, const Value& value) {
    return fail("{}: {} has the unknown shape {}; the cost model needs every size. Give the program fixed shapes",
                mil::describe(operation), value.name(), mil::shape_text(value.shape()));
  }

  double border_bytes(const mil::Type& type) const {
    return rules_.padded_rows ? surface_bytes(type) : value_bytes(type);
  }

  double stream_bytes(const Value& value) const { return weight_bytes(value, rules_.compressed_weights_stream); }

  Place place(const Value* value) const {
    const auto found = places_.find(root(value));
    return found == places_.end() ? Place::chip : found->second;
  }

  static void add(OperationWork& work, Place from, double bytes) {
    double& path = from == Place::chip      ? work.on_chip_bytes
                   : from == Place::surface ? work.activation_bytes
                                            : work.memory_bytes;
    path += bytes;
  }

  // A view has no cost of its own, unless it carries an input straight to a result.
  void copy_input_to_output(const Operation& operation, std::vector<OperationWork>& all) const {
    if (operation.results().empty()) return;
    const Value* result = operation.result();
    const Value* source = root(result);
    if (!outputs_.contains(source) || place(source) != Place::surface || !result->users().empty()) return;
    OperationWork work;
    work.operation = &operation;
    work.activation_bytes = 2 * border_bytes(result->type());
    work.working_set_bytes = work.activation_bytes;
    all.push_back(work);
  }

  OperationWork work_of(const Operation& operation) {
    OperationWork work;
    work.operation = &operation;
    work.flops = mil::flops_of(operation);
    const Access access = access_of(operation);
    if (access == Access::movement) {
      count_movement(operation, work);
      return work;
    }
    if (access == Access::product) {
      count_product(operation, work);
    } else {
      for (const Value* value : distinct_operands(operation)) read(operation, value, work);
    }
    for (const auto& result : operation.results()) write(result.get(), work);
    return work;
  }

  // Whoever changes the layout reads and writes at once, at the rate of surfaces. Operations that nobody knows cost the
  // same: what they read or write, whichever is more.
  void count_movement(const Operation& operation, OperationWork& work) {
    OperationWork reads = work;
    OperationWork writes = work;
    for (const Value* value : distinct_operands(operation)) read(operation, value, reads);
    for (const auto& result : operation.results()) write(result.get(), writes);
    const auto all = [](const OperationWork& w) { return w.activation_bytes + w.memory_bytes + w.on_chip_bytes; };
    work.weight_bytes = reads.weight_bytes;
    work.conflict_bytes = reads.conflict_bytes;
    work.activation_bytes = std::max(all(reads), all(writes));
    work.working_set_bytes = reads.working_set_bytes + writes.working_set_bytes;
  }

  static std::vector<const Value*> distinct_operands(const Operation& operation) {
    std::vector<const Value*> distinct;
    for (const Value* value : operation.all_operands()) {
      if (std::ranges::find(distinct, value) == distinct.end()) distinct.push_back(value);
    }
    return distinct;
  }

  // Parts of a large operand are read as parts; anything else reads all of it.
  double bytes_read(const Operation& operation, const Value* value) const {
    const bool is_part =
        is_one_of(std::array<std::string_view, 3>{"slice_by_index", "slice_by_size", "gather"}, operation.kind()) &&
        value == operation.operand("x");
    const mil::Type& type = is_part ? operation.result()->type() : carried_type(*value);
    return place(value) == Place::surface ? border_bytes(type) : value_bytes(type);
  }

  void read(const Operation& operation, const Value* value, OperationWork& work) {
    if (is_weight(*value)) return read_weight(operation, *value, 1, work);
    if (is_parameter(*value)) return;
    const double bytes = bytes_read(operation, value);
    work.working_set_bytes += bytes;
    add(work, place(value), bytes);
    keep(value, bytes);
  }

  // What an operation has read whole from a surface stays on chip where it fits.
  void keep(const Value* value, double bytes) {
    if (place(value) == Place::surface && bytes <= limit_ && bytes >= value_bytes(carried_type(*root(value)))) {
      places_[root(value)] = Place::chip;
    }
  }

  void read_weight(const Operation& operation, const Value& value, double times, OperationWork& work) {
    const double bytes = stream_bytes(value);
    work.working_set_bytes += bytes;
    const bool again = !seen_weights_.insert(weight_key(value)).second;
    if (again && weights_stay_ && bytes <= panel_) return;
    work.weight_bytes += times * bytes;
    if (has_conflicting_rows(operation, value, bytes)) work.conflict_bytes += times * bytes;
  }

  // From the surface into the engine's layout once; later panels find it there, on chip or in memory.
  void read_again(const Value& value, double bytes, OperationWork& work) const {
    const bool on_chip =
        place(&value) == Place::chip || (place(&value) == Place::surface && value_bytes(carried_type(value)) <= limit_);
    (on_chip ? work.on_chip_bytes : work.memory_bytes) += bytes;
  }

  // A row of a convolution's weight is what one output channel is multiplied by, at one tap.
  static bool has_conflicting_rows(const Operation& operation, const Value& value, double bytes) {
    const Shape& shape = value.shape();
    if (shape.size() < 2) return false;
    const double count = std::max(1.0, product_of(shape, 0, shape.size()));
    const double row = bytes / count * static_cast<double>(is_conv(operation) ? shape[1] : shape.back());
    return row >= kConflictRowBytes && is_power_of_two(row);
  }

  void write(const Value* result, OperationWork& work) {
    if (!result->type().is_tensor()) return;
    const bool is_output = outputs_.contains(result);
    const double bytes = is_output ? outputs_.at(result) : value_bytes(carried_type(*result));
    const bool spills = bytes > limit_ && read_whole_.contains(result) && !is_output;
    work.working_set_bytes += bytes;
    add(work, is_output ? Place::surface : spills ? Place::memory : Place::chip, bytes);
    const bool fits = bytes <= limit_ || !read_whole_.contains(result);
    places_[result] = fits ? Place::chip : Place::memory;
  }

  void count_product(const Operation& operation, OperationWork& work) {
    work.is_matmul = !is_conv(operation);
    work.lane_flops = work.flops;
    if (is_conv(operation)) {
      count_conv(operation, work);
    } else if (operation.kind() == "matmul" || operation.kind() == "linear") {
      count_matmul(operation, work);
    } else {
      work.positions = operation.results().empty() ? 1 : axis_from_end(operation.result()->shape(), 2);
      for (const Value* value : distinct_operands(operation)) read(operation, value, work);
    }
  }

  void count_conv(const Operation& operation, OperationWork& work) {
    const Value* x = operation.operand("x");
    const Value* weight = operation.operand("weight");
    if (x == nullptr || weight == nullptr || weight->shape().size() < 2) return;
    const Shape& shape = operation.kind() == "conv_transpose" ? x->shape() : operation.result()->shape();
    work.positions = product_of(shape, 0, 1) * product_of(shape, 2, shape.size());
    work.lane_flops *=
        lanes(axis_from_end(weight->shape(), weight->shape().size())) * lanes(static_cast<double>(weight->shape()[1]));
    work.is_int8 = is_int8_source(*x) && is_int8_source(*weight);
    read_operands(operation, {x, weight}, 1, work);
  }

  void count_matmul(const Operation& operation, OperationWork& work) {
    const Value* x = operation.operand("x");
    const Value* y = operation.operand(operation.kind() == "linear" ? "weight" : "y");
    if (x == nullptr || y == nullptr) return;
    const Shape& result = operation.result()->shape();
    const double columns = axis_from_end(result, 1);
    const double rows = axis_from_end(result, 2);
    const double batches = result.size() < 3 ? 1 : product_of(result, 0, result.size() - 2);
    // A right operand without batches serves all rows at once.
    const double y_count = product_of(y->shape(), 0, y->shape().size());
    const double y_batches = y->shape().size() < 3 ? 1 : product_of(y->shape(), 0, y->shape().size() - 2);
    const double separate = std::max(1.0, std::min(batches, y_batches));
    work.positions = rows * batches / separate;
    work.lane_flops *= lanes(columns) * lanes(y_count / std::max(1.0, y_batches * columns));
    work.is_int8 = is_int8_source(*x) && is_int8_source(*y);
    read_operands(operation, {x, y}, separate, work);
  }

  // The operand that is kept in panels is the one that makes the other stream the fewest bytes again.
  void read_operands(const Operation& operation, std::array<const Value*, 2> operands, double batches,
                     OperationWork& work) {
    std::array<double, 2> bytes{};
    for (size_t i = 0; i < 2; ++i) {
      bytes[i] = is_weight(*operands[i]) ? stream_bytes(*operands[i]) : value_bytes(carried_type(*operands[i]));
    }
    const auto panels = [&](size_t kept) { return std::floor(bytes[kept] / batches / panel_) + 1; };
    const size_t kept = (panels(0) - 1) * bytes[1] <= (panels(1) - 1) * bytes[0] ? 0 : 1;
    const std::array<double, 2> times = kept == 0 ? std::array<double, 2>{1, panels(0)} : std::array{panels(1), 1.0};
    for (size_t i = 0; i < 2; ++i) {
      if (is_weight(*operands[i])) {
        read_weight(operation, *operands[i], times[i], work);
      } else {
        read_again(*operands[i], (times[i] - 1) * bytes[i], work);
        read(operation, operands[i], work);
      }
    }
    for (const Value* value : distinct_operands(operation)) {
      if (value != operands[0] && value != operands[1]) read(operation, value, work);
    }
  }

  OnChipRules rules_;
  double limit_;
  double panel_;
  bool weights_stay_ = false;
  double distinct_weight_bytes_ = 0;
  std::set<WeightKey> seen_weights_;
  std::unordered_map<const Value*, const Value*> views_;
  std::unordered_map<const Value*, Place> places_;
  std::unordered_map<const Value*, double> outputs_;  // by the value that a view shows, with the bytes of the surface
  std::unordered_set<const Value*> read_whole_;
};

void add_constants(const mil::Block& block, std::set<WeightKey>& seen, double& bytes) {
  for (const auto& operation : block.operations()) {
    if (operation->is_const() && is_weight(*operation->result()) &&
        seen.insert(weight_key(*operation->result())).second) {
      bytes += value_bytes(operation->result()->type());
    }
    for (const auto& nested : operation->blocks()) add_constants(*nested, seen, bytes);
  }
}

}  // namespace

Result<FunctionWork> count_work(const mil::Function& function, const OnChipRules& rules) {
  FunctionWork work;
  MW_TRY(Counter(function, rules).count(function.block(), work.operations));
  std::set<WeightKey> seen;
  add_constants(function.block(), seen, work.constant_bytes);
  return work;
}

}  // namespace millwright::ane
