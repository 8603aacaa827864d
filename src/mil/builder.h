// Builds well-typed functions: every call adds one operation (and const operations for its parameters) and returns its
// value. A call that the registry's type rule refuses is a bug of the caller and stops the program with the rule's
// message.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "mil/ir.h"

namespace millwright::mil {

class Builder {
 public:
  // Appends to the function's block.
  explicit Builder(Function& function) : function_(&function) {}
  // Inserts before an operation of that function.
  Builder(Function& function, Operation* before) : function_(&function), before_(before) {}

  Function& function() const { return *function_; }
  void insert_before(Operation* operation) { before_ = operation; }

  Value* input(std::string_view name, Type type) {
    return function_->block().add_input(function_->unique_name(name), std::move(type));
  }

  // Labels of what is built while the scope lives begin with its path: Scope s(b, "layers.0") … "layers.0.attention.q".
  class Scope {
   public:
    Scope(Builder& builder, std::string_view name);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    Builder& builder_;
    size_t previous_length_;
  };
  // Replaces the scope path, e.g. to give backward operations the scope of their forward one.
  void set_scope(std::string path) { scope_ = std::move(path); }
  const std::string& scope() const { return scope_; }

  // Any operation of the registry with one result. Operands by name; `label` is its name inside the scope.
  Value* emit(std::string_view kind, std::vector<Operand> operands, std::string_view label = "");
  std::vector<Value*> emit_all(std::string_view kind, std::vector<Operand> operands, std::string_view label = "");

  // Constants. Equal small ones are shared.
  Value* constant(Literal literal, std::string_view label = "");
  Value* scalar(ElementType element, double value);
  Value* scalar_like(const Value* like, double value) { return scalar(like->element(), value); }
  Value* boolean(bool value) { return constant(Literal::boolean(value)); }
  Value* int32(int64_t value) { return constant(Literal::int32(value)); }
  Value* int32_vector(std::span<const int64_t> values) { return constant(Literal::int32_vector(values)); }
  Value* text(std::string_view value) { return constant(Literal::string(std::string(value))); }
  Value* zeros(const Type& type) { return splat(type, 0.0); }
  // A tensor of one value: `fill` with a constant shape, so that large ones cost no text.
  Value* splat(const Type& type, double value);

  // Elementwise with broadcasting.
  Value* binary(std::string_view kind, Value* x, Value* y, std::string_view label = "");
  Value* unary(std::string_view kind, Value* x, std::string_view label = "");
  Value* add(Value* x, Value* y, std::string_view label = "") { return binary("add", x, y, label); }
  Value* sub(Value* x, Value* y, std::string_view label = "") { return binary("sub", x, y, label); }
  Value* mul(Value* x, Value* y, std::string_view label = "") { return binary("mul", x, y, label); }
  Value* real_div(Value* x, Value* y, std::string_view label = "") { return binary("real_div", x, y, label); }
  Value* rsqrt(Value* x, double epsilon, std::string_view label = "");
  Value* select(Value* condition, Value* a, Value* b, std::string_view label = "");
  Value* cast(Value* x, ElementType element, std::string_view label = "");

  Value* matmul(Value* x, Value* y, bool transpose_x = false, bool transpose_y = false, std::string_view label = "");
  Value* softmax(Value* x, int64_t axis, std::string_view label = "");
  Value* reduce(std::string_view kind, Value* x, std::span<const int64_t> axes, bool keep_dims,
                std::string_view label = "");

  Value* reshape(Value* x, const Shape& shape, std::string_view label = "");
  Value* transpose(Value* x, std::span<const int64_t> permutation, std::string_view label = "");
  Value* expand_dims(Value* x, std::span<const int64_t> axes, std::string_view label = "");
  Value* squeeze(Value* x, std::span<const int64_t> axes, std::string_view label = "");
  Value* slice(Value* x, std::span<const int64_t> begin, std::span<const int64_t> size, std::string_view label = "");
  Value* concat(std::span<Value* const> values, int64_t axis, std::string_view label = "");
  // `before_after`: pairs per axis, from the first axis on.
  Value* pad(Value* x, std::span<const int64_t> before_after, std::string_view label = "");
  Value* tile(Value* x, std::span<const int64_t> repetitions, std::string_view label = "");

  Value* gather(Value* x, Value* indices, int64_t axis, std::string_view label = "");
  Value* gather_along_axis(Value* x, Value* indices, int64_t axis, std::string_view label = "");
  Value* scatter_add(Value* data, Value* indices, Value* updates, int64_t axis, std::string_view label = "");
  Value* scatter_add_along_axis(Value* data, Value* indices, Value* updates, int64_t axis, std::string_view label = "");

 private:
  Function* function_;
  Operation* before_ = nullptr;
  std::string scope_;
  std::unordered_multimap<uint64_t, Value*> constants_;  // small ones of this builder, by hash_literal
};

// {"x", value}
Operand operand(std::string_view name, Value* value);
Operand operand(std::string_view name, std::span<Value* const> values);

}  // namespace millwright::mil
