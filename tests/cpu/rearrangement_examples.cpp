// Examples of operations that move elements between axes, and of those that pick them by coordinates.
#include "operation_examples.h"

namespace millwright::cpu {
namespace {

using mil::Shape;
using mil::Value;

void add_blocks(std::vector<Example>& all, std::string kind, std::string factor, bool to_space) {
  all.push_back({kind, [=](TestFunction& f) {
                   const int64_t block = f.size(3);
                   Shape shape = f.shape(4, 3);
                   if (to_space) shape[1] *= block * block;
                   if (!to_space) shape[2] *= block;
                   if (!to_space) shape[3] *= block;
                   return f.b().emit(kind, {mil::operand("x", viewed(f, shape)), integer(f, factor, block)});
                 }});
}

mil::Operand edges(TestFunction& f, std::string_view name, const std::vector<double>& numbers) {
  const mil::Type type = mil::Type::tensor(mil::ElementType::int32, {static_cast<int64_t>(numbers.size() / 2), 2});
  return mil::operand(name, f.b().constant(mil::Literal::numbers(type, numbers)));
}

Value* space_to_batch(TestFunction& f) {
  const int64_t axes = f.size(2);
  Shape shape = f.shape(2 + axes + f.below(4 - axes), 3);
  std::vector<int64_t> blocks;
  std::vector<double> paddings;
  for (int64_t i = 0; i < axes; ++i) {
    blocks.push_back(f.size(3));
    const int64_t padded = blocks.back() * f.size(3);
    const int64_t before = f.below(std::min<int64_t>(padded, 2)),
                  after = f.below(std::min<int64_t>(padded - before, 2));
    shape[static_cast<size_t>(i) + 2] = padded - before - after;
    paddings.push_back(static_cast<double>(before));
    paddings.push_back(static_cast<double>(after));
  }
  return f.b().emit("space_to_batch", {mil::operand("x", viewed(f, shape)), integers(f, "block_shape", blocks),
                                       edges(f, "paddings", paddings)});
}

Value* batch_to_space(TestFunction& f) {
  const int64_t axes = f.size(2);
  Shape shape = f.shape(2 + axes + f.below(4 - axes), 3);
  std::vector<int64_t> blocks;
  std::vector<double> crops;
  for (int64_t i = 0; i < axes; ++i) {
    blocks.push_back(f.size(3));
    shape[0] *= blocks.back();
    const int64_t all = shape[static_cast<size_t>(i) + 2] * blocks.back();
    const int64_t before = f.below(std::min<int64_t>(all, 2)), after = f.below(std::min<int64_t>(all - before, 2));
    crops.push_back(static_cast<double>(before));
    crops.push_back(static_cast<double>(after));
  }
  return f.b().emit("batch_to_space", {mil::operand("x", viewed(f, shape)), integers(f, "block_shape", blocks),
                                       edges(f, "crops", crops)});
}

Value* reshape_like(TestFunction& f) {
  const auto number = [&](int64_t value) { return mil::Argument(f.b().int32(value)); };
  const auto truth = [&](bool value) { return mil::Argument(f.b().boolean(value)); };
  Value* x = viewed(f, {6, 4});
  return f.b().emit("reshape_like", {mil::operand("x", x),
                                     {"ref_tensors", {f.floats({3, 7}), f.floats({5, 2, 4})}, true},
                                     {"begins", {number(0), number(-2)}, true},
                                     {"ends", {number(-1), number(0)}, true},
                                     {"end_masks", {truth(false), truth(true)}, true}});
}

Value* reverse_sequence(TestFunction& f) {
  const Shape shape = f.shape(3);
  const int64_t sequence = f.below(3), batch = f.below(3);
  Value* lengths = f.integers({shape[static_cast<size_t>(batch)]}, 0, shape[static_cast<size_t>(sequence)] + 1);
  return f.b().emit("reverse_sequence", {mil::operand("x", viewed(f, shape)), mil::operand("lengths", lengths),
                                         integer(f, "seq_axis", sequence), integer(f, "batch_axis", batch)});
}

// Rows of coordinates for the axes of `sizes`, [rows…, axes].
Value* coordinates(TestFunction& f, const Shape& rows, const Shape& sizes) {
  Shape shape = rows;
  shape.push_back(static_cast<int64_t>(sizes.size()));
  mil::TensorValue value{mil::Type::tensor(mil::ElementType::int32, shape), {}};
  for (int64_t i = 0; i < value.type.count(); ++i) {
    const int64_t size = sizes[static_cast<size_t>(i) % sizes.size()];
    value.numbers.push_back(static_cast<double>(f.below(2 * size) - size));
  }
  return f.input(std::move(value));
}

}  // namespace

std::vector<Example> rearrangement_examples() {
  std::vector<Example> all;
  add_blocks(all, "depth_to_space", "block_size", true);
  add_blocks(all, "pixel_shuffle", "upscale_factor", true);
  add_blocks(all, "space_to_depth", "block_size", false);
  add_blocks(all, "pixel_unshuffle", "downscale_factor", false);
  all.push_back({"space_to_batch", space_to_batch});
  all.push_back({"batch_to_space", batch_to_space});
  all.push_back({"sliding_windows", [](TestFunction& f) {
                   const Shape shape = f.shape(3);
                   const int64_t axis = f.below(3);
                   return f.b().emit(
                       "sliding_windows",
                       {mil::operand("x", viewed(f, shape)), integer(f, "axis", axis - 3 * f.below(2)),
                        integer(f, "size", f.size(shape[static_cast<size_t>(axis)])), integer(f, "stride", f.size(3))});
                 }});
  all.push_back({"reverse_sequence", reverse_sequence});
  all.push_back(
      {"flatten2d", [](TestFunction& f) {
         return f.b().emit("flatten2d", {mil::operand("x", viewed(f, f.shape(3))), integer(f, "axis", f.below(7) - 3)});
       }});
  all.push_back({"reshape_like", reshape_like});
  return all;
}

std::vector<Example> coordinate_examples() {
  std::vector<Example> all;
  all.push_back({"gather_nd", [](TestFunction& f) {
                   const Shape shape = f.shape(4);
                   const int64_t batch = f.below(3), count = f.below(3);
                   Shape rows(shape.begin(), shape.begin() + batch);
                   rows.push_back(f.size());
                   const Shape sizes(shape.begin() + batch, shape.begin() + batch + 1 + std::min(count, 3 - batch));
                   return f.b().emit("gather_nd", {mil::operand("x", viewed(f, shape)),
                                                   mil::operand("indices", coordinates(f, rows, sizes)),
                                                   integer(f, "batch_dims", batch)});
                 }});
  for (const char* mode : {"update", "add", "sub", "mul", "div", "max", "min"}) {
    all.push_back({"scatter_nd", [=](TestFunction& f) {
                     const Shape shape = f.shape(3);
                     const Shape rows = f.shape(f.size(2));
                     const int64_t count = f.size(3);
                     Shape updates = rows;
                     updates.insert(updates.end(), shape.begin() + count, shape.end());
                     const Shape sizes(shape.begin(), shape.begin() + count);
                     return f.b().emit(
                         "scatter_nd",
                         {mil::operand("data", viewed(f, shape)), mil::operand("indices", coordinates(f, rows, sizes)),
                          mil::operand("updates", viewed(f, updates, 0.5, 2)), text(f, "mode", mode)});
                   }});
  }
  return all;
}

}  // namespace millwright::cpu
