#include "workload.h"

#include <charconv>
#include <map>
#include <string>

#include "ane/published_layers.h"
#include "ane/published_programs.h"

namespace millwright::bench {
namespace {

constexpr int64_t kLargestAxis = int64_t{1} << 20;
constexpr int64_t kMostBytes = int64_t{1} << 40;

using Fields = std::map<std::string, std::string, std::less<>>;

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> parts;
  while (true) {
    const size_t end = text.find(separator);
    if (end != 0) parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

Result<int64_t> number(const Fields& fields, std::string_view key, int64_t otherwise = 0, int64_t most = kLargestAxis) {
  const auto found = fields.find(key);
  if (found == fields.end()) {
    if (otherwise > 0) return otherwise;
    return fail("{} is missing", key);
  }
  int64_t value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < 1 || value > most) {
    return fail("{} is \"{}\", expected a number from 1 to {}", key, text, most);
  }
  return value;
}

std::string word(const Fields& fields, std::string_view key, std::string_view otherwise) {
  const auto found = fields.find(key);
  return found == fields.end() ? std::string(otherwise) : found->second;
}

using Functions = std::vector<std::pair<std::unique_ptr<mil::Function>, double>>;

Result<Functions> one(Result<std::unique_ptr<mil::Function>> function) {
  if (!function) return forward_error(function);
  Functions functions;
  functions.emplace_back(std::move(*function), 1.0);
  return functions;
}

Result<Functions> conv(const Fields& fields) {
  ane::ConvChain chain;
  MW_ASSIGN(chain.in_channels, number(fields, "ci"));
  MW_ASSIGN(chain.out_channels, number(fields, "co"));
  MW_ASSIGN(chain.height, number(fields, "h"));
  MW_ASSIGN(chain.width, number(fields, "w"));
  MW_ASSIGN(chain.kernel, number(fields, "k"));
  MW_ASSIGN(chain.depth, number(fields, "depth", 1));
  if (word(fields, "weights", "distinct") == "shared") chain.weights = ane::ConvChain::Weights::shared;
  if (word(fields, "precision", "fp16") == "int8") chain.precision = ane::ConvChain::Precision::int8;
  return one(ane::conv_chain(chain));
}

Result<Functions> matmul(const Fields& fields) {
  ane::MatmulChain chain;
  MW_ASSIGN(chain.m, number(fields, "m"));
  MW_ASSIGN(chain.k, number(fields, "k"));
  MW_ASSIGN(chain.n, number(fields, "n"));
  MW_ASSIGN(chain.depth, number(fields, "depth", 1));
  const std::string right = word(fields, "right", "input");
  if (right == "constant") chain.right = ane::MatmulChain::RightOperand::constant;
  if (right == "int8") chain.right = ane::MatmulChain::RightOperand::int8_constant;
  return one(ane::matmul_chain(chain));
}

Result<Functions> operation(const Fields& fields) {
  mil::Shape shape;
  for (const std::string& size : split(word(fields, "shape", ""), 'x')) {
    MW_ASSIGN(const int64_t axis, number({{"shape", size}}, "shape"));
    shape.push_back(axis);
  }
  return one(ane::single_operation(word(fields, "kind", ""), shape));
}

Result<Functions> attention(const Fields& fields) {
  ane::Attention shape;
  MW_ASSIGN(shape.heads, number(fields, "heads"));
  MW_ASSIGN(shape.sequence, number(fields, "s"));
  MW_ASSIGN(shape.head_dim, number(fields, "d"));
  MW_ASSIGN(shape.kv_heads, number(fields, "kv_heads", shape.heads));
  MW_ASSIGN(shape.queries, number(fields, "queries", shape.sequence));
  return one(ane::attention(shape));
}

// "part": forward, backward, all, weights (the programs that carry any), attention (the first).
bool takes(const std::string& part, const ane::LayerProgram& program) {
  if (part == "forward") return program.is_forward;
  if (part == "backward") return !program.is_forward;
  if (part == "attention") return program.name == "fwdAttn";
  if (part == "weights") return program.name != "sdpaBwd2";
  return true;
}

Result<Functions> layers(const Fields& fields, bool is_static) {
  ane::LayerShape shape;
  MW_ASSIGN(shape.dim, number(fields, "dim"));
  MW_ASSIGN(shape.hidden, number(fields, "hidden"));
  MW_ASSIGN(shape.heads, number(fields, "heads"));
  MW_ASSIGN(shape.head_dim, number(fields, "head_dim"));
  MW_ASSIGN(shape.sequence, number(fields, "s"));
  MW_ASSIGN(const int64_t count, number(fields, "layers"));
  shape.kv_heads = shape.heads;
  const std::string part = word(fields, "part", "all");
  Functions functions;
  for (auto& program : is_static ? ane::static_layer_programs(shape) : ane::dynamic_layer_programs(shape)) {
    if (takes(part, program)) functions.emplace_back(std::move(program.function), static_cast<double>(count));
  }
  return functions;
}

// One product of the dynamic pipeline by itself.
Result<Functions> packed(const Fields& fields) {
  MW_ASSIGN(const int64_t in, number(fields, "in"));
  MW_ASSIGN(const int64_t out, number(fields, "out"));
  MW_ASSIGN(const int64_t sequence, number(fields, "s"));
  return one(ane::packed_product(in, out, sequence));
}

// The words of a workload: its name and its fields.
Result<std::pair<std::string, Fields>> words_of(std::string_view text) {
  Fields fields;
  const std::vector<std::string> words = split(text, ' ');
  if (words.empty()) return fail("the workload is empty");
  for (size_t i = 1; i < words.size(); ++i) {
    const size_t equals = words[i].find('=');
    if (equals == std::string::npos) return fail("\"{}\" is no key=value", words[i]);
    fields[words[i].substr(0, equals)] = words[i].substr(equals + 1);
  }
  return std::pair(words[0], std::move(fields));
}

Result<Functions> functions_of(const std::string& name, const Fields& fields) {
  if (name == "conv") return conv(fields);
  if (name == "matmul") return matmul(fields);
  if (name == "op") return operation(fields);
  if (name == "attention") return attention(fields);
  if (name == "packed") return packed(fields);
  if (name == "static" || name == "dynamic") return layers(fields, name == "static");
  return fail("\"{}\" is no workload; expected conv, matmul, op, attention, packed, static, dynamic or staging", name);
}

}  // namespace

Result<Workload> parse_workload(std::string_view text, const ane::OnChipRules& rules) {
  MW_ASSIGN(const auto words, words_of(text));
  const auto& [name, fields] = words;
  Workload workload;
  if (name == "staging") {
    MW_ASSIGN(const int64_t bytes, number(fields, "bytes", 0, kMostBytes));
    workload.staged_bytes = static_cast<double>(bytes);
    if (word(fields, "layout", "rows") == "interleaved") workload.staging = ane::Staging::interleaved;
    return workload;
  }
  MW_ASSIGN(Functions functions, functions_of(name, fields));
  for (auto& [function, count] : functions) {
    MW_ASSIGN(ane::FunctionWork work, ane::count_work(*function, rules));
    for (const ane::OperationWork& item : work.operations) {
      workload.weight_bytes += count * item.weight_bytes;
      workload.activation_bytes += count * item.activation_bytes;
    }
    workload.items.push_back({std::move(function), std::move(work), count});
  }
  return workload;
}

WorkloadCost cost_of(const Workload& workload, const ane::CostParameters& parameters, ane::CostOptions options) {
  WorkloadCost total;
  if (workload.staged_bytes > 0) {
    total.seconds = ane::staging_seconds(workload.staged_bytes, workload.staging, 0, parameters);
  }
  for (const Workload::Item& item : workload.items) {
    const ane::ProgramCost cost = ane::cost_of(item.work, parameters, options);
    total.seconds += item.count * cost.seconds;
    total.joules += item.count * cost.joules;
    total.flops += item.count * cost.flops;
    total.compile_seconds += item.count * cost.compile_seconds;
    total.recompile_seconds += item.count * cost.recompile_seconds;
    total.load_seconds += item.count * cost.load_seconds;
    total.reload_seconds += item.count * cost.reload_seconds;
    total.unload_seconds += item.count * cost.unload_seconds;
  }
  return total;
}

}  // namespace millwright::bench
