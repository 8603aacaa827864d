// Operations that order and pick elements: argsort, topk, non_zero and non_maximum_suppression.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

Types infer_argsort(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_TRY(checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  return std::vector<Type>{types[0].with_element(ElementType::int32)};
}

Types infer_topk(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  MW_ASSIGN(const int64_t axis, checked_axis(integer(operation, "axis"), types[0].rank(), "axis"));
  const auto element = element_from_name(text(operation, "output_indices_dtype"));
  if (!element || !is_integer(*element)) {
    return fail("output_indices_dtype is \"{}\", expected int32 or uint16", text(operation, "output_indices_dtype"));
  }
  Shape shape = types[0].shape();
  int64_t& size = shape[static_cast<size_t>(axis)];
  const Literal* k = find_parameter(operation, "k");
  if (k == nullptr) {
    size = kUnknownDimension;
  } else if (k->as_integer() != -1) {
    const int64_t count = k->as_integer();
    if (count < 0 || (size != kUnknownDimension && count > size)) {
      return fail("k is {}, axis {} of x has size {}", count, axis, size);
    }
    size = count;
  }
  std::vector<Type> results = {types[0].with_shape(shape)};
  if (flag(operation, "return_indices")) results.push_back(Type::tensor(*element, std::move(shape)));
  return results;
}

// One row of coordinates per element that is not zero.
Types infer_non_zero(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  return std::vector<Type>{Type::tensor(ElementType::int32, {kUnknownDimension, types[0].rank()})};
}

Types infer_non_maximum_suppression(const Operation& operation) {
  MW_ASSIGN(const Type boxes, ranked(operation, "boxes", 3, 3));
  MW_ASSIGN(const Type scores, ranked(operation, "scores", 3, 3));
  MW_TRY(check_shape(operation, "boxes", {scores.shape()[0], scores.shape()[1], 4}));
  const int64_t kept = integer(operation, "max_boxes");
  if (kept < 0) return fail("max_boxes is {}, expected 0 or more", kept);
  const int64_t batch = boxes.shape()[0];
  return std::vector<Type>{boxes.with_shape({batch, kept, 4}), scores.with_shape({batch, kept, scores.shape()[2]}),
                           Type::tensor(ElementType::int32, {batch, kept}), Type::tensor(ElementType::int32, {batch})};
}

}  // namespace

std::vector<OperationDefinition> sorting() {
  constexpr std::string_view kCategory = "tensor operation";
  return {
      {"argsort",
       "ios15",
       kCategory,
       {value("x"), defaulted("axis", Literal::int32(-1)), defaulted_flag("ascending", false)},
       infer_argsort},
      {"topk",
       "ios15",
       kCategory,
       {value("x"), defaulted_value("k", Literal::int32(1)), defaulted("axis", Literal::int32(-1)),
        defaulted_flag("ascending", false), defaulted_flag("sort", true), defaulted_flag("return_indices", true),
        defaulted("output_indices_dtype", Literal::string("int32"))},
       infer_topk},
      {"non_zero", "ios15", kCategory, {value("x")}, infer_non_zero},
      {"non_maximum_suppression",
       "ios15",
       kCategory,
       {value("boxes"), value("scores"), constant("iou_threshold", Expect::number),
        constant("score_threshold", Expect::number), constant("max_boxes", Expect::integer),
        defaulted_flag("per_class_suppression", false)},
       infer_non_maximum_suppression},
  };
}

}  // namespace millwright::mil::operations
