// Image resizing as gathers along the resized axes: nearest neighbours are picked, linear samples are two picks and
// their weighted sum, one axis after the other. Where the samples lie is that of Core ML's sampling modes
// (BNNSLinearSamplingMode in Apple's Accelerate documentation).
#include <algorithm>
#include <cmath>
#include <optional>

#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "cpu/view.h"
#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// Of the samples along an axis, in elements of the axis.
using Places = std::vector<double>;

mil::Value* image(mil::Builder& b, const mil::Operation& operation) {
  const mil::Argument& argument = operation.find_operand("x")->arguments.at(0);
  const auto* literal = std::get_if<mil::Literal>(&argument);
  return literal != nullptr ? b.constant(*literal) : std::get<mil::Value*>(argument);
}

// `count` samples of an axis of `size`, by the name of a sampling mode; nothing for a name that is none.
std::optional<Places> places_of_mode(std::string_view mode, int64_t size, int64_t count) {
  const auto input = static_cast<double>(size);
  const auto output = static_cast<double>(count);
  const double aligned = count > 1 ? (input - 1) / (output - 1) : 0;
  double first = 0;
  double step = 0;
  if (mode == "DEFAULT") {
    step = input / output;
  } else if (mode == "STRICT_ALIGN_CORNERS") {
    step = aligned;
  } else if (mode == "ALIGN_CORNERS") {
    step = aligned;
    first = count == 1 ? (input - 1) / 2 : 0;
  } else if (mode == "UNALIGN_CORNERS") {
    step = input / output;
    first = 0.5 * step - 0.5;
  } else if (mode == "OFFSET_CORNERS") {
    step = std::max(1.0, input - 1) / output;
    first = 0.5 * step;
  } else {
    return std::nullopt;
  }
  Places places(static_cast<size_t>(count));
  for (size_t i = 0; i < places.size(); ++i) places[i] = first + static_cast<double>(i) * step;
  return places;
}

// The neighbour that a sample of an axis takes: element floor(i · size / count).
Places nearest_places(int64_t size, int64_t count) {
  Places places(static_cast<size_t>(count));
  for (int64_t i = 0; i < count; ++i) places[static_cast<size_t>(i)] = static_cast<double>(i * size / count);
  return places;
}

// x at the places of one axis. Places outside are those of the border.
mil::Value* sampled(mil::Builder& b, mil::Value* x, int64_t axis, const Places& places) {
  const int64_t size = x->shape()[static_cast<size_t>(axis)];
  std::vector<int64_t> low;
  std::vector<int64_t> high;
  std::vector<double> weights;
  bool is_whole = static_cast<int64_t>(places.size()) == size;
  bool has_weights = false;
  for (size_t i = 0; i < places.size(); ++i) {
    const double place = std::clamp(places[i], 0.0, static_cast<double>(size - 1));
    low.push_back(static_cast<int64_t>(std::floor(place)));
    high.push_back(std::min(low.back() + 1, size - 1));
    weights.push_back(place - static_cast<double>(low.back()));
    has_weights = has_weights || weights.back() > 0;
    is_whole = is_whole && low.back() == static_cast<int64_t>(i);
  }
  if (!has_weights) return is_whole ? x : b.gather(x, b.int32_vector(low), axis);

  mil::Shape shape(static_cast<size_t>(x->type().rank()), 1);
  shape[static_cast<size_t>(axis)] = static_cast<int64_t>(places.size());
  const mil::Type type = mil::Type::tensor(x->element(), std::move(shape));
  std::vector<double> others;
  for (const double weight : weights) others.push_back(1 - weight);
  mil::Value* below = b.mul(b.gather(x, b.int32_vector(low), axis), b.constant(mil::Literal::numbers(type, others)));
  mil::Value* above = b.mul(b.gather(x, b.int32_vector(high), axis), b.constant(mil::Literal::numbers(type, weights)));
  return b.add(below, above);
}

// Where an operation's samples lie along an axis, counted from the last one; nothing for what is not known.
std::optional<Places> places_along(const mil::Operation& operation, int64_t size, int64_t count, bool is_width) {
  const std::string& kind = operation.kind();
  if (kind.ends_with("nearest_neighbor")) return nearest_places(size, count);
  if (kind == "resize_bilinear") return places_of_mode(mil::text(operation, "sampling_mode"), size, count);
  if (kind == "resize") {
    const std::string mode = mil::text(operation, "sampling_mode");
    if (mil::text(operation, "interpolation_mode") == "LINEAR") return places_of_mode(mode, size, count);
    return mode == "DEFAULT" ? std::optional(nearest_places(size, count)) : std::nullopt;
  }
  // upsample_bilinear
  const bool aligns = mil::flag(operation, "align_corners");
  const mil::Literal* half = mil::find_parameter(operation, "half_pixel_centers");
  const bool from_centers = half != nullptr ? half->as_bool() : !aligns;
  if (aligns) return from_centers ? std::nullopt : places_of_mode("STRICT_ALIGN_CORNERS", size, count);
  const double factor = mil::number(operation, is_width ? "scale_factor_width" : "scale_factor_height");
  Places places(static_cast<size_t>(count));
  for (size_t i = 0; i < places.size(); ++i) {
    const double place = static_cast<double>(i) + (from_centers ? 0.5 : 0);
    places[i] = place / factor - (from_centers ? 0.5 : 0);
  }
  return places;
}

// Nothing where the operation's samples are not known, and for images without elements.
mil::Value* resized(mil::Builder& b, const mil::Operation& operation) {
  mil::Value* x = image(b, operation);
  const mil::Shape target = operation.result()->shape();
  const int64_t rank = x->type().rank();
  const int64_t axes = operation.kind() == "resize" ? mil::integer(operation, "resized_dims") : 2;
  std::vector<Places> places;  // of the last axes, the last one first
  for (int64_t i = 1; i <= axes; ++i) {
    const auto axis = static_cast<size_t>(rank - i);
    if (x->shape()[axis] < 1) return nullptr;
    std::optional<Places> found = places_along(operation, x->shape()[axis], target[axis], i == 1);
    if (!found) return nullptr;
    places.push_back(std::move(*found));
  }
  const bool is_exact = std::ranges::all_of(places, [](const Places& axis) {
    return std::ranges::all_of(axis, [](double place) { return place == std::floor(place); });
  });
  if (!is_exact && x->element() != mil::ElementType::fp32) x = b.cast(x, mil::ElementType::fp32);
  for (int64_t i = 1; i <= axes; ++i) x = sampled(b, x, rank - i, places[static_cast<size_t>(i - 1)]);
  return x;
}

mil::Value* cropped(mil::Builder& b, const mil::Operation& operation) {
  mil::Value* x = image(b, operation);
  std::vector<int64_t> begin(x->shape().size(), 0);
  begin[begin.size() - 2] = mil::integers(operation, "crop_height").at(0);
  begin[begin.size() - 1] = mil::integers(operation, "crop_width").at(0);
  return b.slice(x, begin, operation.result()->shape());
}

constexpr std::string_view kResizes[] = {"resize", "resize_bilinear", "resize_nearest_neighbor", "upsample_bilinear",
                                         "upsample_nearest_neighbor"};

}  // namespace

bool is_resize(std::string_view kind) { return kind == "crop" || std::ranges::count(kResizes, kind) > 0; }

size_t decompose_images(mil::Function& function) {
  size_t changed = 0;
  for (mil::Operation* operation : operations_of(function)) {
    if (!is_resize(operation->kind()) || !storage_of(operation->result()->element())) continue;
    mil::Builder b(function, operation);
    b.set_scope(operation->label());
    mil::Value* value = operation->kind() == "crop" ? cropped(b, *operation) : resized(b, *operation);
    if (value == nullptr) continue;
    const mil::ElementType element = operation->result()->element();
    replace_operation(*operation, value->element() == element ? value : b.cast(value, element));
    ++changed;
  }
  return changed;
}

}  // namespace millwright::cpu
