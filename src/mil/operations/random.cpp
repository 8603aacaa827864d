// Random tensors, and classify, which ends a classifier.
#include "mil/operations/tables.h"

namespace millwright::mil::operations {
namespace {

Types random_of(const Operation& operation, std::string_view parameter) {
  const ElementType element = parameter_element(operation, parameter);
  const Literal* shape = operation.constant("shape");
  if (shape == nullptr) {
    MW_ASSIGN(Shape unknown, shape_at_run_time(operation, "shape"));
    return std::vector<Type>{Type::tensor(element, std::move(unknown))};
  }
  Shape sizes = shape->as_integers();
  for (const int64_t size : sizes) {
    if (size < 0) return fail("shape {} is not a tensor's", shape_text(sizes));
  }
  return std::vector<Type>{Type::tensor(element, std::move(sizes))};
}

Types infer_bernoulli(const Operation& operation) { return random_of(operation, "prob"); }
Types infer_normal(const Operation& operation) { return random_of(operation, "mean"); }
Types infer_uniform(const Operation& operation) { return random_of(operation, "low"); }

Types infer_categorical(const Operation& operation) {
  MW_ASSIGN(const std::vector<Type> types, same_as_x(operation));
  constexpr std::string_view kModes[] = {"logits", "probs"};
  MW_TRY(check_choice(operation, "mode", kModes));
  const int64_t size = integer(operation, "size");
  if (size < 0 || types[0].rank() < 1) {
    return fail("x is {} and size is {}, expected rank 1 or more and a size of 0 or more", type_text(types[0]), size);
  }
  Shape shape = types[0].shape();
  shape.back() = size;
  return std::vector<Type>{types[0].with_shape(std::move(shape))};
}

// The label's type and number from a list or vector of strings or integers; nothing for anything else.
struct Classes {
  Type type;
  int64_t count;
};
std::optional<Classes> classes_of(const Type& type) {
  const bool is_list = type.kind() == Type::Kind::list;
  if (!is_list && !type.is_tensor()) return std::nullopt;
  const Type item = is_list ? type.arguments()[0] : Type::scalar(type.element());
  if (!item.is_scalar() || (item.element() != ElementType::string && !is_integer(item.element()))) return std::nullopt;
  if (is_list) return Classes{item, type.list_length()};
  if (type.rank() != 1) return std::nullopt;
  return Classes{item, type.shape()[0]};
}

// Converters declare the probabilities as fp64 whatever the tensor holds; the declared floating type is kept.
Types infer_classify(const Operation& operation) {
  const Type& probabilities = operand_type(operation, "probabilities");
  const Type& type = operand_type(operation, "classes");
  const auto classes = classes_of(type);
  if (!classes) return fail("classes is {}, expected a list of strings or integers", type_text(type));
  int64_t count = 1;
  for (const int64_t size : probabilities.shape()) count = size_product(count, size);
  if (may_differ(count, classes->count)) {
    return fail("probabilities is {}, there are {} classes", type_text(probabilities), classes->count);
  }
  Type probability = Type::scalar(ElementType::fp64);
  if (operation.results().size() == 2) {
    const Type& declared = operation.result(1)->type();
    if (declared.kind() == Type::Kind::dict && declared.arguments()[1].is_scalar() &&
        is_floating(declared.arguments()[1].element())) {
      probability = declared.arguments()[1];
    }
  }
  return std::vector<Type>{classes->type, Type::dict(classes->type, probability)};
}

ParameterDefinition seed() { return defaulted("seed", Literal::int32(-1)); }
ParameterDefinition float_value(std::string_view name, double value) {
  return defaulted_value(name, Literal::number(ElementType::fp32, value));
}

}  // namespace

std::vector<OperationDefinition> random() {
  constexpr std::string_view kCategory = "random";
  return {
      {"random_bernoulli",
       "ios15",
       kCategory,
       {value("shape", Expect::integers), float_value("prob", 0.5), seed()},
       infer_bernoulli},
      {"random_normal",
       "ios15",
       kCategory,
       {value("shape", Expect::integers), float_value("mean", 0.0), float_value("stddev", 1.0), seed()},
       infer_normal},
      {"random_uniform",
       "ios15",
       kCategory,
       {value("shape", Expect::integers), float_value("low", 0.0), float_value("high", 1.0), seed()},
       infer_uniform},
      {"random_categorical",
       "ios15",
       kCategory,
       {value("x"), defaulted("mode", Literal::string("logits")), defaulted("size", Literal::int32(1)), seed()},
       infer_categorical},
      {"classify", "ios15", "classify", {value("probabilities"), value("classes", Expect::anything)}, infer_classify},
  };
}

}  // namespace millwright::mil::operations
