// The backward pass while it is being built: which values need gradients, what has been contributed to each, and one
// step of it as a rule sees it. Internal to autodiff.
#pragma once

#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "autodiff/expressions.h"
#include "base/result.h"
#include "mil/ir.h"

namespace millwright::autodiff {

// Gradients by value. Contributions that touch only a part of the value are kept apart until it is asked for, so that
// slices that cover it become one concat, and scatters add to what is there instead of to zeros.
class Gradients {
 public:
  explicit Gradients(Expressions& expressions) : expressions_(expressions) {}

  void want(const mil::Value* value) { wanted_.insert(value); }
  bool wants(const mil::Value* value) const { return value != nullptr && wanted_.contains(value); }

  // The gradient so far, possibly narrower than the value (expressions.h); nothing where there is none.
  mil::Value* find(const mil::Value* value);

  // Each is ignored for a value that is not wanted.
  void add(const mil::Value* value, mil::Value* gradient);
  // The gradient of value[begin : begin + gradient.shape].
  void add_slice(const mil::Value* value, std::vector<int64_t> begin, mil::Value* gradient);
  // Adds `updates` at `indices` along an axis; `kind` is scatter or scatter_along_axis.
  void add_scatter(const mil::Value* value, std::string_view kind, mil::Value* indices, mil::Value* updates,
                   int64_t axis);

 private:
  struct Slice {
    std::vector<int64_t> begin;
    mil::Value* gradient;
    std::string scope;
  };
  struct Scatter {
    std::string_view kind;
    mil::Value* indices;
    mil::Value* updates;
    int64_t axis;
    std::string scope;
  };
  struct Contributions {
    mil::Value* sum = nullptr;
    std::vector<Slice> slices;  // by begin, equal ones in the order they came
    std::vector<Scatter> scatters;
  };

  void join_slices(const mil::Value* value, Contributions& contributions);
  void apply_scatters(const mil::Value* value, Contributions& contributions);

  Expressions& expressions_;
  std::unordered_set<const mil::Value*> wanted_;
  std::unordered_map<const mil::Value*, Contributions> contributions_;
};

// One forward operation in the backward pass: what a rule reads, and where it puts the gradients of the operands.
class Step {
 public:
  Step(const mil::Operation& operation, Gradients& gradients, Expressions& expressions)
      : operation_(operation), gradients_(gradients), expressions_(expressions) {}

  const mil::Operation& operation() const { return operation_; }

  // The value bound to an operand, a literal made a constant; nothing when it is absent.
  mil::Value* operand(std::string_view name);
  mil::Value* result(size_t index = 0) const { return operation_.result(index); }
  bool wants(std::string_view name) const { return gradients_.wants(operation_.operand(name)); }

  // The gradient of a result, possibly narrower than it; nothing for one of several results that the loss ignores.
  mil::Value* gradient(size_t index = 0) const { return gradients_.find(result(index)); }
  // The same, every element of it there.
  mil::Value* full_gradient(size_t index = 0) const {
    return expressions_.spread(gradient(index), result(index)->shape());
  }

  // The gradient of an operand; of one that was broadcast to the result, still to be summed over those axes.
  void give(std::string_view name, mil::Value* gradient) { gradients_.add(operation_.operand(name), gradient); }
  void give_summed(std::string_view name, mil::Value* gradient);
  Gradients& gradients() { return gradients_; }

 private:
  const mil::Operation& operation_;
  Gradients& gradients_;
  Expressions& expressions_;
};

using Rule = Status (*)(Step& step, Expressions& e);

struct GradientRule {
  std::string_view kind;
  Rule rule;
};

// The tables, one per category file.
std::span<const GradientRule> elementwise_rules();
std::span<const GradientRule> activation_rules();
std::span<const GradientRule> product_rules();
std::span<const GradientRule> reduction_rules();
std::span<const GradientRule> shape_rules();
std::span<const GradientRule> slice_rules();
std::span<const GradientRule> gather_rules();

}  // namespace millwright::autodiff
