// Cheap elementwise operations are computed again by each elementwise user instead of being stored: reading their one
// large operand costs what reading their result would.
#include <algorithm>

#include "cpu/operation_groups.h"
#include "cpu/passes/passes.h"
#include "cpu/passes/patterns.h"

namespace millwright::cpu {
namespace {

// silu and sigmoid: an exponential in registers takes less time than the memory it saves, and the gradient of silu
// needs the sigmoid anyway.
constexpr std::string_view kCheapKinds[] = {"add",    "sub",  "mul",  "maximum", "minimum", "abs",
                                            "square", "relu", "cast", "sigmoid", "silu"};

// An operand of at most this share of the result's elements costs nothing to read again.
constexpr int64_t kSmallShare = 16;

bool has_one_large_operand(const mil::Operation& operation) {
  const mil::Value* large = nullptr;
  const int64_t count = operation.result()->type().count();
  for (const mil::Value* value : operation.all_operands()) {
    if (!value->type().is_tensor() || value->element() == mil::ElementType::string) continue;
    if (value->type().count() * kSmallShare <= count || value == large) continue;
    if (large != nullptr) return false;
    large = value;
  }
  return large != nullptr;
}

bool takes_in(const mil::Operation& user) { return is_elementwise(user) || is_fusible_reduction(user); }

// In the order of their first use.
std::vector<mil::Operation*> distinct_users(const mil::Operation& operation) {
  std::vector<mil::Operation*> distinct;
  for (mil::Operation* user : operation.result()->users()) {
    if (std::ranges::find(distinct, user) == distinct.end()) distinct.push_back(user);
  }
  return distinct;
}

void copy_for(mil::Operation& operation, mil::Operation& user) {
  mil::Operation* copy = user.block()->add_operation(operation.kind(), &user, operation.location());
  for (const mil::Operand& operand : operation.operands()) copy->add_operand(operand);
  for (const mil::Attribute& attribute : operation.attributes()) copy->set_attribute(attribute.name, attribute.value);
  mil::Function& function = *user.block()->function();
  mil::Value* result = copy->add_result(function.unique_name(operation.result()->name()), operation.result()->type());
  user.replace_operand(operation.result(), result);
}

}  // namespace

size_t recompute_cheap(mil::Function& function) {
  size_t changed = 0;
  std::vector<mil::Operation*> operations = operations_of(function);
  // From the last to the first, so that the copies of a chain carry copies of what feeds it.
  std::ranges::reverse(operations);
  for (mil::Operation* operation : operations) {
    if (std::ranges::find(kCheapKinds, operation->kind()) == std::end(kCheapKinds)) continue;
    if (!is_elementwise(*operation) || !has_one_large_operand(*operation)) continue;
    const std::vector<mil::Operation*> users = distinct_users(*operation);
    if (users.size() < 2) continue;
    // The first elementwise user keeps the original.
    bool is_first = std::ranges::all_of(users, [](const mil::Operation* user) { return takes_in(*user); });
    for (mil::Operation* user : users) {
      if (!takes_in(*user)) continue;
      if (!is_first) {
        copy_for(*operation, *user);
        ++changed;
      }
      is_first = false;
    }
  }
  return changed;
}

}  // namespace millwright::cpu
