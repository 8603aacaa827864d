#include "cpu/runtime_sizes.h"

#include <algorithm>
#include <unordered_map>
#include <vector>

#include "base/check.h"
#include "cpu/function_run.h"
#include "mil/specialize.h"

namespace millwright::cpu {
namespace {

// Bounds and shapes; anything longer is data.
constexpr int64_t kMostBounds = 32;

bool is_constant(const mil::Value& value) { return value.producer() != nullptr && value.producer()->is_const(); }

bool looks_like_bounds(const mil::Type& type) {
  return type.is_tensor() && mil::is_integer(type.element()) && type.rank() <= 1 && mil::is_static(type.shape()) &&
         type.count() <= kMostBounds;
}

// The operands whose numbers may decide the result's size: bounds and shapes, or all where there are none.
std::vector<const mil::Value*> deciding_operands(const mil::Operation& operation) {
  std::vector<const mil::Value*> all;
  std::vector<const mil::Value*> bounds;
  for (const mil::Value* value : operation.all_operands()) {
    if (is_constant(*value)) continue;
    all.push_back(value);
    if (looks_like_bounds(value->type())) bounds.push_back(value);
  }
  return bounds.empty() ? all : bounds;
}

// A copy of what stands before the operation, with the values it computes as results.
std::unique_ptr<mil::Function> part_before(const mil::Function& function, const mil::Operation& operation,
                                           std::span<const mil::Value* const> computed) {
  std::unordered_map<const mil::Value*, mil::Value*> copies;
  std::unique_ptr<mil::Function> part = mil::clone(function, &copies);
  part->attributes().clear();  // they speak of the results
  std::vector<mil::Value*> results;
  for (const mil::Value* value : computed) results.push_back(copies.at(value));
  part->block().set_results(std::move(results));

  size_t kept = 0;
  for (const auto& one : function.block().operations()) {
    if (one.get() == &operation) break;
    ++kept;
  }
  while (part->block().operations().size() > kept) part->block().erase(part->block().operations().back().get());
  mil::remove_dead_operations(*part);
  return part;
}

// Adds the numbers of these values to `known`: those of inputs are given, those of operations come from a run.
Status find_out(const mil::Function& function, const mil::Operation& operation,
                std::span<const mil::Value* const> values, std::span<const mil::Literal> inputs,
                mil::KnownValues& known) {
  std::vector<const mil::Value*> computed;
  for (const mil::Value* value : values) {
    if (value->producer() != nullptr) {
      for (const auto& result : value->producer()->results()) computed.push_back(result.get());
      continue;
    }
    const auto place = std::ranges::find(function.inputs(), value, [](const auto& one) { return one.get(); });
    MW_CHECK(place != function.inputs().end(), "{} has no origin", value->name());
    known.emplace(value, inputs[static_cast<size_t>(place - function.inputs().begin())]);
  }
  std::ranges::sort(computed);
  computed.erase(std::ranges::unique(computed).begin(), computed.end());
  if (computed.empty()) return {};
  const std::unique_ptr<mil::Function> part = part_before(function, operation, computed);
  MW_ASSIGN(FunctionRun run, run_function(*part, inputs, 1));
  for (size_t i = 0; i < computed.size(); ++i) known.emplace(computed[i], std::move(run.results[i]));
  return {};
}

}  // namespace

Result<SettledFunction> settle_sizes(const mil::Function& function, std::span<const mil::Literal> inputs) {
  SettledFunction settled{mil::clone(function), 0};
  std::vector<mil::Type> types;
  for (const auto& input : function.inputs()) types.push_back(input->type());
  while (const mil::Operation* open = mil::first_open_operation(*settled.function)) {
    const std::vector<const mil::Value*> deciding = deciding_operands(*open);
    // Nothing is left to find out: an operation that the registry does not know, or one that nobody can compute.
    if (deciding.empty() || settled.settled > function.block().operations().size()) {
      Status closed = mil::check_static(*settled.function);
      return tl::unexpected(std::move(closed.error()));
    }
    mil::KnownValues known;
    MW_TRY(find_out(*settled.function, *open, deciding, inputs, known));
    MW_ASSIGN(settled.function, mil::specialize(*settled.function, types, known));
    ++settled.settled;
  }
  return settled;
}

}  // namespace millwright::cpu
