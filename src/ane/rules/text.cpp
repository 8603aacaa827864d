// Section 1 of the catalogue: what the front end of the engine's compiler refuses in a program's text, and operations
// that it does not know.
#include <algorithm>
#include <array>
#include <set>
#include <span>

#include "ane/rules/rule.h"
#include "ane/rules/walk.h"
#include "mil/registry.h"

namespace millwright::ane {

namespace {

using mil::Operation;
using mil::Value;

bool goes_in_memory(const ChipProfile& profile) { return *profile.rules.route == Route::in_memory; }

// C01. Programs built in memory have no inline literals: the engine's print style names every constant.
void inline_literals(const Operation& operation, const ChipProfile&, Report& report) {
  if (operation.location().line == 0) return;
  for (const mil::Operand& operand : operation.operands()) {
    const bool has_literal = std::ranges::any_of(operand.arguments, [](const mil::Argument& argument) {
      return std::holds_alternative<mil::Literal>(argument);
    });
    if (has_literal) {
      report.add(operation, fmt::format("{} is written in place", operand.name));
      return;
    }
  }
}

const mil::Type& type_of(const mil::Argument& argument) {
  if (const auto* value = std::get_if<Value*>(&argument)) return (*value)->type();
  return std::get<mil::Literal>(argument).type();
}

// C02. The verifier has seen to it that flags are bool and axes integers; the engine wants int32.
void parameter_types(const Operation& operation, const ChipProfile&, Report& report) {
  if (operation.definition() == nullptr) return;
  using Expect = mil::ParameterDefinition::Expect;
  for (const mil::Operand& operand : operation.operands()) {
    const mil::ParameterDefinition* parameter = operation.definition()->parameter(operand.name);
    if (parameter == nullptr || (parameter->expect != Expect::integer && parameter->expect != Expect::integers)) {
      continue;
    }
    for (const mil::Argument& argument : operand.arguments) {
      const mil::Type& type = type_of(argument);
      if (!type.is_tensor() || type.element() == mil::ElementType::int32) continue;
      report.add(operation, fmt::format("{} is {}, expected int32", operand.name, mil::type_text(type)));
    }
  }
}

// The length of the UTF-8 sequence that `text` begins with, 0 when there is none.
size_t utf8_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool too_long = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) >= 0xa0;
  const bool too_large = first == 0xf4 && byte(1) >= 0x90;
  return too_long || surrogate || too_large ? 0 : length;
}

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const size_t length = utf8_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool is_utf8(const mil::Literal& literal) {
  const mil::Type& type = literal.type();
  if (literal.is_blob()) return is_utf8(literal.blob_reference().path);
  if (type.is_tensor()) {
    return type.element() != mil::ElementType::string ||
           std::ranges::all_of(literal.texts(), [](const std::string& text) { return is_utf8(text); });
  }
  if (type.kind() == mil::Type::Kind::dict) {
    return std::ranges::all_of(
        literal.pairs(), [](const mil::Literal::Pair& pair) { return is_utf8(pair.first) && is_utf8(pair.second); });
  }
  return std::ranges::all_of(literal.items(), [](const mil::Literal& item) { return is_utf8(item); });
}

bool are_utf8(std::span<const mil::Attribute> attributes) {
  return std::ranges::all_of(attributes, [](const mil::Attribute& attribute) { return is_utf8(attribute.value); });
}

// C03. Names are ASCII by the grammar; strings may hold anything.
void utf8_text(const mil::Program& program, const ChipProfile&, Report& report) {
  if (!are_utf8(program.attributes())) report.add("program", "an attribute is not UTF-8");
  for (const auto& function : program.functions()) {
    if (!are_utf8(function->attributes())) report.add("function " + function->name(), "an attribute is not UTF-8");
  }
  for_each_operation(program, [&](const Operation& operation) {
    if (!are_utf8(operation.attributes())) report.add(operation, "an attribute is not UTF-8");
  });
}

// C05.
void outputs_are_computed(const mil::Function& function, const ChipProfile&, Report& report) {
  if (function.results().empty()) report.add("function " + function.name(), "returns nothing");
  for (const Value* result : function.results()) {
    if (result->producer() == nullptr) {
      report.add("output " + result->name(), "is an input");
    } else if (is_constant(result)) {
      report.add("output " + result->name(), "is a constant", result->producer()->location());
    }
  }
}

// C06.
void convolution_bias(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (!goes_in_memory(profile) || operation.kind() != "conv" || operation.find_operand("bias") == nullptr) return;
  report.add(operation, "has a bias");
}

// C07.
void concatenation(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (*profile.rules.concat == Acceptance::reject && operation.kind() == "concat")
    report.add(operation, "joins values");
}

// C08.
void gelu(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (goes_in_memory(profile) && operation.kind() == "gelu") report.add(operation, "is one operation");
}

struct Workaround {
  std::string_view kind;
  std::string_view remedy;
};

// What the engine can do instead of an operation it does not have.
constexpr std::array kWorkarounds = {
    Workaround{"avg_pool", "use a depthwise conv with a constant kernel"},
    Workaround{"band_part", "multiply by a constant mask"},
    Workaround{"batch_norm", "use mul and add with the folded statistics"},
    Workaround{"cos", "run it on the CPU, or on m3 and later"},
    Workaround{"cumsum", "use matmul with a constant triangular matrix"},
    Workaround{"gather", "use matmul with one-hot rows, or run it on the CPU"},
    Workaround{"leaky_relu", "use maximum of x and x times alpha"},
    Workaround{"logical_and", "use mul of masks of 0 and 1"},
    Workaround{"logical_or", "use maximum of masks of 0 and 1"},
    Workaround{"logical_xor", "use not_equal"},
    Workaround{"mod", "use x - floor_div(x, y) * y"},
    Workaround{"one_hot", "use equal with a constant range"},
    Workaround{"shape", "shapes are known when the program is compiled: use a constant"},
    Workaround{"sin", "run it on the CPU, or on m3 and later"},
    Workaround{"stack", "use expand_dims and concat"},
};

std::string_view workaround(std::string_view kind) {
  const auto found = std::ranges::find(kWorkarounds, kind, &Workaround::kind);
  return found == kWorkarounds.end() ? std::string_view() : found->remedy;
}

bool is_supported(std::string_view kind, const ChipProfile& profile) {
  if (kind == "sin" || kind == "cos") return *profile.limits.native_sin_cos;
  const Fact<std::vector<std::string>>& kinds =
      goes_in_memory(profile) ? profile.limits.operations : profile.limits.e5_operations;
  return std::ranges::binary_search(*kinds, kind);
}

// C09.
void unsupported_operations(const Operation& operation, const ChipProfile& profile, Report& report) {
  const std::string& kind = operation.kind();
  const bool is_rule_c08 = kind == "gelu" && goes_in_memory(profile);
  if (operation.is_const() || is_rule_c08 || is_supported(kind, profile)) return;
  Finding& finding = report.add(operation, fmt::format("{} is no operation of the engine", kind));
  if (const std::string_view remedy = workaround(kind); !remedy.empty()) finding.remedy = remedy;
}

std::set<std::string_view> kinds_of(const mil::Function& function) {
  std::set<std::string_view> kinds;
  for_each_operation(function.block(), [&](const Operation& operation) {
    if (!operation.is_const()) kinds.insert(operation.kind());
  });
  return kinds;
}

// C0A.
void attention_group(const mil::Function& function, const ChipProfile& profile, Report& report) {
  if (!*profile.rules.attention_group) return;
  const std::set<std::string_view> kinds = kinds_of(function);
  const bool all = std::ranges::all_of(std::array{"split", "matmul", "softmax", "tile"},
                                       [&](std::string_view kind) { return kinds.contains(kind); });
  if (all) report.add("function " + function.name(), "has split, matmul, softmax and tile");
}

bool is_power_of_two(int64_t value) { return value > 0 && (value & (value - 1)) == 0; }

// C0C, its three parts.
void espresso_limits(const mil::Function& function, const ChipProfile& profile, Report& report) {
  if (!*profile.rules.espresso_limits) return;
  const std::set<std::string_view> kinds = kinds_of(function);
  const bool normalizes = kinds.contains("conv") && (kinds.contains("rsqrt") || kinds.contains("pow"));
  for_each_operation(function.block(), [&](const Operation& operation) {
    const Value* x = operation.operand("x");
    if (x == nullptr || !is_data(x->type())) return;
    const int64_t width = width_of(x->shape());
    if (operation.kind() == "softmax" && !is_power_of_two(width)) {
      report.add(operation, fmt::format("its width {} is no power of two", width));
    } else if (operation.kind() == "slice_by_index" && x->producer() == nullptr && normalizes) {
      report.add(operation, "slices an input in a program with a normalization and conv");
    } else if (operation.kind() == "reduce_mean") {
      report.add(operation, "is no operation of this compiler").remedy = "use reduce_sum and mul";
    }
  });
}

// C0D.
void lonely_operations(const mil::Function& function, const ChipProfile&, Report& report) {
  const Operation* only = nullptr;
  size_t count = 0;
  for_each_operation(function.block(), [&](const Operation& operation) {
    if (is_constant_kind(operation)) return;
    only = &operation;
    ++count;
  });
  constexpr std::array kKinds = {"reshape", "slice_by_index", "slice_by_size", "tile"};
  if (count == 1 && std::ranges::find(kKinds, only->kind()) != kKinds.end()) {
    report.add(*only, "is the program's only operation");
  }
}

// C0E.
void epsilon(const Operation& operation, const ChipProfile&, Report& report) {
  constexpr std::array kKinds = {"rsqrt", "log", "inverse"};
  if (std::ranges::find(kKinds, operation.kind()) == kKinds.end()) return;
  if (operation.find_operand("epsilon") == nullptr) report.add(operation, "has no epsilon");
}

// C0F.
void baked_matmul_operand(const Operation& operation, const ChipProfile& profile, Report& report) {
  if (*profile.rules.baked_matmul_operand == Acceptance::accept || operation.kind() != "matmul") return;
  for (const char* name : {"x", "y"}) {
    if (is_constant(operation.operand(name))) report.add(operation, fmt::format("{} is a constant", name));
  }
}

constexpr std::string_view kInvalid = "the compiler refuses the text (InvalidMILProgram)";
constexpr std::string_view kFails = "the compile fails (ANECCompile() FAILED)";

}  // namespace

std::span<const Rule> text_rules() {
  static const Rule rules[] = {
      {"C01", Stage::compile, Verdict::error, "parameters are names of constants, never literals written in place", "",
       "rl; mx", kInvalid, "write it as a const of its own: mil print --style engine does", inline_literals},
      {"C02", Stage::compile, Verdict::error, "axes and sizes are int32, flags bool", "", "rl; de; or", kInvalid,
       "make the constant int32", parameter_types},
      {"C03", Stage::compile, Verdict::error, "the text is UTF-8", "", "or #9, #11", "the descriptor is nil",
       "write the string in UTF-8", utf8_text},
      {"C05", Stage::compile, Verdict::error, "outputs are computed by an operation", "", "or", kFails,
       "return the result of an operation on it", outputs_are_computed},
      {"C06", Stage::compile, Verdict::error, "conv takes no bias on the in-memory interface", "rules.route", "or; rl",
       kInvalid, "add the bias with add", convolution_bias},
      {"C07", Stage::compile, Verdict::error, "concat may be refused", "rules.concat",
       "or #1; rl; im; m5doc against mx; aa; fs; iron; forge", kFails, "return the parts as outputs of their own",
       concatenation},
      {"C08", Stage::compile, Verdict::error, "gelu is refused on the in-memory interface", "rules.route",
       "or #10; rl; iron", kFails, "decompose it into mul, tanh and add", gelu},
      {"C09", Stage::compile, Verdict::error, "only these operations are compiled", "limits.operations",
       "iron; forge; guide ch4, app. A", kFails, "run it on the CPU", unsupported_operations},
      {"C0A", Stage::compile, Verdict::error, "split, matmul, softmax and tile may not meet in one program",
       "rules.attention_group", "iron", kFails, "move one of them into another program", attention_group},
      {"C0C", Stage::compile, Verdict::error,
       "softmax widths are powers of two, inputs are not sliced before a normalization and conv, no reduce_mean",
       "rules.espresso_limits", "hollance#44", kInvalid, "pad the width, or slice elsewhere", espresso_limits},
      {"C0D", Stage::compile, Verdict::warning, "reshape, slices and tile are not a program's only operation", "",
       "iron", "the compile may fail (ANECCompile() FAILED)", "compute something in the same program",
       lonely_operations},
      {"C0E", Stage::compile, Verdict::error, "rsqrt, log and inverse name their epsilon", "", "iron", kFails,
       "give epsilon as a constant", epsilon},
      {"C0F", Stage::compile, Verdict::error, "operands of matmul may have to be computed",
       "rules.baked_matmul_operand", "im; rl against forge", kInvalid, "pass it as an input, or use conv",
       baked_matmul_operand},
  };
  return rules;
}

}  // namespace millwright::ane
