// Operations that move elements between axes: depth and space, batch and space, windows, sequences, reshapes by
// example.
#include <algorithm>
#include <numeric>

#include "mil/interpreter/evaluation.h"

namespace millwright::mil::interpreter {
namespace {

// Elements of the smaller image [N, C·b·b, H, W] and the larger one [N, C, H·b, W·b] that are the same: channel
// (i·b + j)·C + c, or c·b·b + i·b + j where channels come first, stands at row h·b + i and column w·b + j.
Shape deep_index(const Shape& wide, int64_t block, int64_t channels, bool channels_first) {
  const int64_t place = wide[2] % block * block + wide[3] % block;
  const int64_t channel = channels_first ? wide[1] * block * block + place : place * channels + wide[1];
  return {wide[0], channel, wide[2] / block, wide[3] / block};
}

template <const std::string_view& kFactor, bool kChannelsFirst>
Values to_space(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const int64_t block = e.integer(kFactor);
  const Shape& from = x.type.shape();
  TensorValue y = e.zeros({from[0], from[1] / (block * block), from[2] * block, from[3] * block});
  size_t next = 0;
  for_each_index(y.type.shape(), [&](const Shape& index) {
    const Shape source = deep_index(index, block, y.type.shape()[1], kChannelsFirst);
    y.numbers[next++] = x.numbers[offset_of(source, from)];
  });
  return std::vector<TensorValue>{y};
}

template <const std::string_view& kFactor, bool kChannelsFirst>
Values to_depth(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const int64_t block = e.integer(kFactor);
  const Shape& from = x.type.shape();
  TensorValue y = e.zeros({from[0], from[1] * block * block, from[2] / block, from[3] / block});
  size_t next = 0;
  for_each_index(from, [&](const Shape& index) {
    const Shape target = deep_index(index, block, from[1], kChannelsFirst);
    y.numbers[offset_of(target, y.type.shape())] = x.numbers[next++];
  });
  return std::vector<TensorValue>{y};
}

constexpr std::string_view kBlockSize = "block_size";
constexpr std::string_view kUpscale = "upscale_factor";
constexpr std::string_view kDownscale = "downscale_factor";

// Where an element of the image stands among the batches: the place inside its block counts batches of the original
// size, the number of its block is its place on the axis. `edges` were added before the axis, or will be cut off.
Shape batched_index(Shape image, const std::vector<int64_t>& blocks, const std::vector<int64_t>& edges, int64_t batch) {
  int64_t place = 0;
  for (size_t i = 0; i < blocks.size(); ++i) {
    const int64_t padded = image[i + 2] + edges[2 * i];
    place = place * blocks[i] + padded % blocks[i];
    image[i + 2] = padded / blocks[i];
  }
  image[0] += place * batch;
  return image;
}

Values space_to_batch(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const std::vector<int64_t> blocks = e.integers("block_shape");
  const std::vector<int64_t> paddings = e.integers("paddings");
  Shape shape = x.type.shape();
  for (size_t i = 0; i < blocks.size(); ++i) {
    shape[0] *= blocks[i];
    shape[i + 2] = (shape[i + 2] + paddings[2 * i] + paddings[2 * i + 1]) / blocks[i];
  }
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(x.type.shape(), [&](const Shape& index) {
    const Shape target = batched_index(index, blocks, paddings, x.type.shape()[0]);
    y.numbers[offset_of(target, shape)] = x.numbers[next++];
  });
  return std::vector<TensorValue>{y};
}

Values batch_to_space(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const std::vector<int64_t> blocks = e.integers("block_shape");
  const std::vector<int64_t> crops = e.integers("crops");
  Shape shape = x.type.shape();
  for (size_t i = 0; i < blocks.size(); ++i) {
    shape[0] /= blocks[i];
    shape[i + 2] = shape[i + 2] * blocks[i] - crops[2 * i] - crops[2 * i + 1];
  }
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](const Shape& index) {
    y.numbers[next++] = x.numbers[offset_of(batched_index(index, blocks, crops, shape[0]), x.type.shape())];
  });
  return std::vector<TensorValue>{y};
}

Values sliding_windows(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  Shape shape = x.type.shape();
  const size_t axis = e.axis("axis", shape.size());
  const int64_t size = e.integer("size");
  const int64_t stride = e.integer("stride");
  if (size > shape[axis])
    return fail("{}: size {} is larger than axis {} of x {}", e.where(), size, axis, shape_text(shape));
  shape[axis] = (shape[axis] - size) / stride + 1;
  const auto window_axis = static_cast<int64_t>(axis) + 1;
  shape.insert(shape.begin() + window_axis, size);
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](Shape index) {
    index[axis] = index[axis] * stride + index[axis + 1];
    index.erase(index.begin() + window_axis);
    y.numbers[next++] = x.numbers[offset_of(index, x.type.shape())];
  });
  return std::vector<TensorValue>{y};
}

Values reverse_sequence(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const std::vector<int64_t> lengths = e.integers("lengths");
  const size_t sequence = e.axis("seq_axis", shape.size());
  const size_t batch = e.axis("batch_axis", shape.size());
  for (const int64_t length : lengths) {
    if (length >= 0 && length <= shape[sequence]) continue;
    return fail("{}: length {} is outside axis {} of size {}", e.where(), length, sequence, shape[sequence]);
  }
  TensorValue y = e.zeros(shape);
  size_t next = 0;
  for_each_index(shape, [&](Shape index) {
    const int64_t length = lengths[static_cast<size_t>(index[batch])];
    if (index[sequence] < length) index[sequence] = length - 1 - index[sequence];
    y.numbers[next++] = x.numbers[offset_of(index, shape)];
  });
  return std::vector<TensorValue>{y};
}

Values flatten2d(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const Shape& shape = x.type.shape();
  const auto axis = shape.begin() + static_cast<int64_t>(e.axis("axis", shape.size()));
  const int64_t rows = std::accumulate(shape.begin(), axis, int64_t{1}, std::multiplies<>());
  const int64_t columns = std::accumulate(axis, shape.end(), int64_t{1}, std::multiplies<>());
  return std::vector<TensorValue>{{x.type.with_shape({rows, columns}), x.numbers}};
}

// One number per reference, given one by one or as a vector.
std::vector<int64_t> list_numbers(const Evaluation& e, std::string_view name) {
  std::vector<int64_t> numbers;
  for (const TensorValue& value : e.list(name)) {
    for (const double number : value.numbers) numbers.push_back(static_cast<int64_t>(number));
  }
  return numbers;
}

Values reshape_like(const Evaluation& e) {
  const TensorValue x = e.operand("x");
  const std::vector<TensorValue> references = e.list("ref_tensors");
  const std::vector<int64_t> begins = list_numbers(e, "begins");
  const std::vector<int64_t> ends = list_numbers(e, "ends");
  const std::vector<int64_t> masks = list_numbers(e, "end_masks");
  Shape shape;
  for (size_t i = 0; i < references.size(); ++i) {
    const Shape& reference = references[i].type.shape();
    const auto rank = static_cast<int64_t>(reference.size());
    const auto bound = [rank](int64_t axis) { return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank); };
    const int64_t end = masks[i] != 0 ? rank : bound(ends[i]);
    if (bound(begins[i]) < end) {
      shape.insert(shape.end(), reference.begin() + bound(begins[i]), reference.begin() + end);
    }
  }
  if (element_count(shape) != x.type.count()) {
    return fail("{}: x {} does not fill shape {}", e.where(), shape_text(x.type.shape()), shape_text(shape));
  }
  return std::vector<TensorValue>{{x.type.with_shape(std::move(shape)), x.numbers}};
}

constexpr Evaluator kRearrangements[] = {
    {"depth_to_space", to_space<kBlockSize, false>},
    {"pixel_shuffle", to_space<kUpscale, true>},
    {"space_to_depth", to_depth<kBlockSize, false>},
    {"pixel_unshuffle", to_depth<kDownscale, true>},
    {"space_to_batch", space_to_batch},
    {"batch_to_space", batch_to_space},
    {"sliding_windows", sliding_windows},
    {"reverse_sequence", reverse_sequence},
    {"flatten2d", flatten2d},
    {"reshape_like", reshape_like},
};

}  // namespace

std::span<const Evaluator> rearrangement_evaluators() { return kRearrangements; }

}  // namespace millwright::mil::interpreter
