#include "cpu/operation_groups.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <queue>
#include <span>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"
#include "cpu/operations_elementwise.h"
#include "cpu/view.h"
#include "mil/registry.h"

namespace millwright::cpu {
namespace {

// A fused program keeps every live value of a block in the L1 cache; these bounds hold it well inside.
constexpr size_t kMostMembers = 48;
constexpr size_t kMostInputs = 14;
// Operations that share an input but not an edge join only when they stand this near: a backward operation must not be
// computed in the forward pass just because it reads the same value.
constexpr int kSiblingWindow = 48;

class Grouping {
 public:
  explicit Grouping(const mil::Function& function) : function_(function) {
    for (const auto& operation : function.block().operations()) {
      const int id = static_cast<int>(operations_.size());
      ids_[operation.get()] = id;
      operations_.push_back(operation.get());
      group_of_.push_back(id);
      order_.push_back(id);
      members_.push_back({id});
      is_elementwise_.push_back(is_elementwise(*operation));
    }
    users_.resize(operations_.size());
    for (size_t id = 0; id < operations_.size(); ++id) {
      for (const auto& result : operations_[id]->results()) {
        for (const mil::Operation* user : result->users()) users_[id].push_back(ids_.at(user));
      }
    }
    find_constants();
    seen_.resize(operations_.size(), 0);
  }

  std::vector<OperationGroup> run() {
    for (size_t id = 0; id < operations_.size(); ++id) absorb_into_reduction(static_cast<int>(id));
    for (size_t id = operations_.size(); id-- > 0;) join_producers(static_cast<int>(id));
    for (size_t id = 0; id < operations_.size(); ++id) join_siblings(static_cast<int>(id));
    return ordered();
  }

 private:
  void find_constants() {
    is_constant_.resize(operations_.size());
    for (size_t id = 0; id < operations_.size(); ++id) {
      const std::vector<mil::Value*> operands = operations_[id]->all_operands();
      is_constant_[id] = std::ranges::all_of(operands, [&](const mil::Value* value) {
        return value->producer() != nullptr && is_constant_[static_cast<size_t>(ids_.at(value->producer()))];
      });
    }
  }

  bool is_result(const mil::Value* value) const {
    return std::ranges::find(function_.results(), value) != function_.results().end();
  }

  const mil::Shape& space(int id) const {
    const mil::Operation& operation = *operations_[static_cast<size_t>(id)];
    return reduces_[static_cast<size_t>(group_of_[static_cast<size_t>(id)])] && is_fusible_reduction(operation)
               ? operation.operand("x")->shape()
               : operation.result()->shape();
  }

  // Takes in the producers that only the reduction uses, and theirs.
  void absorb_into_reduction(int reduction) {
    reduces_.resize(operations_.size(), false);
    const mil::Operation& operation = *operations_[static_cast<size_t>(reduction)];
    if (!is_fusible_reduction(operation)) return;
    reduces_[static_cast<size_t>(reduction)] = true;
    const mil::Shape& shape = operation.operand("x")->shape();
    std::vector<int> pending = {reduction};
    while (!pending.empty()) {
      const int consumer = pending.back();
      pending.pop_back();
      for (const mil::Value* value : operations_[static_cast<size_t>(consumer)]->all_operands()) {
        if (value->producer() == nullptr) continue;
        const int id = ids_.at(value->producer());
        const bool only_used_here =
            !is_result(value) && std::ranges::all_of(users_[static_cast<size_t>(id)], [&](int user) {
              return group_of_[static_cast<size_t>(user)] == reduction;
            });
        if (group_of_[static_cast<size_t>(id)] == reduction || !is_elementwise_[static_cast<size_t>(id)] ||
            is_constant_[static_cast<size_t>(id)] != is_constant_[static_cast<size_t>(reduction)] || !only_used_here ||
            value->shape() != shape || !fits(reduction, id)) {
          continue;
        }
        merge(reduction, id);
        pending.push_back(id);
      }
    }
  }

  // From the last operation to the first, so that what only the backward pass needs joins the backward pass.
  void join_producers(int id) {
    if (!is_elementwise_[static_cast<size_t>(id)]) return;
    for (const mil::Value* value : operations_[static_cast<size_t>(id)]->all_operands()) {
      if (value->producer() != nullptr) try_merge(ids_.at(value->producer()), id);
    }
  }

  void join_siblings(int id) {
    for (const auto& result : operations_[static_cast<size_t>(id)]->results()) join_users(result->users());
  }

  void join_users(std::span<mil::Operation* const> users) {
    for (size_t i = 0; i + 1 < users.size(); ++i) {
      const int a = ids_.at(users[i]);
      const int b = ids_.at(users[i + 1]);
      if (std::abs(a - b) <= kSiblingWindow && is_elementwise_[static_cast<size_t>(a)]) try_merge(a, b);
    }
  }

  void try_merge(int from, int to) {
    const int a = group_of_[static_cast<size_t>(from)];
    const int b = group_of_[static_cast<size_t>(to)];
    if (a == b || !is_elementwise_[static_cast<size_t>(from)] || !is_elementwise_[static_cast<size_t>(to)]) return;
    if (reduces_[static_cast<size_t>(a)] || reduces_[static_cast<size_t>(b)]) return;
    if (is_constant_[static_cast<size_t>(from)] != is_constant_[static_cast<size_t>(to)]) return;
    if (space(from) != space(to) || !fits(a, b)) return;
    if (order_[static_cast<size_t>(a)] < order_[static_cast<size_t>(b)] ? reaches_around(a, b) : reaches_around(b, a)) {
      return;
    }
    merge(b, a);
  }

  bool fits(int a, int b) const {
    const auto& first = members_[static_cast<size_t>(a)];
    const auto& second = members_[static_cast<size_t>(group_of_[static_cast<size_t>(b)])];
    if (first.size() + second.size() > kMostMembers) return false;
    std::unordered_set<const mil::Value*> inputs;
    const auto is_inside = [&](const mil::Value* value) {
      if (value->producer() == nullptr) return false;
      const int group = group_of_[static_cast<size_t>(ids_.at(value->producer()))];
      return group == a || group == group_of_[static_cast<size_t>(b)];
    };
    for (const auto* members : {&first, &second}) {
      for (const int id : *members) {
        for (const mil::Value* value : operations_[static_cast<size_t>(id)]->all_operands()) {
          if (!is_inside(value) && value->type().is_tensor() && !value->type().is_scalar()) inputs.insert(value);
        }
      }
    }
    return inputs.size() <= kMostInputs;
  }

  // Is there a path from group a to group b, which stands behind it in the order, through a third group? Then merging
  // them would close a cycle. Only what stands between them is searched.
  bool reaches_around(int a, int b) {
    ++stamp_;
    const double last = order_[static_cast<size_t>(b)];
    std::vector<int> pending;
    const auto visit_users = [&](int group) {
      for (const int member : members_[static_cast<size_t>(group)]) {
        for (const int user : users_[static_cast<size_t>(member)]) {
          const int next = group_of_[static_cast<size_t>(user)];
          if (next == a || (group == a && next == b)) continue;
          if (next != b && order_[static_cast<size_t>(next)] >= last) continue;
          if (seen_[static_cast<size_t>(next)] == stamp_) continue;
          seen_[static_cast<size_t>(next)] = stamp_;
          pending.push_back(next);
        }
      }
    };
    visit_users(a);
    while (!pending.empty()) {
      const int group = pending.back();
      pending.pop_back();
      if (group == b) return true;
      visit_users(group);
    }
    return false;
  }

  void merge(int into, int from) {
    auto& target = members_[static_cast<size_t>(into)];
    auto& source = members_[static_cast<size_t>(from)];
    for (const int id : source) group_of_[static_cast<size_t>(id)] = into;
    target.insert(target.end(), source.begin(), source.end());
    source.clear();
    std::ranges::sort(target);
    place_in_order(into, from);
  }

  // Gives a group that has just taken in another one a place behind all it depends on and before all that depend on it.
  void place_in_order(int group, int absorbed) {
    double before = -std::numeric_limits<double>::infinity();
    double behind = std::numeric_limits<double>::infinity();
    for (const int member : members_[static_cast<size_t>(group)]) {
      for (const mil::Value* value : operations_[static_cast<size_t>(member)]->all_operands()) {
        if (value->producer() == nullptr) continue;
        const int other = group_of_[static_cast<size_t>(ids_.at(value->producer()))];
        if (other != group) before = std::max(before, order_[static_cast<size_t>(other)]);
      }
      for (const int user : users_[static_cast<size_t>(member)]) {
        const int other = group_of_[static_cast<size_t>(user)];
        if (other != group) behind = std::min(behind, order_[static_cast<size_t>(other)]);
      }
    }
    double& place = order_[static_cast<size_t>(group)];
    for (const double candidate : {place, order_[static_cast<size_t>(absorbed)], before + (behind - before) / 2}) {
      if (before < candidate && candidate < behind) {
        place = candidate;
        return;
      }
    }
    number_anew();
  }

  // Another topological order: no place was left between two groups.
  void number_anew() {
    double next = 0;
    for (const int group : topological()) order_[static_cast<size_t>(group)] = next++;
  }

  std::vector<OperationGroup> ordered() const {
    std::vector<OperationGroup> result;
    for (const int group : topological()) {
      OperationGroup& members = result.emplace_back();
      for (const int id : members_[static_cast<size_t>(group)]) {
        members.members.push_back(operations_[static_cast<size_t>(id)]);
      }
    }
    return result;
  }

  // Every group behind those it depends on, else the one whose last member stands first in the program first.
  std::vector<int> topological() const {
    std::unordered_map<int, std::unordered_set<int>> successors;
    std::unordered_map<int, int> waiting;
    for (size_t id = 0; id < operations_.size(); ++id) {
      for (const int user : users_[id]) {
        const int from = group_of_[id];
        const int to = group_of_[static_cast<size_t>(user)];
        if (from != to && successors[from].insert(to).second) ++waiting[to];
      }
    }
    using Entry = std::pair<int, int>;  // last member, group
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    size_t groups = 0;
    for (size_t group = 0; group < members_.size(); ++group) {
      if (members_[group].empty()) continue;
      ++groups;
      if (waiting[static_cast<int>(group)] == 0) ready.emplace(members_[group].back(), static_cast<int>(group));
    }
    std::vector<int> result;
    while (!ready.empty()) {
      const int group = ready.top().second;
      ready.pop();
      result.push_back(group);
      for (const int next : successors[group]) {
        if (--waiting[next] == 0) ready.emplace(members_[static_cast<size_t>(next)].back(), next);
      }
    }
    MW_CHECK(result.size() == groups, "{} groups of {} are in a cycle", groups - result.size(), groups);
    return result;
  }

  const mil::Function& function_;
  std::vector<const mil::Operation*> operations_;  // in program order; the index is the operation's id
  std::unordered_map<const mil::Operation*, int> ids_;
  std::vector<std::vector<int>> users_;
  std::vector<int> group_of_;
  std::vector<double> order_;              // by group: those it depends on have less, those that depend on it more
  std::vector<std::vector<int>> members_;  // by group, sorted; empty when merged into another
  std::vector<bool> is_elementwise_;
  std::vector<bool> is_constant_;
  std::vector<bool> reduces_;  // by group
  std::vector<int> seen_;      // by group: the search that saw it last
  int stamp_ = 0;
};

bool has_storage(const mil::Type& type) { return type.is_tensor() && storage_of(type.element()).has_value(); }

}  // namespace

bool is_elementwise(const mil::Operation& operation) {
  if (!has_elementwise_form(operation.kind()) || operation.results().size() != 1) return false;
  if (operation.kind() == "select" && operation.find_operand("a") == nullptr) return false;
  if (!has_storage(operation.result()->type())) return false;
  for (const mil::Operand& operand : operation.operands()) {
    const mil::ParameterDefinition* parameter = operation.definition()->parameter(operand.name);
    if (parameter == nullptr || parameter->kind == mil::ParameterDefinition::Kind::constant) continue;
    for (const mil::Argument& argument : operand.arguments) {
      const auto* value = std::get_if<mil::Value*>(&argument);
      if (!has_storage(value != nullptr ? (*value)->type() : std::get<mil::Literal>(argument).type())) return false;
    }
  }
  return true;
}

std::vector<OperationGroup> form_groups(const mil::Function& function) { return Grouping(function).run(); }

}  // namespace millwright::cpu
