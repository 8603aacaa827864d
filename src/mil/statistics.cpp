#include "mil/statistics.h"

#include <algorithm>
#include <limits>
#include <map>
#include <optional>
#include <unordered_map>

#include "mil/blob/blob_format.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

// Sums of sizes that a program claims may exceed 63 bits.
int64_t saturated(int64_t a, int64_t b) {
  return a > std::numeric_limits<int64_t>::max() - b ? std::numeric_limits<int64_t>::max() : a + b;
}

const Type& type_of(const Argument& argument) {
  const Value* const* value = std::get_if<Value*>(&argument);
  return value != nullptr ? (*value)->type() : std::get<Literal>(argument).type();
}

const Type& without_state(const Type& type) { return type.kind() == Type::Kind::state ? type.arguments()[0] : type; }

// Bytes of a tensor or state; nothing where they are unknown. Lists and the like take none of their own.
std::optional<int64_t> bytes_of(const Type& declared) {
  const Type& type = without_state(declared);
  if (!type.is_tensor()) return 0;
  if (!is_static(type.shape())) return std::nullopt;
  return type.bytes();
}

bool has_static_shapes(const Operation& operation) {
  for (const Operand& operand : operation.operands()) {
    for (const Argument& argument : operand.arguments) {
      if (!bytes_of(type_of(argument))) return false;
    }
  }
  return std::ranges::all_of(operation.results(),
                             [](const auto& result) { return bytes_of(result->type()).has_value(); });
}

double traffic(const Operation& operation) {
  double bytes = 0;
  for (const Operand& operand : operation.operands()) {
    for (const Argument& argument : operand.arguments) bytes += static_cast<double>(*bytes_of(type_of(argument)));
  }
  for (const auto& result : operation.results()) bytes += static_cast<double>(*bytes_of(result->type()));
  return bytes;
}

// Shape of a single tensor operand; empty where there is none.
Shape shape_of(const Operation& operation, std::string_view name) {
  const Operand* operand = operation.find_operand(name);
  if (operand == nullptr || operand->arguments.empty()) return {};
  const Type& type = type_of(operand->arguments.front());
  return type.is_tensor() ? type.shape() : Shape{};
}

double product(const Shape& shape) {
  double count = 1;
  for (const int64_t size : shape) count *= static_cast<double>(size);
  return count;
}

double elements(const Operation& operation, std::string_view name) {
  return operation.find_operand(name) == nullptr ? 0 : product(shape_of(operation, name));
}

double result_elements(const Operation& operation) {
  double count = 0;
  for (const auto& result : operation.results()) {
    if (result->type().is_tensor()) count += product(result->shape());
  }
  return count;
}

// Axis `from_end` of an operand, 1 where it has no such axis.
double axis_size(const Shape& shape, size_t from_end) {
  return shape.size() < from_end ? 1 : static_cast<double>(shape[shape.size() - from_end]);
}

// Elements of a weight per element of its first axis: what one output (or, transposed, input) channel is multiplied by.
double weight_per_channel(const Shape& weight) {
  return weight.empty() ? 0 : product({weight.begin() + 1, weight.end()});
}

double matmul_flops(const Operation& operation) {
  const Literal* transposed = operation.constant("transpose_x");
  const bool by_rows = transposed != nullptr && transposed->has_elements() && transposed->as_bool();
  return 2 * result_elements(operation) * axis_size(shape_of(operation, "x"), by_rows ? 2 : 1);
}

double linear_flops(const Operation& operation) {
  return 2 * result_elements(operation) * axis_size(shape_of(operation, "x"), 1);
}

double einsum_flops(const Operation& operation) {
  const Operand* values = operation.find_operand("values");
  if (values == nullptr || values->arguments.empty() || !type_of(values->arguments.front()).is_tensor()) return 0;
  return 2 * result_elements(operation) * axis_size(type_of(values->arguments.front()).shape(), 1);
}

double conv_flops(const Operation& operation) {
  return 2 * result_elements(operation) * weight_per_channel(shape_of(operation, "weight"));
}

double conv_transpose_flops(const Operation& operation) {
  return 2 * elements(operation, "x") * weight_per_channel(shape_of(operation, "weight"));
}

// query [..., L, E], key [..., S, E], value [..., S, F]: two products for every query.
double attention_flops(const Operation& operation) {
  const Shape query = shape_of(operation, "query");
  const Shape value = shape_of(operation, "value");
  if (query.empty() || query.back() == 0) return 0;
  const double queries = product({query.begin(), query.end() - 1});
  return 2 * queries * axis_size(value, 2) * (axis_size(query, 1) + axis_size(value, 1));
}

// x [steps, batch, inputs] against every weight matrix at every step.
double recurrent_flops(const Operation& operation) {
  const Shape x = shape_of(operation, "x");
  double weights = 0;
  for (const std::string_view name : {"weight_ih", "weight_hh", "weight_ih_back", "weight_hh_back"}) {
    weights += elements(operation, name);
  }
  return 2 * axis_size(x, 3) * axis_size(x, 2) * weights;
}

double pool_flops(const Operation& operation) {
  const Literal* sizes = operation.constant("kernel_sizes");
  if (sizes == nullptr || !sizes->has_elements()) return 0;
  double window = 1;
  for (const int64_t size : sizes->as_integers()) window *= static_cast<double>(size);
  return result_elements(operation) * window;
}

double input_elements(const Operation& operation) { return elements(operation, "x"); }

double no_flops(const Operation&) { return 0; }

struct FlopsRule {
  std::string_view name;
  double (*flops)(const Operation&);
};

// By kind first, then by category; everything else moves data.
constexpr FlopsRule kKindRules[] = {
    {"matmul", matmul_flops}, {"linear", linear_flops},
    {"einsum", einsum_flops}, {"conv_transpose", conv_transpose_flops},
    {"cast", no_flops},       {"cumsum", result_elements},
};
constexpr FlopsRule kCategoryRules[] = {
    {"conv", conv_flops},
    {"attention", attention_flops},
    {"recurrent", recurrent_flops},
    {"pool", pool_flops},
    {"reduction", input_elements},
    {"normalization", input_elements},
    {"elementwise", result_elements},
    {"activation", result_elements},
    {"quantization", result_elements},
    {"image resizing", result_elements},
};

bool is_constexpr(const Operation& operation) { return operation.kind().starts_with("constexpr_"); }
bool is_constant(const Operation& operation) { return operation.is_const() || is_constexpr(operation); }

int64_t stored_bytes(const Literal& literal) {
  const Type& type = literal.type();
  if (!type.is_tensor() || type.element() == ElementType::string || !is_static(type.shape())) return 0;
  if (!is_packed(type.element())) return type.bytes();
  return static_cast<int64_t>(blob_bytes(type.element(), static_cast<uint64_t>(type.count())));
}

// A constant that only decompression reads is counted as its result.
bool only_decompressed(const Operation& operation) {
  const auto& users = operation.result()->users();
  return !users.empty() && std::ranges::all_of(users, [](const Operation* user) { return is_constexpr(*user); });
}

class Counter {
 public:
  FunctionStatistics count(const Function& function) {
    totals_.name = function.name();
    totals_.opset = function.opset();
    for (const auto& input : function.inputs()) {
      totals_.input_bytes = saturated(totals_.input_bytes, bytes_of(input->type()).value_or(0));
    }
    for (const Value* result : function.results()) {
      totals_.output_bytes = saturated(totals_.output_bytes, bytes_of(result->type()).value_or(0));
    }
    count_block(function.block());
    totals_.peak_bytes = peak(function.block());
    for (auto& [kind, entry] : kinds_) totals_.kinds.push_back(entry);
    std::ranges::stable_sort(totals_.kinds, [](const KindStatistics& a, const KindStatistics& b) {
      return a.flops != b.flops ? a.flops > b.flops : a.bytes > b.bytes;
    });
    return std::move(totals_);
  }

 private:
  void count_block(const Block& block) {
    for (const auto& operation : block.operations()) {
      count_literals(*operation);
      is_constant(*operation) ? count_constant(*operation) : count_operation(*operation);
      for (const auto& nested : operation->blocks()) count_block(*nested);
    }
  }

  void count_literals(const Operation& operation) {
    for (const Operand& operand : operation.operands()) {
      for (const Argument& argument : operand.arguments) {
        const Literal* literal = std::get_if<Literal>(&argument);
        if (literal != nullptr) totals_.constant_bytes = saturated(totals_.constant_bytes, stored_bytes(*literal));
      }
    }
    for (const Attribute& attribute : operation.attributes()) {
      totals_.constant_bytes = saturated(totals_.constant_bytes, stored_bytes(attribute.value));
    }
  }

  void count_constant(const Operation& operation) {
    ++totals_.constants;
    if (operation.results().size() != 1 || only_decompressed(operation)) return;
    const Type& type = operation.result()->type();
    if (!type.is_tensor() || !is_floating(type.element()) || !is_static(type.shape())) return;
    totals_.parameters = saturated(totals_.parameters, type.count());
  }

  void count_operation(const Operation& operation) {
    ++totals_.operations;
    KindStatistics& entry = kinds_[operation.kind()];
    entry.kind = operation.kind();
    ++entry.count;
    if (!has_static_shapes(operation)) {
      ++totals_.unknown_shapes;
      return;
    }
    const double flops = flops_of(operation);
    const double bytes = traffic(operation);
    entry.flops += flops;
    entry.bytes += bytes;
    totals_.flops += flops;
    totals_.bytes += bytes;
  }

  static void note_uses(const Operation& operation, size_t position,
                        std::unordered_map<const Value*, size_t>& last_use) {
    for (const Value* value : operation.all_operands()) last_use[value] = position;
    for (const auto& nested : operation.blocks()) {
      for (const auto& inner : nested->operations()) note_uses(*inner, position, last_use);
      for (const Value* value : nested->results()) last_use[value] = position;
    }
  }

  // Inputs of a block live as long as it runs; so do its results from where they are made.
  static int64_t peak(const Block& block) {
    std::unordered_map<const Value*, size_t> last_use;
    size_t position = 0;
    for (const auto& operation : block.operations()) note_uses(*operation, position++, last_use);
    for (const Value* result : block.results()) last_use[result] = position;

    int64_t live = 0;
    for (const auto& input : block.inputs()) live = saturated(live, bytes_of(input->type()).value_or(0));
    int64_t most = live;
    std::vector<int64_t> freed(position + 1, 0);
    position = 0;
    for (const auto& operation : block.operations()) {
      int64_t inner = 0;
      for (const auto& nested : operation->blocks()) inner = std::max(inner, peak(*nested));
      for (const auto& result : operation->results()) {
        if (is_constant(*operation) || result->type().kind() == Type::Kind::state) continue;
        const int64_t bytes = bytes_of(result->type()).value_or(0);
        const auto found = last_use.find(result.get());
        int64_t& freed_then = freed[found == last_use.end() ? position : found->second];
        freed_then = saturated(freed_then, bytes);
        live = saturated(live, bytes);
      }
      most = std::max(most, saturated(live, inner));
      live -= std::min(live, freed[position++]);
    }
    return most;
  }

  FunctionStatistics totals_;
  std::map<std::string, KindStatistics> kinds_;
};

}  // namespace

double flops_of(const Operation& operation) {
  for (const FlopsRule& rule : kKindRules) {
    if (operation.kind() == rule.name) return rule.flops(operation);
  }
  if (operation.definition() == nullptr) return 0;
  for (const FlopsRule& rule : kCategoryRules) {
    if (operation.definition()->category == rule.name) return rule.flops(operation);
  }
  return 0;
}

FunctionStatistics statistics(const Function& function) { return Counter().count(function); }

std::vector<FunctionStatistics> statistics(const Program& program) {
  std::vector<FunctionStatistics> all;
  for (const auto& function : program.functions()) all.push_back(statistics(*function));
  return all;
}

}  // namespace millwright::mil
