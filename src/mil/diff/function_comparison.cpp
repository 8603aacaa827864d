#include "mil/diff/function_comparison.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "mil/diff/alignment.h"
#include "mil/diff/attribute_comparison.h"
#include "mil/diff/fingerprints.h"

namespace millwright::mil {
namespace {

constexpr const char* kMissing = "none";

// Positions of inputs in `a` and in `b`.
using InputPairs = std::vector<std::pair<size_t, size_t>>;

InputPairs pairs_by_order(size_t count) {
  InputPairs pairs;
  for (size_t i = 0; i < count; ++i) pairs.emplace_back(i, i);
  return pairs;
}

// Equal names first, then those left in their order.
InputPairs pairs_by_name(const Function& a, const Function& b) {
  std::unordered_map<std::string_view, size_t, TextHash> in_b;
  for (size_t i = 0; i < b.inputs().size(); ++i) in_b.emplace(b.inputs()[i]->name(), i);
  InputPairs pairs;
  std::vector<size_t> a_left;
  std::vector<bool> b_taken(b.inputs().size());
  for (size_t i = 0; i < a.inputs().size(); ++i) {
    const auto found = in_b.find(a.inputs()[i]->name());
    if (found == in_b.end()) {
      a_left.push_back(i);
    } else {
      pairs.emplace_back(i, found->second);
      b_taken[found->second] = true;
    }
  }
  auto left = a_left.begin();
  for (size_t i = 0; i < b.inputs().size() && left != a_left.end(); ++i) {
    if (!b_taken[i]) pairs.emplace_back(*left++, i);
  }
  std::ranges::sort(pairs);
  return pairs;
}

// A constant operand, a list of values or an attribute: one named parameter of an operation.
struct Parameter {
  const Operand* operand = nullptr;
  const Literal* attribute = nullptr;

  size_t size() const { return attribute != nullptr ? 1 : operand->arguments.size(); }
  const Literal* constant(size_t index) const {
    return attribute != nullptr ? attribute : constant_of(operand->arguments[index]);
  }
  const Value* value(size_t index) const { return std::get<Value*>(operand->arguments[index]); }
};

// By name, and whether it is an attribute beside an operand of the same name.
using Parameters = std::map<std::pair<std::string_view, bool>, Parameter>;

Parameters parameters_of(const Operation& operation) {
  Parameters parameters;
  for (const Operand& operand : operation.operands()) parameters[{operand.name, false}].operand = &operand;
  for (const Attribute& attribute : operation.attributes()) {
    if (attribute.name == kLabelAttribute) continue;
    parameters[{attribute.name, parameters.contains({attribute.name, false})}].attribute = &attribute.value;
  }
  return parameters;
}

std::string name_of(const Operation& operation) {
  const std::string name = operation.results().empty() ? operation.label() : std::string(operation.result()->name());
  return name.empty() ? std::string(operation.kind()) : fmt::format("{} ({})", name, operation.kind());
}

Difference::Place place_of(const Fingerprint& fingerprint) {
  return {name_of(*fingerprint.operation), fingerprint.operation->location().line, fingerprint.number};
}

std::string value_text(const Value& value) {
  const Operation* producer = value.producer();
  if (producer == nullptr) return fmt::format("{} (input)", value.name());
  const int line = producer->location().line;
  const std::string place = line > 0 ? fmt::format(", line {}", line) : "";
  return fmt::format("{} ({}{})", value.name(), producer->kind(), place);
}

class FunctionComparison {
 public:
  FunctionComparison(const Function& a, const LiteralContents& a_contents, const Function& b,
                     const LiteralContents& b_contents, InputPairs inputs)
      : a_(a), b_(b), a_contents_(a_contents), b_contents_(b_contents), inputs_(std::move(inputs)) {}

  std::vector<Difference> compare() {
    pair_inputs();
    Difference whole{Difference::Kind::changed, Difference::Subject::function, a_.name(), {a_.name()}, {b_.name()}, {}};
    std::vector<Change>& changes = whole.changes;
    if (a_.name() != b_.name()) changes.push_back({"name", a_.name(), b_.name()});
    if (a_.opset() != b_.opset()) changes.push_back({"opset", a_.opset(), b_.opset()});
    compare_inputs(changes);
    const auto attributes = compare_attributes(a_.attributes(), a_contents_, b_.attributes(), b_contents_, renaming());
    changes.insert(changes.end(), attributes.begin(), attributes.end());
    compare_blocks(a_.block(), b_.block(), "", changes);
    if (!changes.empty()) differences_.insert(differences_.begin(), std::move(whole));
    return std::move(differences_);
  }

 private:
  void pair_inputs() {
    std::vector<uint64_t> a_keys(a_.inputs().size());
    std::vector<uint64_t> b_keys(b_.inputs().size());
    // Inputs that only one side has are like no other.
    for (size_t i = 0; i < a_keys.size(); ++i) a_keys[i] = mixed(1, i);
    for (size_t i = 0; i < b_keys.size(); ++i) b_keys[i] = mixed(2, i);
    for (const auto& [a, b] : inputs_) {
      partners_[a_.inputs()[a].get()] = b_.inputs()[b].get();
      b_keys[b] = a_keys[a];
    }
    a_fingerprints_.emplace(a_, a_keys, a_contents_);
    b_fingerprints_.emplace(b_, b_keys, b_contents_);
  }

  // Names that attributes may hold: of inputs, and of results, which are paired by their order.
  Renaming renaming() const {
    Renaming renaming;
    for (const auto& [a, b] : inputs_) renaming[a_.inputs()[a]->name()] = b_.inputs()[b]->name();
    for (size_t i = 0; i < std::min(a_.results().size(), b_.results().size()); ++i) {
      renaming.emplace(a_.results()[i]->name(), b_.results()[i]->name());
    }
    return renaming;
  }

  void compare_inputs(std::vector<Change>& changes) const {
    std::vector<bool> b_paired(b_.inputs().size());
    for (size_t i = 0; i < a_.inputs().size(); ++i) {
      const Value& input = *a_.inputs()[i];
      const auto pair = std::ranges::find(inputs_, i, &InputPairs::value_type::first);
      if (pair == inputs_.end()) {
        changes.push_back({"input " + input.name(), type_text(input.type()), kMissing});
        continue;
      }
      b_paired[pair->second] = true;
      const Type& other = b_.inputs()[pair->second]->type();
      if (input.type() == other) continue;
      changes.push_back({"input " + input.name(), type_text(input.type()), type_text(other)});
    }
    for (size_t i = 0; i < b_paired.size(); ++i) {
      const Value& input = *b_.inputs()[i];
      if (!b_paired[i]) changes.push_back({"input " + input.name(), kMissing, type_text(input.type())});
    }
  }

  // Operations of the blocks, and their results as changes of what carries them. `prefix` says which block it is.
  void compare_blocks(const Block& a, const Block& b, const std::string& prefix, std::vector<Change>& changes) {
    const std::vector<Fingerprint>& a_operations = a_fingerprints_->of(a);
    const std::vector<Fingerprint>& b_operations = b_fingerprints_->of(b);
    const std::vector<OperationPair> pairs = paired(a_operations, b_operations);
    std::vector<const OperationPair*> pair_of_a(a_operations.size());
    std::vector<bool> b_paired(b_operations.size());
    for (const OperationPair& pair : pairs) {
      pair_of_a[pair.a] = &pair;
      b_paired[pair.b] = true;
    }
    size_t next_b = 0;
    const auto add_until = [&](size_t end) {
      for (; next_b < end; ++next_b) {
        if (!b_paired[next_b]) report(Difference::Kind::added, nullptr, &b_operations[next_b], {});
      }
    };
    for (size_t i = 0; i < a_operations.size(); ++i) {
      const OperationPair* pair = pair_of_a[i];
      if (pair == nullptr) {
        report(Difference::Kind::removed, &a_operations[i], nullptr, {});
        continue;
      }
      if (!pair->moved) add_until(pair->b);
      compare_operations(a_operations[i], b_operations[pair->b], pair->moved);
    }
    add_until(b_operations.size());
    compare_results(a, b, prefix, changes);
  }

  // The alignment, and operations between its pairs that differ in kind alone. Their results become partners.
  std::vector<OperationPair> paired(const std::vector<Fingerprint>& a, const std::vector<Fingerprint>& b) {
    std::vector<OperationPair> pairs = align(a, b);
    std::vector<bool> a_taken(a.size());
    std::vector<bool> b_taken(b.size());
    for (const OperationPair& pair : pairs) {
      a_taken[pair.a] = true;
      b_taken[pair.b] = true;
      if (pair.moved) make_partners(*a[pair.a].operation, *b[pair.b].operation);
    }
    std::vector<OperationPair> ends;
    std::ranges::copy_if(pairs, std::back_inserter(ends), [](const OperationPair& pair) { return !pair.moved; });
    ends.push_back({static_cast<uint32_t>(a.size()), static_cast<uint32_t>(b.size()), false});
    size_t next_a = 0;
    size_t next_b = 0;
    for (const OperationPair& end : ends) {
      for (; next_a < end.a; ++next_a) {
        if (a_taken[next_a]) continue;
        const size_t found = find_other_kind(*a[next_a].operation, b, b_taken, next_b, end.b);
        if (found == end.b) continue;
        pairs.push_back({static_cast<uint32_t>(next_a), static_cast<uint32_t>(found), false});
        make_partners(*a[next_a].operation, *b[found].operation);
        next_b = found + 1;
      }
      if (end.a == a.size()) break;
      make_partners(*a[end.a].operation, *b[end.b].operation);
      next_a = end.a + size_t{1};
      next_b = end.b + size_t{1};
    }
    std::ranges::sort(pairs, {}, &OperationPair::a);
    return pairs;
  }

  // The first of the next few open operations that differs from `operation` in kind alone, or `end`.
  size_t find_other_kind(const Operation& operation, const std::vector<Fingerprint>& b,
                         const std::vector<bool>& b_taken, size_t begin, size_t end) const {
    constexpr int kMostLooks = 16;
    int looks = 0;
    for (size_t i = begin; i < end && looks < kMostLooks; ++i) {
      if (b_taken[i]) continue;
      if (differ_in_kind(operation, *b[i].operation)) return i;
      ++looks;
    }
    return end;
  }

  void make_partners(const Operation& a, const Operation& b) {
    for (size_t i = 0; i < std::min(a.results().size(), b.results().size()); ++i) {
      partners_[a.result(i)] = b.result(i);
    }
  }

  // relu(x = v) and gelu(x = v): the same computed operands and result types.
  bool differ_in_kind(const Operation& a, const Operation& b) const {
    const auto same_type = [](const auto& x, const auto& y) { return x->type() == y->type(); };
    if (!std::ranges::equal(a.results(), b.results(), same_type)) return false;
    std::vector<const Value*> a_values = computed_operands(a);
    std::vector<const Value*> b_values = computed_operands(b);
    if (a_values.empty()) return false;
    return std::ranges::equal(a_values, b_values, [this](const Value* x, const Value* y) { return partner(x) == y; });
  }

  static std::vector<const Value*> computed_operands(const Operation& operation) {
    std::vector<const Value*> values;
    for (const auto& [key, parameter] : parameters_of(operation)) {
      for (size_t i = 0; i < parameter.size(); ++i) {
        if (parameter.constant(i) == nullptr) values.push_back(parameter.value(i));
      }
    }
    return values;
  }

  const Value* partner(const Value* value) const {
    const auto found = partners_.find(value);
    return found == partners_.end() ? nullptr : found->second;
  }

  void compare_operations(const Fingerprint& a, const Fingerprint& b, bool moved) {
    const Operation& old = *a.operation;
    const Operation& now = *b.operation;
    std::vector<Change> changes;
    if (old.kind() != now.kind()) changes.push_back({"kind", old.kind(), now.kind()});
    compare_parameters(old, now, changes);
    compare_result_types(old, now, changes);
    const size_t blocks = std::min(old.blocks().size(), now.blocks().size());
    if (old.blocks().size() != now.blocks().size()) {
      changes.push_back({"blocks", std::to_string(old.blocks().size()), std::to_string(now.blocks().size())});
    }
    // The differences inside stand behind those of the operation, which also has the changes of its blocks' results.
    std::vector<Difference> before;
    std::swap(before, differences_);
    for (size_t i = 0; i < blocks; ++i) {
      const std::string prefix = fmt::format("block {} ", i);
      pair_block_inputs(*old.blocks()[i], *now.blocks()[i], prefix, changes);
      compare_blocks(*old.blocks()[i], *now.blocks()[i], prefix, changes);
    }
    std::swap(before, differences_);
    if (moved || !changes.empty()) {
      report(moved && changes.empty() ? Difference::Kind::moved : Difference::Kind::changed, &a, &b,
             std::move(changes));
    }
    std::ranges::move(before, std::back_inserter(differences_));
  }

  void compare_parameters(const Operation& a, const Operation& b, std::vector<Change>& changes) const {
    const Parameters before = parameters_of(a);
    const Parameters after = parameters_of(b);
    Parameters all = before;
    all.insert(after.begin(), after.end());
    for (const auto& [key, either] : all) {
      const std::string name(key.first);
      const auto old = before.find(key);
      const auto now = after.find(key);
      if (old == before.end()) {
        changes.push_back({name, kMissing, parameter_text(now->second)});
      } else if (now == after.end()) {
        changes.push_back({name, parameter_text(old->second), kMissing});
      } else {
        compare_parameter(name, old->second, now->second, changes);
      }
    }
  }

  void compare_parameter(const std::string& name, const Parameter& a, const Parameter& b,
                         std::vector<Change>& changes) const {
    if (a.size() != b.size()) {
      changes.push_back({name, parameter_text(a), parameter_text(b)});
      return;
    }
    for (size_t i = 0; i < a.size(); ++i) {
      const Literal* before = a.constant(i);
      const Literal* after = b.constant(i);
      const std::string what = a.size() == 1 ? name : fmt::format("{}[{}]", name, i);
      if (before != nullptr && after != nullptr) {
        if (same_constant(*before, a_contents_, *after, b_contents_)) continue;
        changes.push_back(constant_change(what, *before, a_contents_, *after, b_contents_));
      } else if (before != nullptr || after != nullptr || partner(a.value(i)) != b.value(i)) {
        changes.push_back({what, argument_text(a, i), argument_text(b, i)});
      }
    }
  }

  static std::string argument_text(const Parameter& parameter, size_t index) {
    const Literal* constant = parameter.constant(index);
    return constant != nullptr ? constant_text(*constant) : value_text(*parameter.value(index));
  }

  static std::string parameter_text(const Parameter& parameter) {
    return parameter.size() == 1 ? argument_text(parameter, 0) : fmt::format("{} values", parameter.size());
  }

  static void compare_result_types(const Operation& a, const Operation& b, std::vector<Change>& changes) {
    const size_t count = std::max(a.results().size(), b.results().size());
    for (size_t i = 0; i < count; ++i) {
      const std::string before = i < a.results().size() ? type_text(a.result(i)->type()) : kMissing;
      const std::string after = i < b.results().size() ? type_text(b.result(i)->type()) : kMissing;
      if (before == after) continue;
      changes.push_back({count == 1 ? "type" : fmt::format("type of result {}", i), before, after});
    }
  }

  void pair_block_inputs(const Block& a, const Block& b, const std::string& prefix, std::vector<Change>& changes) {
    const size_t count = std::max(a.inputs().size(), b.inputs().size());
    for (size_t i = 0; i < count; ++i) {
      const Value* before = i < a.inputs().size() ? a.inputs()[i].get() : nullptr;
      const Value* after = i < b.inputs().size() ? b.inputs()[i].get() : nullptr;
      if (before != nullptr && after != nullptr) partners_[before] = after;
      if (before != nullptr && after != nullptr && before->type() == after->type()) continue;
      changes.push_back({fmt::format("{}input {}", prefix, i), before != nullptr ? type_text(before->type()) : kMissing,
                         after != nullptr ? type_text(after->type()) : kMissing});
    }
  }

  void compare_results(const Block& a, const Block& b, const std::string& prefix, std::vector<Change>& changes) const {
    const size_t count = std::max(a.results().size(), b.results().size());
    for (size_t i = 0; i < count; ++i) {
      const std::string what = fmt::format("{}result {}", prefix, i);
      if (i >= a.results().size() || i >= b.results().size()) {
        changes.push_back({what, i < a.results().size() ? value_text(*a.results()[i]) : kMissing,
                           i < b.results().size() ? value_text(*b.results()[i]) : kMissing});
        continue;
      }
      const Literal* before = constant_of(a.results()[i]);
      const Literal* after = constant_of(b.results()[i]);
      if (before != nullptr && after != nullptr) {
        if (same_constant(*before, a_contents_, *after, b_contents_)) continue;
        changes.push_back(constant_change(what, *before, a_contents_, *after, b_contents_));
      } else if (before != nullptr || after != nullptr || partner(a.results()[i]) != b.results()[i]) {
        changes.push_back({what, value_text(*a.results()[i]), value_text(*b.results()[i])});
      }
    }
  }

  void report(Difference::Kind kind, const Fingerprint* a, const Fingerprint* b, std::vector<Change> changes) {
    Difference difference{kind, Difference::Subject::operation, a_.name(), {}, {}, std::move(changes)};
    if (a != nullptr) difference.a = place_of(*a);
    if (b != nullptr) difference.b = place_of(*b);
    differences_.push_back(std::move(difference));
  }

  const Function& a_;
  const Function& b_;
  const LiteralContents& a_contents_;
  const LiteralContents& b_contents_;
  InputPairs inputs_;
  std::optional<Fingerprints> a_fingerprints_;
  std::optional<Fingerprints> b_fingerprints_;
  std::unordered_map<const Value*, const Value*> partners_;  // values of `a` and what they are in `b`
  std::vector<Difference> differences_;
};

size_t size_of(const std::vector<Difference>& differences) {
  size_t size = 0;
  for (const Difference& difference : differences) size += 1 + difference.changes.size();
  return size;
}

}  // namespace

std::vector<Difference> compare_functions(const Function& a, const LiteralContents& a_contents, const Function& b,
                                          const LiteralContents& b_contents) {
  const auto compare = [&](InputPairs inputs) {
    return FunctionComparison(a, a_contents, b, b_contents, std::move(inputs)).compare();
  };
  const InputPairs by_name = pairs_by_name(a, b);
  if (a.inputs().size() != b.inputs().size()) return compare(by_name);
  const InputPairs by_order = pairs_by_order(a.inputs().size());
  std::vector<Difference> differences = compare(by_order);
  if (differences.empty() || by_name == by_order) return differences;
  std::vector<Difference> others = compare(by_name);
  return size_of(others) < size_of(differences) ? others : differences;
}

}  // namespace millwright::mil
