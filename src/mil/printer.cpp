#include "mil/printer.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "mil/lexer.h"
#include "mil/number_text.h"

namespace millwright::mil {
namespace {

constexpr int kFunctionIndent = 4;

template <class T>
std::vector<const T*> sorted_by_name(std::span<const T> items) {
  std::vector<const T*> sorted;
  for (const T& item : items) sorted.push_back(&item);
  std::ranges::sort(sorted, {}, [](const T* item) { return std::string_view(item->name); });
  return sorted;
}

class Printer {
 public:
  Printer(const PrintStyle& style, bool spell_scalars) : style_(style), spell_scalars_(spell_scalars) {}

  std::string take() { return std::move(out_); }

  void append_program(const Program& program);
  void append_function(const Function& function);
  void append_value(const Literal& literal);

 private:
  void append_build_info(const Program& program);
  void append_attributes(std::span<const Attribute> attributes);
  void append_parameters(const std::vector<std::unique_ptr<Value>>& inputs, bool sort);
  void append_block(const Block& block, int indent);
  void append_nested_block(const Block& block, size_t index, int indent);
  void append_operation(const Operation& operation, int indent);
  void append_result_types(const Operation& operation);
  void append_operation_attributes(const Operation& operation);
  void append_argument(const Argument& argument);

  // Const operations for the literal operands, in front of their operation.
  void append_named_constants(const Operation& operation, int indent);
  std::string unused_name(const std::string& base);
  void collect_names(const Block& block);

  enum class Scalars { bare, spelled };
  void append_type(const Type& type, Scalars scalars);
  Scalars literal_scalars() const { return spell_scalars_ ? Scalars::spelled : Scalars::bare; }
  void append_payload(const Literal& literal);
  void append_tensor(const Literal& literal, size_t axis, int64_t& next);
  void append_blob(const BlobReference& blob);
  void append_dimension(int64_t size);

  PrintStyle style_;
  bool spell_scalars_;  // version 1.0
  std::string out_;
  std::unordered_set<std::string, TextHash> names_;  // of the current function, while constants are being named
  std::vector<std::string> constant_names_;  // of the current operation's literal operands, in reverse printing order
};

void Printer::append_dimension(int64_t size) {
  if (size == kUnknownDimension) {
    out_ += '?';
  } else {
    out_ += std::to_string(size);
  }
}

void Printer::append_type(const Type& type, Scalars scalars) {
  switch (type.kind()) {
    case Type::Kind::tensor: {
      if (type.is_scalar() && scalars == Scalars::bare) {
        out_ += element_name(type.element());
        return;
      }
      out_ += "tensor<";
      out_ += element_name(type.element());
      out_ += ", [";
      for (size_t axis = 0; axis < type.shape().size(); ++axis) {
        if (axis > 0) out_ += ", ";
        append_dimension(type.is_open(axis) ? kUnknownDimension : type.shape()[axis]);
      }
      out_ += "]>";
      return;
    }
    case Type::Kind::list:
      out_ += "list<";
      break;
    case Type::Kind::tuple:
      out_ += "tuple<";
      break;
    case Type::Kind::dict:
      out_ += "dict<";
      break;
    case Type::Kind::state:
      out_ += "state<";
      break;
  }
  bool first = true;
  for (const Type& argument : type.arguments()) {
    if (!first) out_ += ", ";
    first = false;
    append_type(argument, scalars);
  }
  if (type.kind() == Type::Kind::list) {
    out_ += ", ";
    append_dimension(type.list_length());
  }
  out_ += '>';
}

// The elements behind the first `axis` axes.
void Printer::append_tensor(const Literal& literal, size_t axis, int64_t& next) {
  const Type& type = literal.type();
  if (axis < type.shape().size()) {
    out_ += '[';
    for (int64_t i = 0; i < type.shape()[axis]; ++i) {
      if (i > 0) out_ += ", ";
      append_tensor(literal, axis + 1, next);
    }
    out_ += ']';
    return;
  }
  const size_t index = static_cast<size_t>(next++);
  const ElementType element = type.element();
  if (element == ElementType::string) return append_quoted(out_, literal.texts()[index]);
  const std::byte* const source = literal.elements().data() + index * element_bytes(element);
  if (element == ElementType::boolean) {
    out_ += load_integer(element, source) != 0 ? "true" : "false";
  } else if (is_floating(element)) {
    append_float(out_, element, source);
  } else {
    append_integer(out_, element, source);
  }
}

void Printer::append_blob(const BlobReference& blob) {
  out_ += "BLOBFILE(path = ";
  append_value(Literal::string(blob.path));
  out_ += ", offset = ";
  append_type(Type::scalar(ElementType::uint64), literal_scalars());
  out_ += fmt::format("({}))", blob.offset);
}

void Printer::append_payload(const Literal& literal) {
  switch (literal.type().kind()) {
    case Type::Kind::tensor: {
      if (literal.is_blob()) return append_blob(literal.blob_reference());
      int64_t next = 0;
      return append_tensor(literal, 0, next);
    }
    case Type::Kind::list:
    case Type::Kind::tuple: {
      const bool is_tuple = literal.type().kind() == Type::Kind::tuple;
      out_ += is_tuple ? '(' : '[';
      bool first = true;
      for (const Literal& item : literal.items()) {
        if (!first) out_ += ", ";
        first = false;
        append_payload(item);
      }
      out_ += is_tuple ? ')' : ']';
      return;
    }
    case Type::Kind::dict: {
      out_ += '{';
      bool first = true;
      for (const auto& [key, value] : literal.pairs()) {
        out_ += first ? "{" : ", {";
        first = false;
        append_payload(key);
        out_ += ", ";
        append_payload(value);
        out_ += '}';
      }
      out_ += '}';
      return;
    }
    case Type::Kind::state:
      return;  // states have no literals
  }
}

void Printer::append_value(const Literal& literal) {
  append_type(literal.type(), literal.is_blob() ? Scalars::spelled : literal_scalars());
  out_ += '(';
  append_payload(literal);
  out_ += ')';
}

void Printer::append_attributes(std::span<const Attribute> attributes) {
  out_ += '[';
  bool first = true;
  for (const Attribute* attribute : sorted_by_name(attributes)) {
    if (!first) out_ += ", ";
    first = false;
    out_ += attribute->name;
    out_ += " = ";
    append_value(attribute->value);
  }
  out_ += ']';
}

void Printer::append_build_info(const Program& program) {
  std::vector<Attribute> attributes = program.attributes();
  if (style_.require_build_info && std::ranges::find(attributes, "buildInfo", &Attribute::name) == attributes.end()) {
    std::vector<Literal::Pair> entries;
    for (const auto& [key, value] : {std::pair{"coremlc-component-MIL", "3510.2.1"},
                                     {"coremlc-version", "3505.4.1"},
                                     {"coremltools-component-milinternal", ""},
                                     {"coremltools-version", "9.0"}}) {
      entries.emplace_back(Literal::string(key), Literal::string(value));
    }
    const Type text = Type::scalar(ElementType::string);
    attributes.push_back({"buildInfo", Literal::dictionary(Type::dict(text, text), std::move(entries))});
  }
  if (attributes.empty()) return;
  append_attributes(attributes);
  out_ += '\n';
}

void Printer::append_program(const Program& program) {
  out_ += fmt::format("program({})\n", program.version());
  append_build_info(program);
  out_ += "{\n";
  for (const auto& function : program.functions()) append_function(*function);
  out_ += '}';
}

void Printer::append_parameters(const std::vector<std::unique_ptr<Value>>& inputs, bool sort) {
  std::vector<const Value*> ordered;
  for (const auto& input : inputs) ordered.push_back(input.get());
  if (sort) std::ranges::sort(ordered, {}, &Value::name);
  out_ += '(';
  bool first = true;
  for (const Value* input : ordered) {
    if (!first) out_ += ", ";
    first = false;
    append_type(input->type(), Scalars::spelled);
    out_ += ' ';
    out_ += input->name();
  }
  out_ += ')';
}

void Printer::append_function(const Function& function) {
  names_.clear();
  if (style_.name_constants) collect_names(function.block());
  out_.append(kFunctionIndent, ' ');
  out_ += fmt::format("func {}<{}>", function.name(), function.opset());
  append_parameters(function.inputs(), style_.sort_parameters);
  if (!function.attributes().empty()) {
    out_ += ' ';
    append_attributes(function.attributes());
  }
  out_ += " {\n";
  append_block(function.block(), kFunctionIndent);
  out_ += ";\n";
}

// The statements and the closing line, for a block whose owner stands at `indent`.
void Printer::append_block(const Block& block, int indent) {
  for (const auto& operation : block.operations()) append_operation(*operation, indent + 8);
  out_.append(static_cast<size_t>(indent + 4), ' ');
  out_ += "} -> (";
  bool first = true;
  for (const Value* result : block.results()) {
    if (!first) out_ += ", ";
    first = false;
    out_ += result->name();
  }
  out_ += ')';
}

// The spelling of nested blocks is our own: no compiled program that has one is known (docs/mil-format.md). The parser
// reads it in nested_block().
void Printer::append_nested_block(const Block& block, size_t index, int indent) {
  out_ += fmt::format(" block{}", index);
  append_parameters(block.inputs(), false);
  out_ += " {\n";
  append_block(block, indent);
}

// A computed rank-0 result is spelled as a tensor in every version; only constants with their value in the text are
// bare.
void Printer::append_result_types(const Operation& operation) {
  const Literal* value = operation.is_const() ? operation.attribute("val") : nullptr;
  const bool is_inline = value != nullptr && !value->is_blob();
  bool first = true;
  for (const auto& result : operation.results()) {
    if (!first) out_ += ", ";
    first = false;
    append_type(result->type(), is_inline ? literal_scalars() : Scalars::spelled);
    out_ += ' ';
    out_ += result->name();
  }
  if (!operation.results().empty()) out_ += " = ";
}

void Printer::append_argument(const Argument& argument) {
  if (Value* const* value = std::get_if<Value*>(&argument)) {
    out_ += (*value)->name();
  } else if (style_.name_constants) {
    out_ += constant_names_.back();
    constant_names_.pop_back();
  } else {
    append_value(std::get<Literal>(argument));
  }
}

void Printer::append_operation_attributes(const Operation& operation) {
  const bool lacks_name = style_.name_constants && operation.attribute("name") == nullptr;
  if (lacks_name) {
    std::vector<Attribute> attributes(operation.attributes().begin(), operation.attributes().end());
    const std::string name = operation.results().empty() ? operation.kind() : operation.result()->name();
    attributes.push_back({"name", Literal::string(name)});
    append_attributes(attributes);
  } else if (!operation.attributes().empty()) {
    append_attributes(operation.attributes());
  }
}

void Printer::append_operation(const Operation& operation, int indent) {
  if (style_.name_constants) append_named_constants(operation, indent);
  out_.append(static_cast<size_t>(indent), ' ');
  append_result_types(operation);
  out_ += operation.kind();
  out_ += '(';
  bool first = true;
  for (const Operand* operand : sorted_by_name(operation.operands())) {
    if (!first) out_ += ", ";
    first = false;
    out_ += operand->name;
    out_ += operand->is_list ? " = (" : " = ";
    for (size_t i = 0; i < operand->arguments.size(); ++i) {
      if (i > 0) out_ += ", ";
      append_argument(operand->arguments[i]);
    }
    if (operand->is_list) out_ += ')';
  }
  out_ += ')';
  append_operation_attributes(operation);
  for (size_t i = 0; i < operation.blocks().size(); ++i) append_nested_block(*operation.blocks()[i], i, indent);
  out_ += ";\n";
}

void Printer::append_named_constants(const Operation& operation, int indent) {
  const std::string owner = operation.results().empty() ? operation.kind() : operation.result()->name();
  constant_names_.clear();
  for (const Operand* operand : sorted_by_name(operation.operands())) {
    for (const Argument& argument : operand->arguments) {
      const Literal* literal = std::get_if<Literal>(&argument);
      if (literal == nullptr) continue;
      std::string base = fmt::format("{}_{}", owner, operand->name);
      std::ranges::replace(base, '.', '_');
      const std::string name = unused_name(base);
      out_.append(static_cast<size_t>(indent), ' ');
      append_type(literal->type(), literal->is_blob() ? Scalars::spelled : literal_scalars());
      out_ += fmt::format(" {} = const()[name = ", name);
      append_value(Literal::string(name));
      out_ += ", val = ";
      append_value(*literal);
      out_ += "];\n";
      constant_names_.push_back(name);
    }
  }
  std::ranges::reverse(constant_names_);
}

std::string Printer::unused_name(const std::string& base) {
  std::string name = base;
  for (int suffix = 0; !names_.insert(name).second; ++suffix) name = fmt::format("{}_{}", base, suffix);
  return name;
}

void Printer::collect_names(const Block& block) {
  for (const auto& input : block.inputs()) names_.insert(input->name());
  for (const auto& operation : block.operations()) {
    for (const auto& result : operation->results()) names_.insert(result->name());
    for (const auto& nested : operation->blocks()) collect_names(*nested);
  }
}

}  // namespace

std::string print(const Program& program, const PrintStyle& style) {
  Printer printer(style, program.version() == "1.0" || program.version() == "1");
  printer.append_program(program);
  return printer.take();
}

std::string print(const Function& function, const PrintStyle& style) {
  Printer printer(style, false);
  printer.append_function(function);
  return printer.take();
}

std::string print(const Literal& literal) {
  Printer printer(PrintStyle::apple(), false);
  printer.append_value(literal);
  return printer.take();
}

}  // namespace millwright::mil
