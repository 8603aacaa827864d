// Operations that move elements between axes: depth and space, batch and space, windows, sequences, and reshapes by
// example.
#include <algorithm>

#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

// A size divided by a block; nothing where the block does not divide it.
std::optional<int64_t> divided(int64_t size, int64_t block) {
  if (size == kUnknownDimension) return kUnknownDimension;
  if (size % block != 0) return std::nullopt;
  return size / block;
}

// depth_to_space and pixel_shuffle: [N, C·b·b, H, W] to [N, C, H·b, W·b].
template <const std::string_view& kFactor>
Types infer_to_space(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 4, 4));
  const int64_t block = integer(operation, kFactor);
  if (block < 1 || block > 32767) return fail("{} is {}, expected 1 to 32767", kFactor, block);
  const auto channels = divided(x.shape()[1], block * block);
  if (!channels)
    return fail("x {}: {} channels do not divide by {}", shape_text(x.shape()), x.shape()[1], block * block);
  return std::vector<Type>{
      x.with_shape({x.shape()[0], *channels, size_product(x.shape()[2], block), size_product(x.shape()[3], block)})};
}

// space_to_depth and pixel_unshuffle: the way back.
template <const std::string_view& kFactor>
Types infer_to_depth(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 4, 4));
  const int64_t block = integer(operation, kFactor);
  if (block < 1 || block > 32767) return fail("{} is {}, expected 1 to 32767", kFactor, block);
  const auto rows = divided(x.shape()[2], block);
  const auto columns = divided(x.shape()[3], block);
  if (!rows || !columns) return fail("x {}: the last two axes do not divide by {}", shape_text(x.shape()), block);
  return std::vector<Type>{x.with_shape({x.shape()[0], size_product(x.shape()[1], block * block), *rows, *columns})};
}

constexpr std::string_view kBlockSize = "block_size";
constexpr std::string_view kUpscale = "upscale_factor";
constexpr std::string_view kDownscale = "downscale_factor";

// The spatial axes begin at 2; `edges` is [M, 2], the elements added or cut before and after each of them.
struct Blocks {
  std::vector<int64_t> sizes;
  std::vector<int64_t> edges;
  int64_t count = 1;
};
Result<Blocks> blocks_of(const Operation& operation, const Type& x, std::string_view edges_name) {
  Blocks blocks;
  blocks.sizes = integers(operation, "block_shape");
  const size_t axes = blocks.sizes.size();
  if (axes == 0 || axes + 2 > x.shape().size()) {
    return fail("block_shape has {} entries, x {} has {} spatial axes", axes, shape_text(x.shape()), x.rank() - 2);
  }
  for (const int64_t size : blocks.sizes) {
    if (size < 1) return fail("block_shape has {}, expected 1 or more", size);
    blocks.count = size_product(blocks.count, size);
  }
  const Type& type = operand_type(operation, edges_name);
  if (!is_integer(type.element()) || type.shape() != Shape{static_cast<int64_t>(axes), 2}) {
    return fail("{} is {}, expected [{}, 2] integers", edges_name, type_text(type), axes);
  }
  blocks.edges = integers(operation, edges_name);
  for (const int64_t edge : blocks.edges) {
    if (edge < 0 || edge > INT32_MAX) return fail("{} has {}, expected 0 or more", edges_name, edge);
  }
  return blocks;
}

Types infer_space_to_batch(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 3, 5));
  MW_ASSIGN(const Blocks blocks, blocks_of(operation, x, "paddings"));
  Shape shape = x.shape();
  shape[0] = size_product(shape[0], blocks.count);
  for (size_t i = 0; i < blocks.sizes.size(); ++i) {
    int64_t& size = shape[i + 2];
    if (size == kUnknownDimension) continue;
    const auto count = divided(size + blocks.edges[2 * i] + blocks.edges[2 * i + 1], blocks.sizes[i]);
    if (!count)
      return fail("axis {} of x {} with its padding does not divide by {}", i + 2, shape_text(x.shape()),
                  blocks.sizes[i]);
    size = *count;
  }
  return std::vector<Type>{x.with_shape(std::move(shape))};
}

Types infer_batch_to_space(const Operation& operation) {
  MW_ASSIGN(const Type x, ranked(operation, "x", 3, 5));
  MW_ASSIGN(const Blocks blocks, blocks_of(operation, x, "crops"));
  Shape shape = x.shape();
  const auto batch = divided(shape[0], blocks.count);
  if (!batch) return fail("the batch of x {} does not divide by {}", shape_text(x.shape()), blocks.count);
  shape[0] = *batch;
  for (size_t i = 0; i < blocks.sizes.size(); ++i) {
    int64_t& size = shape[i + 2];
    if (size == kUnknownDimension) continue;
    size = size_product(size, blocks.sizes[i]) - blocks.edges[2 * i] - blocks.edges[2 * i + 1];
    if (size < 0) return fail("crops leave nothing of axis {}", i + 2);
  }
  return std::vector<Type>{x.with_shape(std::move(shape))};
}

Types infer_sliding_windows(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  const int64_t size = integer(operation, "size");
  const int64_t stride = integer(operation, "stride");
  if (size < 1 || stride < 1) return fail("size {} and stride {} must be positive", size, stride);
  Shape shape = types[0].shape();
  int64_t& count = shape[static_cast<size_t>(axis)];
  if (count != kUnknownDimension) {
    if (size > count) return fail("size {} is larger than axis {} of x {}", size, axis, shape_text(shape));
    count = (count - size) / stride + 1;
  }
  shape.insert(shape.begin() + axis + 1, size);
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

Types infer_reverse_sequence(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_TRY(checked_axis(integer(operation, "seq_axis"), types[0].rank(), "seq_axis"));
  MW_ASSIGN(const int64_t batch, checked_axis(integer(operation, "batch_axis"), types[0].rank(), "batch_axis"));
  MW_TRY(check_shape(operation, "lengths", {types[0].shape()[static_cast<size_t>(batch)]}));
  return types;
}

Types infer_flatten2d(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  const int64_t rank = types[0].rank();
  int64_t axis = integer(operation, "axis");
  if (axis < -rank || axis > rank) return fail("axis is {}, expected {} to {} for rank {}", axis, -rank, rank, rank);
  if (axis < 0) axis += rank;
  Shape shape = {1, 1};
  for (int64_t i = 0; i < rank; ++i) {
    int64_t& product = shape[i < axis ? 0 : 1];
    product = size_product(product, types[0].shape()[static_cast<size_t>(i)]);
  }
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

// The numbers of a list operand, each argument one number or all of them in one vector.
Result<std::vector<int64_t>> list_numbers(const Operation& operation, std::string_view name) {
  std::vector<int64_t> numbers;
  for (const Argument& argument : operation.find_operand(name)->arguments) {
    const Literal* literal = argument_constant(argument);
    if (literal == nullptr) return fail("{} must be constants", name);
    for (const int64_t number : literal->as_integers()) {
      if (number < INT32_MIN || number > INT32_MAX) return fail("{} has {}, expected 32-bit integers", name, number);
      numbers.push_back(number);
    }
  }
  const size_t references = operation.find_operand("ref_tensors")->arguments.size();
  if (numbers.size() != references) return fail("{} has {} entries, expected {}", name, numbers.size(), references);
  return numbers;
}

// The axes begin to end of each reference's shape, one behind the other; with its mask set, to the last.
Types infer_reshape_like(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_ASSIGN(const std::vector<int64_t> begins, list_numbers(operation, "begins"));
  MW_ASSIGN(const std::vector<int64_t> ends, list_numbers(operation, "ends"));
  MW_ASSIGN(const std::vector<int64_t> masks, list_numbers(operation, "end_masks"));
  const Operand& references = *operation.find_operand("ref_tensors");
  Shape shape;
  for (size_t i = 0; i < begins.size(); ++i) {
    const Shape& reference = argument_type(references.arguments[i]).shape();
    const int64_t rank = static_cast<int64_t>(reference.size());
    const auto bound = [rank](int64_t axis) { return std::clamp<int64_t>(axis < 0 ? axis + rank : axis, 0, rank); };
    const int64_t end = masks[i] != 0 ? rank : bound(ends[i]);
    for (int64_t axis = bound(begins[i]); axis < end; ++axis) shape.push_back(reference[static_cast<size_t>(axis)]);
  }
  const auto count = [](const Shape& sizes) {
    int64_t product = 1;
    for (const int64_t size : sizes) product = size_product(product, size);
    return product;
  };
  if (may_differ(count(shape), count(types[0].shape()))) {
    return fail("x {} does not fill the shape {}", shape_text(types[0].shape()), shape_text(shape));
  }
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

}  // namespace

std::vector<OperationDefinition> rearrangements() {
  constexpr std::string_view kCategory = "tensor transformation";
  return {
      {"depth_to_space",
       "ios15",
       kCategory,
       {value("x"), constant(kBlockSize, Expect::integer)},
       infer_to_space<kBlockSize>},
      {"space_to_depth",
       "ios15",
       kCategory,
       {value("x"), constant(kBlockSize, Expect::integer)},
       infer_to_depth<kBlockSize>},
      {"pixel_shuffle",
       "ios15",
       kCategory,
       {value("x"), constant(kUpscale, Expect::integer)},
       infer_to_space<kUpscale>},
      {"pixel_unshuffle",
       "ios16",
       kCategory,
       {value("x"), constant(kDownscale, Expect::integer)},
       infer_to_depth<kDownscale>},
      {"space_to_batch",
       "ios15",
       kCategory,
       {value("x"), constant("block_shape", Expect::integers), constant("paddings", Expect::tensor)},
       infer_space_to_batch},
      {"batch_to_space",
       "ios15",
       kCategory,
       {value("x"), constant("block_shape", Expect::integers), constant("crops", Expect::tensor)},
       infer_batch_to_space},
      {"sliding_windows",
       "ios15",
       kCategory,
       {value("x"), constant("axis", Expect::integer), constant("size", Expect::integer),
        defaulted("stride", Literal::int32(1))},
       infer_sliding_windows},
      {"reverse_sequence",
       "ios15",
       kCategory,
       {value("x"), value("lengths", Expect::integers), defaulted("seq_axis", Literal::int32(0)),
        defaulted("batch_axis", Literal::int32(0))},
       infer_reverse_sequence},
      {"flatten2d", "ios15", "tensor operation", {value("x"), defaulted("axis", Literal::int32(1))}, infer_flatten2d},
      {"reshape_like",
       "ios16",
       kCategory,
       {value("x"), list("ref_tensors"), list("begins", Expect::integers), list("ends", Expect::integers),
        list("end_masks", Expect::booleans)},
       infer_reshape_like},
  };
}

}  // namespace millwright::mil::operations
