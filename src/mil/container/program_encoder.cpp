#include <algorithm>
#include <array>

#include "mil/container/program_message.h"
#include "mil/container/wire_types.h"

namespace millwright::mil {
namespace {

using namespace wire;  // the field numbers; this file is about nothing else

struct Opset {
  std::string_view text;
  std::string_view message;
  int specification_version;
};

// Source: coremltools, coremltools/__init__.py (_OPSET, _SPECIFICATION_VERSION_…).
constexpr std::array<Opset, 7> kOpsets = {{
    {"ios13", "CoreML3", 4},
    {"ios14", "CoreML4", 5},
    {"ios15", "CoreML5", 6},
    {"ios16", "CoreML6", 7},
    {"ios17", "CoreML7", 8},
    {"ios18", "CoreML8", 9},
    {"ios26", "CoreML9", 10},
}};

class ProgramEncoder {
 public:
  Result<std::string> encode(const Program& program) {
    protozero::pbf_writer message(out_);
    message.add_int64(program::kVersion, 1);
    for (const auto& function : program.functions()) {
      protozero::pbf_writer entry(message, program::kFunctions);
      entry.add_string(map_entry::kKey, function->name());
      MW_TRY(encode_function(entry, *function));
    }
    MW_TRY(encode_attributes(message, program::kAttributes, program.attributes()));
    MW_TRY(check_size());
    return std::move(out_);
  }

 private:
  // Called behind each value of at most 1.3 GiB (wire_types.h), so that no length passes 32 bits before this notices.
  Status check_size() const {
    constexpr size_t kMostBytes = (size_t{1} << 31) - 1;
    if (out_.size() <= kMostBytes) return {};
    return fail("expected a program of less than 2 GiB, found more; move its constants into a weight file");
  }

  Status encode_attributes(protozero::pbf_writer& parent, uint32_t field, std::span<const Attribute> attributes) {
    for (const Attribute& attribute : attributes) {
      {
        protozero::pbf_writer entry(parent, field);
        entry.add_string(map_entry::kKey, attribute.name);
        MW_TRY(encode_value(entry, map_entry::kValue, attribute.value));
      }
      MW_TRY(check_size());
    }
    return {};
  }

  void encode_named_type(protozero::pbf_writer& parent, uint32_t field, const Value& value) {
    protozero::pbf_writer message(parent, field);
    message.add_string(named_type::kName, value.name());
    encode_type(message, named_type::kType, value.type());
  }

  Status encode_function(protozero::pbf_writer& entry, const Function& function) {
    protozero::pbf_writer message(entry, map_entry::kValue);
    for (const auto& input : function.inputs()) encode_named_type(message, function::kInputs, *input);
    const std::string opset = opset_in_message(function.opset());
    message.add_string(function::kOpset, opset);
    {
      protozero::pbf_writer specialization(message, function::kSpecializations);
      specialization.add_string(map_entry::kKey, opset);
      protozero::pbf_writer body(specialization, map_entry::kValue);
      MW_TRY(encode_body(body, function.block()));
    }
    return encode_attributes(message, function::kAttributes, function.attributes());
  }

  Status encode_body(protozero::pbf_writer& message, const Block& block) {
    for (const Value* result : block.results()) message.add_string(block::kOutputs, result->name());
    for (const auto& operation : block.operations()) {
      protozero::pbf_writer nested(message, block::kOperations);
      MW_TRY(encode_operation(nested, *operation));
    }
    return {};
  }

  Status encode_operation(protozero::pbf_writer& message, const Operation& operation) {
    message.add_string(operation::kType, operation.kind());
    for (const Operand& operand : operation.operands()) MW_TRY(encode_operand(message, operand));
    for (const auto& result : operation.results()) encode_named_type(message, operation::kOutputs, *result);
    for (const auto& nested : operation.blocks()) {
      protozero::pbf_writer body(message, operation::kBlocks);
      for (const auto& input : nested->inputs()) encode_named_type(body, block::kInputs, *input);
      MW_TRY(encode_body(body, *nested));
    }
    return encode_attributes(message, operation::kAttributes, operation.attributes());
  }

  Status encode_operand(protozero::pbf_writer& parent, const Operand& operand) {
    protozero::pbf_writer entry(parent, operation::kInputs);
    entry.add_string(map_entry::kKey, operand.name);
    protozero::pbf_writer arguments(entry, map_entry::kValue);
    for (const Argument& argument : operand.arguments) {
      protozero::pbf_writer message(arguments, kOnly);
      if (Value* const* value = std::get_if<Value*>(&argument)) {
        message.add_string(binding::kName, (*value)->name());
        continue;
      }
      MW_TRY(encode_value(message, binding::kValue, std::get<Literal>(argument)));
      MW_TRY(check_size());
    }
    return {};
  }

  std::string out_;
};

}  // namespace

std::string opset_in_message(std::string_view opset) {
  const auto found = std::ranges::find(kOpsets, opset, &Opset::text);
  return std::string(found == kOpsets.end() ? opset : found->message);
}

std::string opset_in_text(std::string_view message_opset) {
  const auto found = std::ranges::find(kOpsets, message_opset, &Opset::message);
  return std::string(found == kOpsets.end() ? message_opset : found->text);
}

std::optional<int> specification_version(std::string_view opset) {
  const auto found = std::ranges::find(kOpsets, opset_in_text(opset), &Opset::text);
  if (found == kOpsets.end()) return std::nullopt;
  return found->specification_version;
}

Result<std::string> encode_program(const Program& program) { return ProgramEncoder().encode(program); }

}  // namespace millwright::mil
