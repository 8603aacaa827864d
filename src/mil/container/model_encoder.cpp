#include <algorithm>
#include <optional>

#include "mil/container/mil_version.h"
#include "mil/container/model_message.h"
#include "mil/container/program_message.h"
#include "mil/container/wire.h"
#include "mil/flexible_shapes.h"

namespace millwright::mil {
namespace {

using namespace wire;  // the field numbers; this file is about nothing else

// ArrayFeatureType.ArrayDataType: the family of the numbers above their width in bits.
std::optional<int32_t> array_data_type(ElementType element) {
  switch (element) {
    case ElementType::fp16:
      return 0x10000 | 16;
    case ElementType::fp32:
      return 0x10000 | 32;
    case ElementType::fp64:
      return 0x10000 | 64;
    case ElementType::int8:
      return 0x20000 | 8;
    case ElementType::int32:
      return 0x20000 | 32;
    default:
      return std::nullopt;
  }
}

void encode_flexibility(protozero::pbf_writer& array, const Shape& shape, const FlexibleShape& flexibility) {
  constexpr uint32_t kLower = 1, kUpper = 2;  // of SizeRange
  if (!flexibility.shapes.empty()) {
    protozero::pbf_writer enumerated(array, array::kEnumeratedShapes);
    for (const auto& one : flexibility.shapes) {
      protozero::pbf_writer message(enumerated, kOnly);
      message.add_packed_int64(kOnly, one.begin(), one.end());
    }
    return;
  }
  protozero::pbf_writer ranges(array, array::kShapeRange);
  for (size_t axis = 0; axis < shape.size(); ++axis) {
    int64_t lower = std::max<int64_t>(shape[axis], 1);
    int64_t upper = shape[axis] == kUnknownDimension ? -1 : shape[axis];  // negative: without bound
    if (flexibility.ranges.size() == 2 * shape.size()) {
      lower = std::max<int64_t>(flexibility.ranges[2 * axis], 0);
      upper = flexibility.ranges[2 * axis + 1];
    }
    protozero::pbf_writer range(ranges, kOnly);
    range.add_uint64(kLower, static_cast<uint64_t>(lower));
    range.add_int64(kUpper, upper);
  }
}

class ModelEncoder {
 public:
  Result<std::string> encode(const Program& program) {
    if (program.functions().empty()) return fail("expected a program with a function, found none");
    const bool only_main = program.functions().size() == 1 && program.functions()[0]->name() == "main";
    MW_ASSIGN(const int version, version_of(program, only_main));
    MW_ASSIGN(const std::string body, encode_program(program));
    std::string out;
    protozero::pbf_writer message(out);
    message.add_int32(model::kSpecificationVersion, version);
    {
      protozero::pbf_writer text(message, model::kDescription);
      if (only_main) {
        MW_TRY(encode_features(text, *program.functions()[0], description::kInput, description::kOutput,
                               description::kState));
      } else {
        MW_TRY(encode_functions(text, program));
      }
      encode_metadata(text, program);
    }
    message.add_message(model::kMlProgram, body);
    constexpr size_t kMostBytes = (size_t{1} << 31) - 1;
    if (out.size() > kMostBytes) {
      return fail("expected a model message of less than 2 GiB, found {} bytes; move constants into a weight file",
                  out.size());
    }
    return out;
  }

 private:
  static Result<int> version_of(const Program& program, bool only_main) {
    int version = only_main ? 6 : 9;  // models with several functions came with 9
    for (const auto& function : program.functions()) {
      const std::optional<int> needed = specification_version(function->opset());
      if (!needed) {
        return fail("function {}: expected an opset from ios13 to ios18 or ios26, found {}", function->name(),
                    function->opset());
      }
      version = std::max(version, *needed);
    }
    return version;
  }

  static void encode_metadata(protozero::pbf_writer& parent, const Program& program) {
    protozero::pbf_writer message(parent, description::kMetadata);
    protozero::pbf_writer entry(message, metadata::kUserDefined);
    entry.add_string(map_entry::kKey, std::string(kMilVersionKey));
    entry.add_string(map_entry::kValue, program.version());
  }

  static Status encode_functions(protozero::pbf_writer& parent, const Program& program) {
    for (const auto& function : program.functions()) {
      protozero::pbf_writer message(parent, description::kFunctions);
      message.add_string(function_description::kName, function->name());
      MW_TRY(encode_features(message, *function, function_description::kInput, function_description::kOutput,
                             function_description::kState));
    }
    const Function* main = program.function("main");
    parent.add_string(description::kDefaultFunction, (main != nullptr ? *main : *program.functions()[0]).name());
    return {};
  }

  static Status encode_features(protozero::pbf_writer& parent, const Function& function, uint32_t inputs,
                                uint32_t outputs, uint32_t states) {
    for (const auto& input : function.inputs()) {
      const bool is_state = input->type().kind() == Type::Kind::state;
      MW_TRY(encode_feature(parent, is_state ? states : inputs, function, *input, "input"));
    }
    for (const Value* result : function.results()) {
      MW_TRY(encode_feature(parent, outputs, function, *result, "result"));
    }
    return {};
  }

  static Status encode_feature(protozero::pbf_writer& parent, uint32_t field, const Function& function,
                               const Value& value, std::string_view what) {
    const bool is_state = value.type().kind() == Type::Kind::state;
    const Type& type = is_state ? value.type().arguments()[0] : value.type();
    const std::optional<int32_t> element = type.is_tensor() ? array_data_type(type.element()) : std::nullopt;
    if (!element) {
      return fail(
          "function {}, {} {}: expected a tensor of fp16, fp32, fp64, int8 or int32 as Core ML takes and gives "
          "them, found {}; cast it inside the function",
          function.name(), what, value.name(), type_text(value.type()));
    }
    protozero::pbf_writer feature(parent, field);
    feature.add_string(feature::kName, value.name());
    protozero::pbf_writer kind(feature, feature::kType);
    if (is_state) {
      protozero::pbf_writer state(kind, feature_type::kState);
      encode_array(state, state_feature::kArray, type, *element, {});
    } else if (what == "input") {
      encode_array(kind, feature_type::kMultiArray, type, *element, flexible_shape(function, value.name()));
    } else {
      encode_result(kind, type, *element);
    }
    return {};
  }

  static void encode_array(protozero::pbf_writer& parent, uint32_t field, const Type& type, int32_t element,
                           const FlexibleShape& flexibility) {
    protozero::pbf_writer array(parent, field);
    Shape shape = type.shape();
    if (flexibility.default_shape.size() == shape.size()) {
      shape = flexibility.default_shape;
    } else {
      std::ranges::replace(shape, kUnknownDimension, 1);
    }
    array.add_packed_int64(array::kShape, shape.begin(), shape.end());
    array.add_enum(array::kDataType, element);
    if (!is_static(type.shape())) encode_flexibility(array, type.shape(), flexibility);
  }

  // A result of unknown shape says nothing about it, as Apple's converter has it.
  static void encode_result(protozero::pbf_writer& parent, const Type& type, int32_t element) {
    protozero::pbf_writer array(parent, feature_type::kMultiArray);
    if (is_static(type.shape())) array.add_packed_int64(array::kShape, type.shape().begin(), type.shape().end());
    array.add_enum(array::kDataType, element);
  }
};

}  // namespace

Result<std::string> encode_model(const Program& program) { return ModelEncoder().encode(program); }

}  // namespace millwright::mil
