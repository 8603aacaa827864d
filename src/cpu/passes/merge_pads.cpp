// The gradient of slices that share out an axis is a sum of pads that share it out: a concat.
#include <algorithm>

#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"
#include "mil/builder.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// A pad with zeros on one axis.
struct AxisPad {
  mil::Value* x;
  int64_t axis;
  int64_t before;
};

std::optional<AxisPad> match_pad(const mil::Value* value) {
  const mil::Operation* operation = producer_of_kind(value, "pad");
  if (operation == nullptr || operation->operand("x") == nullptr) return std::nullopt;
  if (mil::text(*operation, "mode") != "constant" || mil::number(*operation, "constant_val") != 0) return std::nullopt;
  mil::Value* x = operation->operand("x");
  const std::vector<int64_t> pad = mil::integers(*operation, "pad");
  const int64_t first = x->type().rank() - static_cast<int64_t>(pad.size() / 2);
  std::optional<AxisPad> found;
  for (size_t i = 0; i < pad.size() / 2; ++i) {
    if (pad[2 * i] == 0 && pad[2 * i + 1] == 0) continue;
    if (found) return std::nullopt;
    found = AxisPad{x, first + static_cast<int64_t>(i), pad[2 * i]};
  }
  return found;
}

// The leaves of a tree of additions that nothing else uses, if all are pads on one axis. Without recursion: a sum of
// many terms is a deep tree, and deep on the left, so that the right operands come first and soon end the search where
// it is in vain.
std::optional<std::vector<AxisPad>> padded_terms(mil::Value* root) {
  std::vector<AxisPad> pads;
  std::vector<mil::Value*> open = {root};
  while (!open.empty()) {
    mil::Value* value = open.back();
    open.pop_back();
    const mil::Operation* sum = producer_of_kind(value, "add");
    const bool opens = sum != nullptr && (value == root || has_one_use(value)) && !operand_orders(*sum).empty();
    if (!opens || sum->operand("x")->type() != sum->operand("y")->type()) {
      const auto pad = match_pad(value);
      if (!pad || (!pads.empty() && pads[0].axis != pad->axis)) return std::nullopt;
      pads.push_back(*pad);
      continue;
    }
    open.push_back(sum->operand("x"));
    open.push_back(sum->operand("y"));
  }
  return pads;
}

// The pads in order along their axis, if together they fill it exactly.
std::optional<std::vector<AxisPad>> tiling(mil::Operation& sum) {
  std::optional<std::vector<AxisPad>> pads = padded_terms(sum.result());
  if (!pads || pads->size() < 2) return std::nullopt;
  std::ranges::sort(*pads, {}, &AxisPad::before);
  const auto axis = static_cast<size_t>(pads->front().axis);
  int64_t end = 0;
  for (const AxisPad& pad : *pads) {
    if (pad.before != end) return std::nullopt;
    end += pad.x->shape()[axis];
  }
  if (end != sum.result()->shape()[axis]) return std::nullopt;
  return pads;
}

}  // namespace

size_t merge_pads(mil::Function& function) {
  size_t changed = 0;
  std::vector<mil::Operation*> operations = operations_of(function);
  // The outermost sum of a tree comes last; its inner ones are dead once it is replaced.
  std::ranges::reverse(operations);
  for (mil::Operation* operation : operations) {
    if (operation->kind() != "add") continue;
    const auto pads = tiling(*operation);
    if (!pads) continue;
    mil::Builder b(function, operation);
    b.set_scope(operation->label());
    std::vector<mil::Value*> values;
    for (const AxisPad& pad : *pads) values.push_back(pad.x);
    replace_uses(function, operation->result(), b.concat(values, (*pads)[0].axis));
    ++changed;
  }
  mil::remove_dead_operations(function);
  return changed;
}

}  // namespace millwright::cpu
