#include "mil/builder.h"

#include <algorithm>

#include "base/check.h"
#include "mil/registry.h"

namespace millwright::mil {
namespace {

// Constants above this size are not searched for an equal one.
constexpr int64_t kLargestSharedConstant = 256;

std::string last_segment(std::string_view path) { return std::string(path.substr(path.rfind('.') + 1)); }

}  // namespace

Operand operand(std::string_view name, Value* value) { return {std::string(name), {Argument(value)}, false}; }

Operand operand(std::string_view name, std::span<Value* const> values) {
  Operand list{std::string(name), {}, true};
  for (Value* value : values) list.arguments.emplace_back(value);
  return list;
}

Builder::Scope::Scope(Builder& builder, std::string_view name)
    : builder_(builder), previous_length_(builder.scope_.size()) {
  if (!builder_.scope_.empty()) builder_.scope_ += '.';
  builder_.scope_ += name;
}

Builder::Scope::~Scope() { builder_.scope_.resize(previous_length_); }

std::vector<Value*> Builder::emit_all(std::string_view kind, std::vector<Operand> operands, std::string_view label) {
  Operation* operation = function_->block().add_operation(std::string(kind), before_);
  for (Operand& item : operands) operation->add_operand(std::move(item));
  std::string path = scope_;
  if (!label.empty() || path.empty()) {
    if (!path.empty()) path += '.';
    path += label.empty() ? kind : label;
  }
  operation->set_attribute("name", Literal::string(path));
  auto types = infer_types(*operation);
  MW_CHECK(types.has_value(), "{}", types.error().message);
  std::vector<Value*> results;
  for (Type& type : *types) {
    results.push_back(operation->add_result(function_->unique_name(path), std::move(type)));
  }
  return results;
}

Value* Builder::emit(std::string_view kind, std::vector<Operand> operands, std::string_view label) {
  const std::vector<Value*> results = emit_all(kind, std::move(operands), label);
  MW_CHECK(results.size() == 1, "{} gives {} results, expected one", kind, results.size());
  return results[0];
}

Value* Builder::constant(Literal literal, std::string_view label) {
  const bool shareable = before_ == nullptr && label.empty() && literal.type().is_tensor() &&
                         is_static(literal.type().shape()) && literal.type().count() <= kLargestSharedConstant;
  const uint64_t key = shareable ? hash_literal(literal) : 0;
  if (shareable) {
    const auto [first, last] = constants_.equal_range(key);
    for (auto it = first; it != last; ++it) {
      if (*it->second->producer()->attribute("val") == literal) return it->second;
    }
  }
  Operation* operation = function_->block().add_operation("const", before_);
  Type type = literal.type();
  const std::string name = function_->unique_name(label.empty() ? std::string("c") : last_segment(label));
  operation->set_attribute("name", Literal::string(label.empty() ? name : std::string(label)));
  operation->set_attribute("val", std::move(literal));
  Value* value = operation->add_result(name, std::move(type));
  if (shareable) constants_.emplace(key, value);
  return value;
}

Value* Builder::scalar(ElementType element, double value) { return constant(Literal::number(element, value)); }

Value* Builder::splat(const Type& type, double value) {
  return emit("fill", {operand("shape", int32_vector(type.shape())), operand("value", scalar(type.element(), value))});
}

Value* Builder::binary(std::string_view kind, Value* x, Value* y, std::string_view label) {
  return emit(kind, {operand("x", x), operand("y", y)}, label);
}

Value* Builder::unary(std::string_view kind, Value* x, std::string_view label) {
  return emit(kind, {operand("x", x)}, label);
}

Value* Builder::rsqrt(Value* x, double epsilon, std::string_view label) {
  return emit("rsqrt", {operand("x", x), operand("epsilon", scalar_like(x, epsilon))}, label);
}

Value* Builder::select(Value* condition, Value* a, Value* b, std::string_view label) {
  return emit("select", {operand("cond", condition), operand("a", a), operand("b", b)}, label);
}

Value* Builder::cast(Value* x, ElementType element, std::string_view label) {
  return emit("cast", {operand("x", x), operand("dtype", text(element_name(element)))}, label);
}

Value* Builder::matmul(Value* x, Value* y, bool transpose_x, bool transpose_y, std::string_view label) {
  return emit("matmul",
              {operand("x", x), operand("y", y), operand("transpose_x", boolean(transpose_x)),
               operand("transpose_y", boolean(transpose_y))},
              label);
}

Value* Builder::softmax(Value* x, int64_t axis, std::string_view label) {
  return emit("softmax", {operand("x", x), operand("axis", int32(axis))}, label);
}

Value* Builder::reduce(std::string_view kind, Value* x, std::span<const int64_t> axes, bool keep_dims,
                       std::string_view label) {
  return emit(kind, {operand("x", x), operand("axes", int32_vector(axes)), operand("keep_dims", boolean(keep_dims))},
              label);
}

Value* Builder::reshape(Value* x, const Shape& shape, std::string_view label) {
  return emit("reshape", {operand("x", x), operand("shape", int32_vector(shape))}, label);
}

Value* Builder::transpose(Value* x, std::span<const int64_t> permutation, std::string_view label) {
  return emit("transpose", {operand("x", x), operand("perm", int32_vector(permutation))}, label);
}

Value* Builder::expand_dims(Value* x, std::span<const int64_t> axes, std::string_view label) {
  return emit("expand_dims", {operand("x", x), operand("axes", int32_vector(axes))}, label);
}

Value* Builder::squeeze(Value* x, std::span<const int64_t> axes, std::string_view label) {
  return emit("squeeze", {operand("x", x), operand("axes", int32_vector(axes))}, label);
}

Value* Builder::slice(Value* x, std::span<const int64_t> begin, std::span<const int64_t> size, std::string_view label) {
  return emit("slice_by_size",
              {operand("x", x), operand("begin", int32_vector(begin)), operand("size", int32_vector(size))}, label);
}

Value* Builder::concat(std::span<Value* const> values, int64_t axis, std::string_view label) {
  return emit("concat",
              {operand("values", values), operand("axis", int32(axis)), operand("interleave", boolean(false))}, label);
}

Value* Builder::pad(Value* x, std::span<const int64_t> before_after, std::string_view label) {
  return emit("pad",
              {operand("x", x), operand("pad", int32_vector(before_after)), operand("mode", text("constant")),
               operand("constant_val", scalar_like(x, 0.0))},
              label);
}

Value* Builder::tile(Value* x, std::span<const int64_t> repetitions, std::string_view label) {
  return emit("tile", {operand("x", x), operand("reps", int32_vector(repetitions))}, label);
}

Value* Builder::gather(Value* x, Value* indices, int64_t axis, std::string_view label) {
  return emit("gather", {operand("x", x), operand("indices", indices), operand("axis", int32(axis))}, label);
}

Value* Builder::gather_along_axis(Value* x, Value* indices, int64_t axis, std::string_view label) {
  return emit("gather_along_axis", {operand("x", x), operand("indices", indices), operand("axis", int32(axis))}, label);
}

Value* Builder::scatter_add(Value* data, Value* indices, Value* updates, int64_t axis, std::string_view label) {
  return emit("scatter",
              {operand("data", data), operand("indices", indices), operand("updates", updates),
               operand("axis", int32(axis)), operand("mode", text("add"))},
              label);
}

Value* Builder::scatter_add_along_axis(Value* data, Value* indices, Value* updates, int64_t axis,
                                       std::string_view label) {
  return emit("scatter_along_axis",
              {operand("data", data), operand("indices", indices), operand("updates", updates),
               operand("axis", int32(axis)), operand("mode", text("add"))},
              label);
}

}  // namespace millwright::mil
