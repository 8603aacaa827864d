// Examples of operations that sort and pick elements, of slices at run-time places, and of ranges and fills by
// run-time numbers.
#include "operation_examples.h"

namespace millwright::cpu {
namespace {

using mil::Shape;
using mil::Value;

// Numbers with many that are equal.
Value* coarse(TestFunction& f, const Shape& shape) {
  return f.below(2) == 0 ? f.integers(shape, -3, 4) : f.b().unary("round", viewed(f, shape, -3, 3));
}

Value* topk(TestFunction& f) {
  const Shape shape = f.shape(3);
  const int64_t axis = f.below(3), size = shape[static_cast<size_t>(axis)];
  const auto results = f.b().emit_all(
      "topk", {mil::operand("x", coarse(f, shape)), integer(f, "k", f.below(4) == 0 ? -1 : f.below(size + 1)),
               integer(f, "axis", axis - 3 * f.below(2)), flag(f, "ascending", f.below(2) == 0),
               text(f, "output_indices_dtype", f.below(2) == 0 ? "int32" : "uint16")});
  return results[static_cast<size_t>(f.below(2))];
}

Value* suppression(TestFunction& f) {
  const int64_t batches = f.size(2), boxes = f.size(12), classes = f.size(3);
  Value* centres = f.floats({batches, boxes, 2}, 0, 1);
  Value* sizes = f.floats({batches, boxes, 2}, 0.1, 0.9);
  const std::vector<Value*> both = {centres, sizes};
  const auto results = f.b().emit_all(
      "non_maximum_suppression",
      {mil::operand("boxes", f.b().concat(both, 2)), mil::operand("scores", f.floats({batches, boxes, classes}, 0, 1)),
       mil::operand("iou_threshold", f.b().scalar(mil::ElementType::fp32, 0.2)),
       mil::operand("score_threshold", f.b().scalar(mil::ElementType::fp32, 0.3)), integer(f, "max_boxes", f.size(6)),
       flag(f, "per_class_suppression", f.below(2) == 0)});
  return results[static_cast<size_t>(f.below(4))];
}

}  // namespace

std::vector<Example> sorting_examples() {
  std::vector<Example> all;
  all.push_back({"argsort", [](TestFunction& f) {
                   return f.b().emit("argsort",
                                     {mil::operand("x", coarse(f, f.shape(3))), integer(f, "axis", f.below(6) - 3),
                                      flag(f, "ascending", f.below(2) == 0)});
                 }});
  all.push_back({"topk", topk});
  all.push_back({"topk without indices", [](TestFunction& f) {
                   return f.b().emit("topk", {mil::operand("x", viewed(f, {f.size(), 5})), integer(f, "k", f.size(5)),
                                              flag(f, "sort", false), flag(f, "return_indices", false)});
                 }});
  all.push_back({"non_maximum_suppression", suppression});
  return all;
}

}  // namespace millwright::cpu
