#include "mil/parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

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
  // What a name of the current function stands for. No value: its definition was wrong, so uses are not reported.
  struct Name {
    Value* value = nullptr;
    int line = 0;
    bool in_scope = true;
  };

  bool program();
  bool version();
  void skip_to_function();

  bool function();
  bool parameters(Function& function);
  bool old_style_body(Function& function);

  bool block(Block& block, int depth);
  bool block_results(Block& block);
  bool nested_block(Operation& operation, int depth);
  void skip_statement(const Reader::Position& start);

  bool statement(Block& block, int depth);
  bool result_names(std::vector<std::pair<Token, Type>>& results);
  bool operands(Operation& operation);
  bool operand(Operation& operation, const Token& name);
  bool argument(Operand& operand);
  bool check_constant(const Operation& operation, const Token& place,
                      const std::vector<std::pair<Token, Type>>& results);

  bool define(const Token& name, Value* value);
  bool check_unused(const Token& name);
  // The name's entry, or nothing after a diagnostic.
  const Name* resolve(const Token& name);

  Reader reader_;
  Program program_;
  std::unordered_map<std::string_view, Name> names_;
  std::vector<std::string_view> nested_names_;  // the names of open nested blocks, in order of definition
};

bool ProgramParser::program() {
  if (!reader_.token().is_word("program")) return reader_.expected("'program'");
  reader_.advance();
  if (!version()) return false;
  std::optional<std::vector<Attribute>> attributes = reader_.attributes();
  if (!attributes) {
    skip_to_function();
  } else {
    program_.attributes() = std::move(*attributes);
    if (!reader_.expect('{', "before the functions")) return false;
  }
  while (reader_.token().is_word("func")) {
    if (!function()) skip_to_function();
  }
  const bool gave_up = reader_.token().kind == Token::Kind::end && !reader_.diagnostics().empty();
  if (gave_up) return false;  // the closing brace was skipped with what was wrong before it
  if (!reader_.accept('}')) return reader_.expected("'func' or the closing '}' of the program");
  if (reader_.token().kind != Token::Kind::end) return reader_.expected("the end of the file behind the program");
  return true;
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
  nested_names_.clear();
  if (!parameters(function)) return false;
  if (reader_.token().kind == Token::Kind::arrow) return old_style_body(function);
  std::optional<std::vector<Attribute>> attributes = reader_.attributes();
  if (!attributes) return false;
  function.attributes() = std::move(*attributes);
  return block(function.block(), 0) && reader_.expect(';', "behind the results of the function");
}

bool ProgramParser::parameters(Function& function) {
  if (!reader_.expect('(', "before the parameters")) return false;
  if (reader_.accept(')')) return true;
  do {
    std::optional<Type> type = reader_.type();
    if (!type) return false;
    const std::optional<Token> name = reader_.expect_name("the name of the parameter");
    if (!name || !check_unused(*name)) return false;
    define(*name, function.block().add_input(std::string(name->text), std::move(*type)));
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
    const Reader::Position start = reader_.position();
    if (start.token.is('}') || start.token.kind == Token::Kind::end) break;
    if (!statement(block, depth)) skip_statement(start);
  }
  if (!reader_.expect('}', "behind the statements") || !reader_.expect_arrow("before the results")) return false;
  return block_results(block);
}

bool ProgramParser::block_results(Block& block) {
  if (!reader_.expect('(', "before the results")) return false;
  do {
    const std::optional<Token> name = reader_.expect_name("the name of a result");
    if (!name) return false;
    const Name* found = resolve(*name);
    if (found != nullptr && found->value != nullptr) block.add_result(found->value);
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
  const size_t outer_names = nested_names_.size();
  if (!reader_.accept(')')) {
    do {
      std::optional<Type> type = reader_.type();
      if (!type) return false;
      const std::optional<Token> name = reader_.expect_name("the name of the block input");
      if (!name || !check_unused(*name)) return false;
      define(*name, nested.add_input(std::string(name->text), std::move(*type)));
      nested_names_.push_back(name->text);
    } while (reader_.accept(','));
    if (!reader_.expect(')', "behind the block inputs")) return false;
  }
  const bool read = block(nested, depth + 1);
  for (size_t i = outer_names; i < nested_names_.size(); ++i) names_[nested_names_[i]].in_scope = false;
  nested_names_.resize(outer_names);
  return read;
}

// Back to the start of a wrong statement, then behind its semicolon. Names on its left side count as defined.
void ProgramParser::skip_statement(const Reader::Position& start) {
  if (reader_.token().kind == Token::Kind::end) return;
  reader_.return_to(start);
  int braces = 0, brackets = 0;
  bool on_left_side = true;
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
    if (on_left_side && brackets == 0 && previous.kind == Token::Kind::identifier && (token.is('=') || token.is(','))) {
      names_.try_emplace(previous.text, Name{nullptr, previous.line, true});
    }
    if (token.is('=')) on_left_side = false;
    previous = token;
  }
}

bool ProgramParser::statement(Block& block, int depth) {
  const Token start = reader_.token();
  std::vector<std::pair<Token, Type>> results;
  const bool has_results = start.kind != Token::Kind::identifier || !reader_.following().is('(');
  if (has_results && !result_names(results)) return false;

  const std::optional<Token> kind = reader_.expect_identifier("an operation");
  if (!kind) return false;
  Operation& operation = *block.add_operation(std::string(kind->text), nullptr, {start.line, start.column});
  if (!operands(operation)) return false;
  std::optional<std::vector<Attribute>> attributes = reader_.attributes();
  if (!attributes) return false;
  for (Attribute& attribute : *attributes) operation.set_attribute(attribute.name, std::move(attribute.value));
  while (reader_.token().kind == Token::Kind::identifier && reader_.following().is('(')) {
    if (!nested_block(operation, depth)) return false;
  }
  if (!reader_.expect(';', "at the end of the statement")) return false;

  for (const auto& [name, type] : results) {
    if (!check_unused(name)) continue;
    define(name, operation.add_result(std::string(name.text), type));
    if (depth > 0) nested_names_.push_back(name.text);
  }
  // The statement is behind us: these errors must not skip the next one.
  if (operation.is_const()) check_constant(operation, *kind, results);
  return true;
}

// TYPE name, TYPE name =
bool ProgramParser::result_names(std::vector<std::pair<Token, Type>>& results) {
  do {
    std::optional<Type> type = reader_.type();
    if (!type) return false;
    const std::optional<Token> name = reader_.expect_name("the name of the result");
    if (!name) return false;
    results.emplace_back(*name, std::move(*type));
  } while (reader_.accept(','));
  return reader_.expect('=', "behind the name of the result");
}

bool ProgramParser::operands(Operation& operation) {
  if (!reader_.expect('(', "behind the operation")) return false;
  if (reader_.accept(')')) return true;
  do {
    const std::optional<Token> name = reader_.expect_name("the name of a parameter");
    if (!name) return false;
    if (!reader_.accept('=')) {
      return reader_.expected(
          fmt::format("'=' behind the parameter {}; operands are written as name = value", token_text(*name)));
    }
    if (!operand(operation, *name)) return false;
  } while (reader_.accept(','));
  return reader_.expect(')', "behind the operands");
}

bool ProgramParser::operand(Operation& operation, const Token& name) {
  constexpr size_t kMaximumOperands = 256;  // of one operation; a bound for the search below
  if (operation.find_operand(name.text) != nullptr) {
    return reader_.error(name, fmt::format("the parameter {} is given twice", token_text(name)));
  }
  if (operation.operands().size() == kMaximumOperands) {
    return reader_.error(name, fmt::format("expected at most {} operands", kMaximumOperands));
  }
  Operand operand{std::string(name.text), {}, false};
  if (reader_.accept('(')) {
    operand.is_list = true;
    if (!reader_.accept(')')) {
      do {
        if (!argument(operand)) return false;
      } while (reader_.accept(','));
      if (!reader_.expect(')', "behind the list of operands")) return false;
    }
  } else if (!argument(operand)) {
    return false;
  }
  operation.add_operand(std::move(operand));
  return true;
}

// A name or a typed literal.
bool ProgramParser::argument(Operand& operand) {
  const Token token = reader_.token();
  const bool is_word = token.kind == Token::Kind::identifier;
  if (const Token behind = reader_.following(); is_word && (behind.is('(') || behind.is('<'))) {
    std::optional<Literal> value = reader_.value();
    if (!value) return false;
    operand.arguments.emplace_back(std::move(*value));
    return true;
  }
  const bool is_untyped = token.kind == Token::Kind::number || token.kind == Token::Kind::string || token.is('[') ||
                          token.is('{') ||
                          ((token.is_word("true") || token.is_word("false")) && !names_.contains(token.text));
  if (is_untyped) {
    return reader_.expected("the name of a value or a typed literal such as int32(1) or bool(true)");
  }
  const std::optional<Token> name = reader_.expect_name("the name of a value");
  if (!name) return false;
  const Name* found = resolve(*name);
  // After a diagnostic the program is not returned, so a missing operand does no harm.
  if (found != nullptr && found->value != nullptr) operand.arguments.emplace_back(found->value);
  return true;
}

bool ProgramParser::check_constant(const Operation& operation, const Token& place,
                                   const std::vector<std::pair<Token, Type>>& results) {
  if (results.size() != 1)
    return reader_.error(place, fmt::format("expected one result of const, found {}", results.size()));
  const auto& [name, declared] = results.front();
  const Literal* value = operation.attribute("val");
  if (value == nullptr) {
    return reader_.error(place, fmt::format("the const {} has no attribute val", token_text(name)));
  }
  if (value->type() == declared) return true;
  return reader_.error(name, fmt::format("the const {} is declared as {}, but its val is {}", token_text(name),
                                         type_text(declared), type_text(value->type())));
}

bool ProgramParser::check_unused(const Token& name) {
  const auto found = names_.find(name.text);
  if (found == names_.end()) return true;
  return reader_.error(
      name, fmt::format("the value {} is defined twice, first on line {}", token_text(name), found->second.line));
}

bool ProgramParser::define(const Token& name, Value* value) {
  return names_.try_emplace(name.text, Name{value, name.line, true}).second;
}

const ProgramParser::Name* ProgramParser::resolve(const Token& name) {
  const auto found = names_.find(name.text);
  if (found == names_.end()) {
    reader_.error(name, fmt::format("the value {} is not defined before its use here", token_text(name)));
    return nullptr;
  }
  if (!found->second.in_scope) {
    reader_.error(name, fmt::format("the value {} is defined on line {} inside another block and not visible here",
                                    token_text(name), found->second.line));
    return nullptr;
  }
  return &found->second;
}

}  // namespace

ParseResult parse(std::string_view text) { return ProgramParser(text).parse(); }

Result<Program> parse_program(std::string_view text, const std::string& source_name) {
  ParseResult result = parse(text);
  if (!result.program) return fail_with(result.diagnostics, source_name);
  return std::move(*result.program);
}

}  // namespace millwright::mil
