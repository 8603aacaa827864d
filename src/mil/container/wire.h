// Core ML's protobuf messages on the wire: the numbers of the fields that a program uses, and how protozero's reader is
// switched over them. Source of the numbers: coremltools, mlmodel/format/{Model,MIL,FeatureTypes}.proto. Internal to
// the container code.
#pragma once

#include <cstdint>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <string_view>

namespace millwright::mil::wire {

namespace model {
enum : uint32_t { kSpecificationVersion = 1, kDescription = 2, kFirstType = 200, kMlProgram = 502 };
}
namespace description {
enum : uint32_t { kInput = 1, kOutput = 10, kState = 13, kFunctions = 20, kDefaultFunction = 21, kMetadata = 100 };
}
namespace function_description {
enum : uint32_t { kName = 1, kInput = 2, kOutput = 3, kState = 6 };
}
namespace metadata {
enum : uint32_t { kUserDefined = 100 };
}
namespace feature {
enum : uint32_t { kName = 1, kType = 3 };
}
namespace feature_type {
enum : uint32_t { kMultiArray = 5, kState = 8 };
}
namespace state_feature {
enum : uint32_t { kArray = 1 };
}
namespace array {
enum : uint32_t { kShape = 1, kDataType = 2, kEnumeratedShapes = 21, kShapeRange = 31 };
}
namespace program {
enum : uint32_t { kVersion = 1, kFunctions = 2, kAttributes = 4 };
}
namespace function {
enum : uint32_t { kInputs = 1, kOpset = 2, kSpecializations = 3, kAttributes = 4 };
}
namespace block {
enum : uint32_t { kInputs = 1, kOutputs = 2, kOperations = 3 };
}
namespace operation {
enum : uint32_t { kType = 1, kInputs = 2, kOutputs = 3, kBlocks = 4, kAttributes = 5 };
}
namespace binding {
enum : uint32_t { kName = 1, kValue = 2 };
}
namespace named_type {
enum : uint32_t { kName = 1, kType = 2 };
}
namespace map_entry {
enum : uint32_t { kKey = 1, kValue = 2 };
}
namespace value_type {
enum : uint32_t { kTensor = 1, kList = 2, kTuple = 3, kDictionary = 4, kState = 5 };
}
namespace tensor_type {
enum : uint32_t { kDataType = 1, kRank = 2, kDimensions = 3 };
}
namespace list_type {
enum : uint32_t { kType = 1, kLength = 2 };
}
namespace dictionary_type {
enum : uint32_t { kKey = 1, kValue = 2 };
}
namespace dimension {
enum : uint32_t { kConstant = 1, kUnknown = 2 };
}
namespace value {
enum : uint32_t { kType = 2, kImmediate = 3, kBlobFile = 5 };
}
namespace blob_file {
enum : uint32_t { kFileName = 1, kOffset = 2 };
}
namespace immediate {
enum : uint32_t { kTensor = 1, kTuple = 2, kList = 3, kDictionary = 4 };
}
namespace tensor_value {
enum : uint32_t { kFloats = 1, kInts = 2, kBools = 3, kStrings = 4, kLongInts = 5, kDoubles = 6, kBytes = 7 };
}
// The only field of TupleType, StateType, Argument, the constants of a Dimension, and of every repeated value.
inline constexpr uint32_t kOnly = 1;

using View = protozero::data_view;

inline std::string_view text(const View& view) { return {view.data(), view.size()}; }

// Cases of `switch (reader.tag_and_type())`: a field with another wire type than the schema's counts as unknown, so
// that no accessor is called on what it cannot read.
constexpr uint32_t delimited(uint32_t field) {
  return protozero::tag_and_type(field, protozero::pbf_wire_type::length_delimited);
}
constexpr uint32_t varint(uint32_t field) { return protozero::tag_and_type(field, protozero::pbf_wire_type::varint); }
constexpr uint32_t fixed32(uint32_t field) { return protozero::tag_and_type(field, protozero::pbf_wire_type::fixed32); }
constexpr uint32_t fixed64(uint32_t field) { return protozero::tag_and_type(field, protozero::pbf_wire_type::fixed64); }

}  // namespace millwright::mil::wire
