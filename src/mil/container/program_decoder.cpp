#include <algorithm>
#include <array>
#include <unordered_map>
#include <unordered_set>

#include "mil/container/program_message.h"
#include "mil/container/wire_types.h"
#include "mil/lexer.h"
#include "mil/parser.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

using namespace wire;  // the field numbers; this file is about nothing else

// Lists are searched, not indexed: these bounds keep that cheap, as in text.
constexpr size_t kMaximumAttributes = 256;
constexpr size_t kMaximumOperands = 256;
constexpr size_t kMaximumFunctions = 4096;

struct MapEntry {
  std::string_view key;
  View value;
};

MapEntry read_entry(View bytes) {
  MapEntry entry;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(map_entry::kKey):
        entry.key = text(reader.get_view());
        break;
      case delimited(map_entry::kValue):
        entry.value = reader.get_view();
        break;
      default:
        reader.skip();
    }
  }
  return entry;
}

Status check_name(std::string_view name, std::string_view what) {
  if (is_identifier(name)) return {};
  std::string quoted;
  append_quoted(quoted, name.substr(0, 64));
  return fail("expected an identifier as the name of {}, found {}", what, quoted);
}

// Kinds may have dots between identifiers: mw.recompute.
bool is_kind(std::string_view kind) {
  for (;;) {
    const size_t dot = kind.find('.');
    if (!is_identifier(kind.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    kind.remove_prefix(dot + 1);
  }
}

// A parameter that takes a list even when one value is given. The wire does not tell a value from a list of one.
bool takes_list(const Operation& operation, std::string_view parameter, std::span<const Argument> arguments) {
  // The one list that may also be given as a vector of sizes.
  if (operation.kind() == "make_list" && parameter == "elem_shape") {
    const Literal* literal = arguments.empty() ? nullptr : std::get_if<Literal>(&arguments[0]);
    return literal == nullptr || literal->type().is_scalar();
  }
  using Known = std::pair<std::string_view, std::string_view>;
  constexpr std::array<Known, 4> kLists = {
      {{"concat", "values"}, {"stack", "values"}, {"einsum", "values"}, {"while_loop", "loop_vars"}}};
  if (std::ranges::find(kLists, Known(operation.kind(), parameter)) != kLists.end()) return true;
  if (operation.definition() == nullptr) return false;
  const ParameterDefinition* definition = operation.definition()->parameter(parameter);
  return definition != nullptr && definition->kind == ParameterDefinition::Kind::list;
}

struct NamedType {
  std::string_view name;
  Type type;
};

Result<NamedType> decode_named_type(View bytes, std::string_view what) {
  std::string_view name;
  std::optional<Type> type;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(named_type::kName):
        name = text(reader.get_view());
        break;
      case delimited(named_type::kType): {
        MW_ASSIGN(type, decode_type(reader.get_view()));
        break;
      }
      default:
        reader.skip();
    }
  }
  MW_TRY(check_name(name, what));
  if (!type) return fail("expected the type of {} {}, found none", what, name);
  return NamedType{name, std::move(*type)};
}

Result<Attribute> decode_attribute(View bytes) {
  const MapEntry entry = read_entry(bytes);
  MW_TRY(check_name(entry.key, "an attribute"));
  auto value = decode_value(entry.value);
  if (!value) {
    return tl::unexpected(with_context(std::move(value.error()), "attribute " + std::string(entry.key)));
  }
  return Attribute{std::string(entry.key), std::move(*value)};
}

// The last one of a name counts, as in every protobuf map.
Status add_attribute(View bytes, std::vector<Attribute>& attributes) {
  MW_ASSIGN(Attribute attribute, decode_attribute(bytes));
  const auto found = std::ranges::find(attributes, attribute.name, &Attribute::name);
  if (found != attributes.end()) {
    found->value = std::move(attribute.value);
    return {};
  }
  if (attributes.size() == kMaximumAttributes) return fail("expected at most {} attributes", kMaximumAttributes);
  attributes.push_back(std::move(attribute));
  return {};
}

// The fields of one message that are wanted more than once, in the order of the wire.
struct BlockFields {
  std::vector<View> inputs;
  std::vector<View> outputs;
  std::vector<View> operations;
};

BlockFields read_block(View bytes) {
  BlockFields fields;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(block::kInputs):
        fields.inputs.push_back(reader.get_view());
        break;
      case delimited(block::kOutputs):
        fields.outputs.push_back(reader.get_view());
        break;
      case delimited(block::kOperations):
        fields.operations.push_back(reader.get_view());
        break;
      default:
        reader.skip();
    }
  }
  return fields;
}

struct OperationFields {
  std::string_view kind;
  std::vector<View> operands;
  std::vector<View> results;
  std::vector<View> blocks;
  std::vector<View> attributes;
};

OperationFields read_operation(View bytes) {
  OperationFields fields;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(operation::kType):
        fields.kind = text(reader.get_view());
        break;
      case delimited(operation::kInputs):
        fields.operands.push_back(reader.get_view());
        break;
      case delimited(operation::kOutputs):
        fields.results.push_back(reader.get_view());
        break;
      case delimited(operation::kBlocks):
        fields.blocks.push_back(reader.get_view());
        break;
      case delimited(operation::kAttributes):
        fields.attributes.push_back(reader.get_view());
        break;
      default:
        reader.skip();
    }
  }
  return fields;
}

// The body of one function: blocks inside each other, each a scope of names.
class FunctionDecoder {
 public:
  explicit FunctionDecoder(Function& function) : function_(function) { scopes_.emplace_back(); }

  Status add_input(Block& block, View bytes) {
    MW_ASSIGN(NamedType input, decode_named_type(bytes, "an input"));
    MW_ASSIGN(std::string name, free_name(input.name));
    define(input.name, block.add_input(std::move(name), std::move(input.type)));
    return {};
  }

  Status decode_block(Block& block, const BlockFields& fields) {
    size_t index = 0;
    for (const View operation : fields.operations) {
      Status status = add_operation(block, operation);
      if (!status) {
        return tl::unexpected(with_context(std::move(status.error()), fmt::format("operation {}", index)));
      }
      ++index;
    }
    if (fields.outputs.empty()) return fail("expected the results of a block, found none");
    for (const View output : fields.outputs) {
      MW_ASSIGN(Value * value, resolve(text(output)));
      block.add_result(value);
    }
    return {};
  }

 private:
  Status add_operation(Block& block, View bytes) {
    const OperationFields fields = read_operation(bytes);
    if (!is_kind(fields.kind)) {
      std::string quoted;
      append_quoted(quoted, fields.kind.substr(0, 64));
      return fail("expected an identifier as the kind of an operation, found {}", quoted);
    }
    Operation& operation = *block.add_operation(std::string(fields.kind));
    Status status = decode_operation(operation, fields);
    if (!status) return tl::unexpected(with_context(std::move(status.error()), describe(operation)));
    return {};
  }

  Status decode_operation(Operation& operation, const OperationFields& fields) {
    for (const View attribute : fields.attributes) {
      MW_ASSIGN(Attribute decoded, decode_attribute(attribute));
      if (operation.attributes().size() == kMaximumAttributes) {
        return fail("expected at most {} attributes", kMaximumAttributes);
      }
      operation.set_attribute(decoded.name, std::move(decoded.value));
    }
    for (const View operand : fields.operands) MW_TRY(add_operand(operation, operand));
    for (const View nested : fields.blocks) MW_TRY(add_block(operation, nested));
    for (const View result : fields.results) {
      MW_ASSIGN(NamedType named, decode_named_type(result, "a result"));
      MW_ASSIGN(std::string name, free_name(named.name));
      define(named.name, operation.add_result(std::move(name), std::move(named.type)));
    }
    return operation.is_const() ? check_constant(operation) : Status();
  }

  Status add_block(Operation& operation, View bytes) {
    if (scopes_.size() == static_cast<size_t>(kMaximumNesting)) {
      return fail("expected blocks at most {} deep inside each other", kMaximumNesting);
    }
    const BlockFields fields = read_block(bytes);
    Block& nested = *operation.add_block();
    scopes_.emplace_back();
    for (const View input : fields.inputs) MW_TRY(add_input(nested, input));
    MW_TRY(decode_block(nested, fields));
    scopes_.pop_back();
    return {};
  }

  Status add_operand(Operation& operation, View bytes) {
    const MapEntry entry = read_entry(bytes);
    MW_TRY(check_name(entry.key, "a parameter"));
    if (operation.find_operand(entry.key) != nullptr) return fail("the parameter {} is given twice", entry.key);
    if (operation.operands().size() == kMaximumOperands) return fail("expected at most {} operands", kMaximumOperands);
    Operand operand{std::string(entry.key), {}, false};
    protozero::pbf_reader reader(entry.value);
    while (reader.next()) {
      if (reader.tag_and_type() != delimited(kOnly)) {
        reader.skip();
        continue;
      }
      auto decoded = decode_argument(reader.get_view());
      if (!decoded) return tl::unexpected(with_context(std::move(decoded.error()), "operand " + operand.name));
      operand.arguments.push_back(std::move(*decoded));
    }
    operand.is_list = operand.arguments.size() != 1 || takes_list(operation, entry.key, operand.arguments);
    operation.add_operand(std::move(operand));
    return {};
  }

  Result<Argument> decode_argument(View bytes) {
    std::optional<Argument> argument;
    protozero::pbf_reader reader(bytes);
    while (reader.next()) {
      switch (reader.tag_and_type()) {
        case delimited(binding::kName): {
          MW_ASSIGN(argument, resolve(text(reader.get_view())));
          break;
        }
        case delimited(binding::kValue): {
          MW_ASSIGN(argument, decode_value(reader.get_view()));
          break;
        }
        default:
          reader.skip();
      }
    }
    if (!argument) return fail("expected the name of a value or a constant, found neither");
    return std::move(*argument);
  }

  static Status check_constant(const Operation& operation) {
    if (operation.results().size() != 1) {
      return fail("expected one result of const, found {}", operation.results().size());
    }
    const Literal* value = operation.attribute("val");
    if (value == nullptr) return fail("expected the attribute val, found none");
    const Type& declared = operation.result()->type();
    if (value->type() == declared) return {};
    return fail("the const is declared as {}, but its val is {}", type_text(declared), type_text(value->type()));
  }

  // The name under which a value of this wire name is added: another one where an earlier block took it, since names
  // are unique in a function of ours. The same name twice in one block is an error.
  Result<std::string> free_name(std::string_view name) {
    if (scopes_.back().contains(name)) return fail("the value {} is defined twice", name);
    std::string free(name);
    if (taken_.contains(free)) free = function_.unique_name(name);
    taken_.insert(free);
    return free;
  }

  void define(std::string_view name, Value* value) { scopes_.back().emplace(name, value); }

  Result<Value*> resolve(std::string_view name) const {
    for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
      const auto found = scope->find(name);
      if (found != scope->end()) return found->second;
    }
    std::string quoted;
    append_quoted(quoted, name.substr(0, 64));
    return fail("the value {} is not defined before its use here", quoted);
  }

  Function& function_;
  std::unordered_set<std::string, TextHash> taken_;
  std::vector<std::unordered_map<std::string_view, Value*, TextHash>> scopes_;  // innermost last
};

Status decode_function(View bytes, const std::string& name, Program& program) {
  std::vector<View> inputs;
  std::vector<View> attributes;
  std::vector<MapEntry> specializations;
  std::string_view opset;
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(function::kInputs):
        inputs.push_back(reader.get_view());
        break;
      case delimited(function::kOpset):
        opset = text(reader.get_view());
        break;
      case delimited(function::kSpecializations):
        specializations.push_back(read_entry(reader.get_view()));
        break;
      case delimited(function::kAttributes):
        attributes.push_back(reader.get_view());
        break;
      default:
        reader.skip();
    }
  }
  MW_TRY(check_name(opset, "an opset"));
  const auto body = std::ranges::find(specializations, opset, &MapEntry::key);
  if (body == specializations.end()) return fail("expected a block for the opset {}, found none", opset);
  Function& function = *program.add_function(name, opset_in_text(opset));
  for (const View attribute : attributes) MW_TRY(add_attribute(attribute, function.attributes()));
  FunctionDecoder decoder(function);
  for (const View input : inputs) MW_TRY(decoder.add_input(function.block(), input));
  const BlockFields fields = read_block(body->value);
  if (!fields.inputs.empty()) return fail("expected no inputs of the block itself, found {}", fields.inputs.size());
  return decoder.decode_block(function.block(), fields);
}

Status decode_fields(View bytes, Program& program) {
  protozero::pbf_reader reader(bytes);
  while (reader.next()) {
    switch (reader.tag_and_type()) {
      case delimited(program::kFunctions): {
        const MapEntry entry = read_entry(reader.get_view());
        MW_TRY(check_name(entry.key, "a function"));
        const std::string name(entry.key);
        if (program.function(name) != nullptr) return fail("the function {} is defined twice", name);
        if (program.functions().size() == kMaximumFunctions) {
          return fail("expected at most {} functions", kMaximumFunctions);
        }
        Status status = decode_function(entry.value, name, program);
        if (!status) return tl::unexpected(with_context(std::move(status.error()), "function " + name));
        break;
      }
      case delimited(program::kAttributes): {
        Status status = add_attribute(reader.get_view(), program.attributes());
        if (!status) return tl::unexpected(with_context(std::move(status.error()), "program"));
        break;
      }
      default:
        reader.skip();
    }
  }
  return {};
}

}  // namespace

Result<Program> decode_program(std::string_view bytes, const std::string& source, const std::string& version) {
  Program program(version);
  try {
    const Status status = decode_fields({bytes.data(), bytes.size()}, program);
    if (!status) return tl::unexpected(with_context(status.error(), source));
  } catch (const protozero::exception& exception) {
    return fail("{}: expected a whole protobuf message, found one that is cut short or damaged ({})", source,
                exception.what());
  }
  return program;
}

}  // namespace millwright::mil
