#include "autodiff/differentiate.h"

#include <algorithm>

#include "autodiff/backward.h"

namespace millwright::autodiff {
namespace {

using mil::Operation;
using mil::Value;

const std::unordered_map<std::string_view, Rule>& rules() {
  static const std::unordered_map<std::string_view, Rule> by_kind = [] {
    std::unordered_map<std::string_view, Rule> map;
    for (const auto table : {elementwise_rules(), activation_rules(), product_rules(), reduction_rules(), shape_rules(),
                             slice_rules(), gather_rules()}) {
      for (const GradientRule& entry : table) map.emplace(entry.kind, entry.rule);
    }
    return map;
  }();
  return by_kind;
}

// Operands of the operation and of everything inside its blocks.
void collect_operands(const Operation& operation, std::vector<Value*>& operands) {
  for (Value* value : operation.all_operands()) operands.push_back(value);
  for (const auto& block : operation.blocks()) {
    for (const auto& nested : block->operations()) collect_operands(*nested, operands);
  }
}

bool is_differentiable(const mil::Type& type) { return type.is_tensor() && mil::is_floating(type.element()); }

// Nothing flows back through a tensor without elements.
bool has_elements(const mil::Type& type) { return !mil::is_static(type.shape()) || type.count() > 0; }

class Differentiation {
 public:
  explicit Differentiation(mil::Function& function) : function_(function), expressions_(function) {
    for (const auto& operation : function.block().operations()) forward_.push_back(operation.get());
  }

  Result<std::vector<Value*>> run(Value* loss, std::span<Value* const> wrt) {
    MW_TRY(check(loss, wrt));
    mark_dependent(wrt);
    gradients_.add(loss, expressions_.builder().scalar(loss->element(), 1));
    MW_TRY(walk_back());
    std::vector<Value*> results;
    for (Value* value : wrt) results.push_back(finished(value));
    return results;
  }

  // Erases what was appended and leads to none of the values.
  void remove_unused(std::span<Value* const> kept) {
    mil::Block& block = function_.block();
    std::vector<Operation*> appended;
    const auto first = std::next(block.operations().begin(), static_cast<int64_t>(forward_.size()));
    for (auto it = first; it != block.operations().end(); ++it) appended.push_back(it->get());
    for (size_t i = appended.size(); i-- > 0;) {
      const bool is_used = std::ranges::any_of(appended[i]->results(), [&](const auto& result) {
        return !result->users().empty() || std::ranges::find(kept, result.get()) != kept.end();
      });
      if (!is_used) block.erase(appended[i]);
    }
  }

 private:
  Status check(const Value* loss, std::span<Value* const> wrt) const {
    if (!is_differentiable(loss->type()) || !mil::is_static(loss->shape()) || loss->type().count() != 1) {
      return fail("the loss {} is a {}; expected a floating tensor of one element", loss->name(),
                  type_text(loss->type()));
    }
    for (const Value* value : wrt) {
      if (!is_differentiable(value->type()) || !mil::is_static(value->shape())) {
        return fail("no gradient with respect to {}: it is a {}; expected a floating tensor of known shape",
                    value->name(), type_text(value->type()));
      }
    }
    return {};
  }

  // Values that depend on one of `wrt` through floating values want a gradient.
  void mark_dependent(std::span<Value* const> wrt) {
    for (const Value* value : wrt) {
      if (has_elements(value->type())) gradients_.want(value);
    }
    for (const Operation* operation : forward_) {
      if (!depends(*operation)) continue;
      for (const auto& result : operation->results()) {
        if (is_differentiable(result->type()) && has_elements(result->type())) gradients_.want(result.get());
      }
    }
  }

  bool depends(const Operation& operation) const {
    std::vector<Value*> operands;
    collect_operands(operation, operands);
    return std::ranges::any_of(operands, [&](const Value* value) { return gradients_.wants(value); });
  }

  Status walk_back() {
    for (size_t i = forward_.size(); i-- > 0;) {
      const Operation& operation = *forward_[i];
      if (operation.results().empty() || !depends(operation)) continue;
      enter(operation.label().empty() ? std::string(operation.result()->name()) : operation.label());
      const bool is_reached = std::ranges::any_of(
          operation.results(), [&](const auto& result) { return gradients_.find(result.get()) != nullptr; });
      if (!is_reached) continue;
      MW_TRY(step_back(operation));
    }
    return {};
  }

  Status step_back(const Operation& operation) {
    const auto rule = rules().find(operation.kind());
    if (rule == rules().end()) {
      return fail("{}: it has no gradient rule, but the loss depends on it", describe(operation));
    }
    for (const Value* value : operation.all_operands()) {
      if (value->type().is_tensor() && !mil::is_static(value->shape())) {
        return fail("{}: its operand {} has the shape {}; a gradient needs known sizes", describe(operation),
                    value->name(), mil::shape_text(value->shape()));
      }
    }
    Step step(operation, gradients_, expressions_);
    if (Status status = rule->second(step, expressions_); !status) {
      return tl::unexpected<Error>(with_context(std::move(status.error()), describe(operation)));
    }
    return {};
  }

  Value* finished(Value* value) {
    enter(value->name());
    Value* gradient = gradients_.find(value);
    if (gradient == nullptr) return expressions_.builder().zeros(value->type());
    return expressions_.spread(gradient, value->shape());
  }

  void enter(const std::string& label) { expressions_.builder().set_scope(label + ".grad"); }

  mil::Function& function_;
  std::vector<Operation*> forward_;
  Expressions expressions_;
  Gradients gradients_{expressions_};
};

}  // namespace

Result<std::vector<Value*>> differentiate(mil::Function& function, Value* loss, std::span<Value* const> wrt) {
  Differentiation differentiation(function);
  Result<std::vector<Value*>> results = differentiation.run(loss, wrt);
  differentiation.remove_unused(results ? std::span<Value* const>(*results) : std::span<Value* const>());
  return results;
}

std::vector<std::string_view> differentiable_kinds() {
  std::vector<std::string_view> kinds;
  for (const auto& [kind, rule] : rules()) kinds.push_back(kind);
  std::ranges::sort(kinds);
  return kinds;
}

}  // namespace millwright::autodiff
