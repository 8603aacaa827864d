#include "mil/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "mil/name_table.h"
#include "mil/parser_cache.h"
#include "mil/parser_reader.h"

namespace millwright::mil {
namespace {

// Programs, functions, blocks and statements, over the tokens of a Reader. Functions return false after a diagnostic.
class ProgramParser {
 public:
  explicit ProgramParser(std::string_view text) : reader_(text) {}

  ParseResult parse() {
    const bool whole = program();
    ParseResult result;
    result.diagnostics = reader_.take_diagnostics();
    if (whole && result.diagnostics.empty()) result.program = std::move(program_);
    return result;
  }

 private:
  // A result on the left side of a statement.
  struct ResultName {
    Token token;
    SharedText name;
    Type type;
  };

  bool program();
  bool version();
  void skip_to_function();

  bool function();
  bool parameters(Function& function);
  bool function_end();
  bool old_style_body(Function& function);

  bool block(Block& block, int depth);
  bool block_results(Block& block);
  bool nested_block(Operation& operation, int depth);
  void skip_statement(const Reader::Position& start);

  bool statement(Block& block, int depth);
  bool result_names();
  bool operands(Operation& operation);
  bool operand(const Token& name, const ParameterDefinition* parameter);
  bool argument(Operand& operand, const ParameterDefinition* parameter);
  bool untyped_argument(Operand& operand, const ParameterDefinition* parameter);
  bool give_types_to_numbers();
  void size_constant(const Operation& operation);
  bool check_constant(const Operation& operation, const Token& place);

  bool is_defined(std::string_view name);
  bool check_unused(const Token& name, uint32_t hash);
  // The value of that name. Nothing after a diagnostic, and where the definition was wrong and so is not reported
  // again.
  Value* resolve(const Token& name);

  Reader reader_;
  Program program_;
  KindCache kinds_;
  NameTable<Value> names_;  // of the current function
  std::unordered_map<std::string_view, int, TextHash>
      unusable_names_;                       // and those whose definition was wrong, with its line
  std::vector<const Value*> nested_values_;  // of open nested blocks, in order of definition
  // Of the current statement: kept for their memory.
  std::vector<ResultName> results_;
  std::vector<Operand> operands_;
  std::vector<Attribute> attributes_;
  struct UntypedNumber {
    std::ptrdiff_t operand;  // an index
    Reader::Position place;
  };
  std::vector<UntypedNumber> untyped_numbers_;  // operands that get their type from the others
};

// The type of an untyped literal that begins with this token, where the parameter takes no other.
std::optional<Type> untyped_literal_type(const Token& token, ParameterDefinition::Expect expect) {
  using Expect = ParameterDefinition::Expect;
  if (token.is('{')) return std::nullopt;
  const bool is_list = token.is('[');
  const auto type = [&](ElementType element) {
    return is_list ? Type::tensor(element, {kUnknownDimension}) : Type::scalar(element);
  };
  switch (expect) {
    case Expect::boolean:
    case Expect::booleans:
      return type(ElementType::boolean);
    case Expect::integer:
    case Expect::integers:
      return type(ElementType::int32);
    case Expect::text:
      return type(ElementType::string);
    case Expect::tensor:
    case Expect::number:
    case Expect::state:
    case Expect::sequence:
    case Expect::anything:
      return std::nullopt;
  }
  return std::nullopt;
}

bool ProgramParser::program() {
  if (!reader_.token().is_word("program")) return reader_.expected("'program'");
  reader_.advance();
  if (!version()) return false;
  bool has_braces = true;  // some hand-written programs have none around their functions
  if (!reader_.attributes(program_.attributes())) {
    skip_to_function();
  } else if (reader_.token().is_word("func")) {
    has_braces = false;
  } else if (!reader_.expect('{', "before the functions")) {
    return false;
  }
  while (reader_.token().is_word("func")) {
    if (!function()) skip_to_function();
  }
  const bool gave_up = reader_.token().kind == Token::Kind::end && !reader_.diagnostics().empty();
  if (gave_up) return false;  // the closing brace was skipped with what was wrong before it
  if (has_braces && !reader_.accept('}')) return reader_.expected("'func' or the closing '}' of the program");
  reader_.accept(';');
  if (reader_.token().kind == Token::Kind::end) return true;
  return reader_.expected(has_braces ? "the end of the file behind the program" : "'func' or the end of the file");
}

// (1.3), and (1, 0) of an older hand-written form.
bool ProgramParser::version() {
  if (!reader_.expect('(', "before the version")) return false;
  const Token major = reader_.token();
  const auto is_decimal = [](std::string_view text) {
    return !text.empty() && text.size() <= 16 && text.find_first_not_of("0123456789.") == std::string_view::npos &&
           std::ranges::count(text, '.') <= 1 && text.front() != '.' && text.back() != '.';
  };
  if (major.kind != Token::Kind::number || !is_decimal(major.text)) return reader_.expected("a version such as 1.3");
  reader_.advance();
  std::string version(major.text);
  if (reader_.accept(',')) {
    const Token minor = reader_.token();
    if (!is_decimal(version + ".0") || !is_decimal(minor.text) || minor.text.find('.') != std::string_view::npos) {
      return reader_.expected("the second number of a version such as (1, 0)");
    }
    reader_.advance();
    version += fmt::format(".{}", minor.text);
  }
  program_ = Program(std::move(version));
  return reader_.expect(')', "behind the version");
}

// To the next word that begins a function, or to the end.
void ProgramParser::skip_to_function() {
  while (reader_.token().kind != Token::Kind::end) {
    if (reader_.token().is_word("func") && reader_.following().kind == Token::Kind::identifier) return;
    reader_.advance();
  }
}

bool ProgramParser::function() {
  reader_.advance();
  const std::optional<Token> name = reader_.expect_name("the name of the function");
  if (!name || !reader_.expect('<', "before the opset")) return false;
  const std::optional<Token> opset = reader_.expect_name("an opset such as ios18");
  if (!opset || !reader_.expect('>', "behind the opset")) return false;
  if (program_.function(name->text) != nullptr) {
    reader_.error(*name, fmt::format("the function {} is defined twice", token_text(*name)));
  }
  Function& function = *program_.add_function(std::string(name->text), std::string(opset->text));
  names_.clear();
  unusable_names_.clear();
  nested_values_.clear();
  if (!parameters(function)) return false;
  if (reader_.token().kind == Token::Kind::arrow) return old_style_body(function);
  return reader_.attributes(function.attributes()) && block(function.block(), 0) && function_end();
}

// The semicolon, which some hand-written programs leave out.
bool ProgramParser::function_end() {
  const Token& token = reader_.token();
  if (token.is_word("func") || token.is('}') || token.kind == Token::Kind::end) return true;
  return reader_.expect(';', "behind the results of the function");
}

bool ProgramParser::parameters(Function& function) {
  if (!reader_.expect('(', "before the parameters")) return false;
  if (reader_.accept(')')) return true;
  do {
    std::optional<Type> type = reader_.type();
    if (!type) return false;
    const std::optional<Token> name = reader_.expect_name("the name of the parameter");
    if (!name || !check_unused(*name, hash_text(name->text))) return false;
    names_.insert(function.block().add_input(reader_.name(name->text), std::move(*type)), name->line);
  } while (reader_.accept(','));
  return reader_.expect(')', "behind the parameters");
}

// `-> (TYPE, …) { block0() { … } -> (y) }`: told of two projects, by no compiler.
bool ProgramParser::old_style_body(Function& function) {
  reader_.advance();
  std::vector<Type> types;
  if (!reader_.expect('(', "before the result types")) return false;
  const Token place = reader_.token();
  do {
    std::optional<Type> type = reader_.type();
    if (!type) return false;
    types.push_back(std::move(*type));
  } while (reader_.accept(','));
  if (!reader_.expect(')', "behind the result types") || !reader_.expect('{', "before the block")) return false;
  if (!reader_.expect_name("the name of the block, such as block0")) return false;
  if (!reader_.expect('(', "behind the name of the block") || !reader_.expect(')', "behind '('")) return false;
  if (!block(function.block(), 0) || !reader_.expect('}', "behind the block")) return false;
  reader_.accept(';');
  const bool agree = std::ranges::equal(types, function.results(), {}, {}, [](const Value* v) { return v->type(); });
  return agree || reader_.error(place, "the result types differ from those of the block's results");
}

bool ProgramParser::block(Block& block, int depth) {
  if (!reader_.expect('{', "before the statements")) return false;
  for (;;) {
    while (reader_.accept(';')) {
    }
    const Reader::Position start = reader_.position();
    if (start.token.is('}') || start.token.kind == Token::Kind::end) break;
    if (!statement(block, depth)) skip_statement(start);
  }
  if (!reader_.expect('}', "behind the statements") || !reader_.expect_arrow("before the results")) return false;
  return block_results(block);
}

bool ProgramParser::block_results(Block& block) {
  if (!reader_.expect('(', "before the results")) return false;
  if (reader_.accept(')')) return true;  // a matter for the verifier
  do {
    const std::optional<Token> name = reader_.expect_name("the name of a result");
    if (!name) return false;
    if (Value* value = resolve(*name)) block.add_result(value);
  } while (reader_.accept(','));
  return reader_.expect(')', "behind the results");
}

// `block0(TYPE name, …) { … } -> (…)` behind the attributes of cond and while_loop. No compiled program with blocks is
// known, so this spelling is our own (docs/mil-format.md); the printer writes it in append_nested_block().
bool ProgramParser::nested_block(Operation& operation, int depth) {
  const Token place = reader_.token();
  if (depth + 1 >= kMaximumNesting) {
    reader_.error(place, fmt::format("expected blocks at most {} deep inside each other", kMaximumNesting));
    reader_.give_up();
    return false;
  }
  reader_.advance();
  if (!reader_.expect('(', "behind the name of the block")) return false;
  Block& nested = *operation.add_block();
  const size_t outer_values = nested_values_.size();
  if (!reader_.accept(')')) {
    do {
      std::optional<Type> type = reader_.type();
      if (!type) return false;
      const std::optional<Token> name = reader_.expect_name("the name of the block input");
      if (!name || !check_unused(*name, hash_text(name->text))) return false;
      Value* const input = nested.add_input(reader_.name(name->text), std::move(*type));
      names_.insert(input, name->line);
      nested_values_.push_back(input);
    } while (reader_.accept(','));
    if (!reader_.expect(')', "behind the block inputs")) return false;
  }
  const bool read = block(nested, depth + 1);
  for (size_t i = outer_values; i < nested_values_.size(); ++i) {
    const SharedText& name = nested_values_[i]->name();
    names_.find(name, name.hash())->in_scope = 0;
  }
  nested_values_.resize(outer_values);
  return read;
}

// Back to the start of a wrong statement, then behind its semicolon. Names on its left side count as defined.
void ProgramParser::skip_statement(const Reader::Position& start) {
  if (reader_.token().kind == Token::Kind::end) return;
  reader_.return_to(start);
  int braces = 0, brackets = 0;
  bool on_left_side = true;
  if (reader_.token().is('(')) reader_.advance();  // around the results: their list ends with its ')'
  Token previous;
  while (reader_.token().kind != Token::Kind::end) {
    const Token token = reader_.token();
    if (braces == 0 && token.is('}')) return;
    reader_.advance();
    if (braces == 0 && token.is(';')) return;
    if (token.is('{')) ++braces;
    if (token.is('}')) --braces;
    if (token.is('<') || token.is('(') || token.is('[')) ++brackets;
    if (token.is('>') || token.is(')') || token.is(']')) --brackets;
    const bool ends_name = token.is('=') || token.is(',') || token.is(')');
    if (on_left_side && brackets <= 0 && previous.kind == Token::Kind::identifier && ends_name) {
      if (!is_defined(previous.text)) unusable_names_.emplace(previous.text, previous.line);
    }
    if (token.is('=')) on_left_side = false;
    previous = token;
  }
}

bool ProgramParser::statement(Block& block, int depth) {
  const Location start{reader_.token().line, reader_.token().column};
  const bool has_results = reader_.token().kind != Token::Kind::identifier || !reader_.following_is('(');
  results_.clear();
  if (has_results && !result_names()) return false;

  const Token kind = reader_.token();
  if (kind.kind != Token::Kind::identifier) return reader_.expected("an operation");
  reader_.advance();
  const KindCache::Entry& known = kinds_.get(kind.text);
  Operation& operation = *block.add_operation(known.name, known.definition, nullptr, start);
  const Type* const value_type = operation.is_const() && results_.size() == 1 ? &results_[0].type : nullptr;
  if (!operands(operation) || !reader_.attributes(attributes_, value_type)) return false;
  for (Attribute& attribute : attributes_)
    operation.set_attribute(std::move(attribute.name), std::move(attribute.value));
  if (reader_.token().kind == Token::Kind::identifier) {
    const std::vector<ResultName> results = std::move(results_);  // the statements inside have their own
    while (reader_.token().kind == Token::Kind::identifier && reader_.following_is('(')) {
      if (!nested_block(operation, depth)) return false;
    }
    results_ = results;
  }
  if (!reader_.expect(';', "at the end of the statement")) return false;

  if (operation.is_const() && results_.size() == 1) size_constant(operation);
  for (ResultName& result : results_) {
    if (!check_unused(result.token, result.name.hash())) continue;
    Value* const value = operation.add_result(std::move(result.name), result.type);
    names_.insert(value, result.token.line);
    if (depth > 0) nested_values_.push_back(value);
  }
  // The statement is behind us: these errors must not skip the next one.
  if (operation.is_const()) check_constant(operation, kind);
  return true;
}

// TYPE name, TYPE name =, in parentheses where a printer other than Apple's wrote it.
bool ProgramParser::result_names() {
  const bool has_parentheses = reader_.accept('(');
  do {
    std::optional<Type> type = reader_.type();
    if (!type) return false;
    Token name;
    if (!reader_.expect_name(name, "the name of the result")) return false;
    results_.push_back({name, reader_.name(name.text), std::move(*type)});
    names_.prefetch(results_.back().name.hash());
  } while (reader_.accept(','));
  if (has_parentheses && !reader_.expect(')', "behind the results")) return false;
  return reader_.expect('=', "behind the name of the result");
}

bool ProgramParser::operands(Operation& operation) {
  if (!reader_.expect('(', "behind the operation")) return false;
  if (reader_.accept(')')) return true;
  operands_.clear();
  untyped_numbers_.clear();
  do {
    Token name;
    if (!reader_.expect_name(name, "the name of a parameter")) return false;
    if (!reader_.accept('=')) {
      return reader_.expected(
          fmt::format("'=' behind the parameter {}; operands are written as name = value", token_text(name)));
    }
    const OperationDefinition* const definition = operation.definition();
    if (!operand(name, definition == nullptr ? nullptr : definition->parameter(name.text))) return false;
  } while (reader_.accept(','));
  if (!untyped_numbers_.empty() && !give_types_to_numbers()) return false;
  operation.reserve_operands(operands_.size());
  for (Operand& operand : operands_) operation.add_operand(std::move(operand));
  return reader_.expect(')', "behind the operands");
}

// `parameter` is what the registry knows of it, if anything.
bool ProgramParser::operand(const Token& name, const ParameterDefinition* parameter) {
  constexpr size_t kMaximumOperands = 256;  // of one operation; a bound for the search below
  const SharedText& word = reader_.word(name.text);
  if (std::ranges::find(operands_, word, &Operand::name) != operands_.end()) {
    return reader_.error(name, fmt::format("the parameter {} is given twice", token_text(name)));
  }
  if (operands_.size() == kMaximumOperands) {
    return reader_.error(name, fmt::format("expected at most {} operands", kMaximumOperands));
  }
  Operand& operand = operands_.emplace_back();
  operand.name = word;
  if (!reader_.accept('(')) return argument(operand, parameter);
  operand.is_list = true;
  if (reader_.accept(')')) return true;
  do {
    if (!argument(operand, nullptr)) return false;
  } while (reader_.accept(','));
  return reader_.expect(')', "behind the list of operands");
}

// A name or a typed literal, or an untyped one where the parameter leaves no doubt about its type.
bool ProgramParser::argument(Operand& operand, const ParameterDefinition* parameter) {
  const Token& token = reader_.token();
  const bool is_word = token.kind == Token::Kind::identifier;
  if (is_word && (reader_.following_is('(') || reader_.following_is('<'))) {
    std::optional<Literal> value = reader_.value();
    if (!value) return false;
    operand.arguments.emplace_back(std::move(*value));
    return true;
  }
  const bool is_untyped = token.kind == Token::Kind::number || token.kind == Token::Kind::string || token.is('[') ||
                          token.is('{') ||
                          ((token.is_word("true") || token.is_word("false")) && !is_defined(token.text));
  if (is_untyped) return untyped_argument(operand, parameter);
  Token name;
  if (!reader_.expect_name(name, "the name of a value")) return false;
  // After a diagnostic the program is not returned, so a missing operand does no harm.
  if (Value* value = resolve(name)) operand.arguments.emplace_back(value);
  return true;
}

// `transpose_y = true`: no compiler prints this, but people write it.
bool ProgramParser::untyped_argument(Operand& operand, const ParameterDefinition* parameter) {
  const Token token = reader_.token();
  const auto expect = parameter == nullptr ? ParameterDefinition::Expect::state : parameter->expect;
  if (std::optional<Type> type = untyped_literal_type(token, expect)) {
    std::optional<Literal> value = reader_.untyped_value(*type);
    if (!value) return false;
    operand.arguments.emplace_back(std::move(*value));
    return true;
  }
  using Expect = ParameterDefinition::Expect;
  if (token.kind != Token::Kind::number || (expect != Expect::number && expect != Expect::tensor)) {
    return reader_.expected("the name of a value or a typed literal such as int32(1) or bool(true)");
  }
  untyped_numbers_.push_back({&operand - operands_.data(), reader_.position()});
  reader_.advance();
  return true;
}

// `y = 0.5` is of the element type of the first tensor that is an operand beside it.
bool ProgramParser::give_types_to_numbers() {
  std::optional<ElementType> element;
  for (const Operand& operand : operands_) {
    Value* const* const value = operand.arguments.empty() ? nullptr : std::get_if<Value*>(&operand.arguments[0]);
    if (element || value == nullptr || !(*value)->type().is_tensor()) continue;
    const ElementType found = (*value)->element();
    if (is_floating(found) || is_integer(found)) element = found;
  }
  const Reader::Position behind = reader_.position();
  for (const UntypedNumber& number : untyped_numbers_) {
    reader_.return_to(number.place);
    if (!element) return reader_.expected("a typed literal such as fp16(1)");
    std::optional<Literal> value = reader_.untyped_value(Type::scalar(*element));
    if (!value) return false;
    operands_[static_cast<size_t>(number.operand)].arguments.emplace_back(std::move(*value));
  }
  reader_.return_to(behind);
  return true;
}

// `tensor<int32, [?]> a = const()[val = …]`: the literal says the size.
void ProgramParser::size_constant(const Operation& operation) {
  Type& type = results_[0].type;
  const Literal* const value = operation.attribute("val");
  if (value == nullptr || !type.is_tensor() || is_static(type.shape()) || !types_agree(type, value->type())) return;
  type = type.opened(value->type().shape());
}

bool ProgramParser::check_constant(const Operation& operation, const Token& place) {
  if (results_.size() != 1)
    return reader_.error(place, fmt::format("expected one result of const, found {}", results_.size()));
  const ResultName& result = results_.front();
  const Literal* value = operation.attribute("val");
  if (value == nullptr) {
    return reader_.error(place, fmt::format("the const {} has no attribute val", token_text(result.token)));
  }
  if (types_agree(value->type(), result.type)) return true;
  return reader_.error(result.token,
                       fmt::format("the const {} is declared as {}, but its val is {}", token_text(result.token),
                                   type_text(result.type), type_text(value->type())));
}

bool ProgramParser::is_defined(std::string_view name) {
  return names_.find(name, hash_text(name)) != nullptr || unusable_names_.contains(name);
}

bool ProgramParser::check_unused(const Token& name, uint32_t hash) {
  int line = 0;
  if (const auto* entry = names_.find(name.text, hash)) {
    line = static_cast<int>(entry->line);
  } else if (const auto found = unusable_names_.find(name.text); found != unusable_names_.end()) {
    line = found->second;
  } else {
    return true;
  }
  return reader_.error(name, fmt::format("the value {} is defined twice, first on line {}", token_text(name), line));
}

Value* ProgramParser::resolve(const Token& name) {
  const auto* entry = names_.find(name.text, hash_text(name.text));
  if (entry == nullptr) {
    if (unusable_names_.contains(name.text)) return nullptr;
    reader_.error(name, fmt::format("the value {} is not defined before its use here", token_text(name)));
    return nullptr;
  }
  if (entry->in_scope == 0) {
    reader_.error(name, fmt::format("the value {} is defined on line {} inside another block and not visible here",
                                    token_text(name), static_cast<int>(entry->line)));
    return nullptr;
  }
  return entry->value;
}

}  // namespace

ParseResult parse(std::string_view text) { return ProgramParser(text).parse(); }

Result<Program> parse_program(std::string_view text, const std::string& source_name) {
  ParseResult result = parse(text);
  if (!result.program) return fail_with(result.diagnostics, source_name);
  return std::move(*result.program);
}

}  // namespace millwright::mil
