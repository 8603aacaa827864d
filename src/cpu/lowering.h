// Lowering: from a rewritten MIL function to buffers and kernel calls. Owns the map from values to views. Each
// operation is lowered by the entry of the kernel table for its kind; elementwise groups by lower_elementwise_group().
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "cpu/call.h"
#include "cpu/operation_groups.h"
#include "mil/ir.h"

namespace millwright::cpu {

// What a function becomes before its memory is planned.
struct LoweredFunction {
  std::vector<Buffer> buffers;
  std::vector<Call> calls;
  Memory memory;  // constants are set
};

class Lowering {
 public:
  // `states`: the inputs to whose memory the last results are stored.
  explicit Lowering(const mil::Function& function, std::vector<int> states = {})
      : function_(function), states_(std::move(states)) {}

  // Lowers every group in order, then moves the results to the caller's memory.
  Result<LoweredFunction> lower();

  // For the kernel table: operands. A literal operand becomes a constant. The operand must be there.
  View operand(const mil::Operation& operation, std::string_view name);
  View argument(const mil::Argument& argument);
  View dense_operand(const mil::Operation& operation, std::string_view name) {
    return dense(operand(operation, name), operation);
  }
  // The same elements, row-major; copied (once) where they are not.
  View dense(const View& view, const mil::Operation& for_operation);
  const View& view_of(const mil::Value* value) const;

  // For the kernel table: results. `result` may lie inside a larger buffer (a piece of a concat), `dense_result` is a
  // buffer of its own.
  View result(const mil::Operation& operation, size_t index = 0);
  View dense_result(const mil::Operation& operation, size_t index = 0);
  void define(const mil::Value* value, View view);
  View temporary(const mil::Type& type);
  // A constant buffer with a copy of the literal's elements.
  View constant(const mil::Literal& literal);

  // Appends the call; runs it now instead when all it reads is constant and what it writes is not too large to keep.
  Status emit(const mil::Operation& operation, Call call);
  Status emit_copy(const mil::Operation& operation, const View& from, const View& to, bool is_partial = false);
  // The view itself where it has that element type, else a copy cast to it.
  Result<View> converted(const mil::Operation& operation, const View& view, mil::ElementType element);
  // A buffer of its own with the elements of `from`, for an operation that then changes some of them. It becomes the
  // memory of `from` itself when nobody reads that afterwards.
  Result<View> emit_working_copy(const mil::Operation& operation, const View& from);

  bool is_constant(const View& view) const;
  // The bytes of a constant view's first element.
  const void* constant_data(const View& view) const { return lowered_.memory.at(view); }
  const mil::Function& function() const { return function_; }

 private:
  // Where a value goes if it is a piece of a concat: written in place by its producer.
  struct Piece {
    const mil::Operation* concat;
    size_t axis;
    int64_t begin;
  };

  // Zeroed bytes for a constant; nothing, and an error in memory_left_, where there are none.
  AlignedBuffer allocated(int64_t bytes);
  int add_buffer(Buffer::Kind kind, int64_t bytes, int index = -1);
  void plan_pieces();
  void define_inputs();
  Status lower_group(const OperationGroup& group);
  void move(const View& from, const View& to, const std::string& label);
  std::vector<View> results_apart();
  void release_unread_constants();
  Status move_results();
  View piece_view(const Piece& piece, const mil::Type& type);

  const mil::Function& function_;
  std::vector<int> states_;
  LoweredFunction lowered_;
  Status memory_left_;  // an error from the first allocation that failed on
  std::unordered_map<const mil::Value*, View> views_;
  std::unordered_map<const mil::Value*, Piece> pieces_;
  std::unordered_map<const mil::Value*, View> reserved_;  // results allotted before their operation is lowered
  std::vector<std::pair<View, View>> dense_copies_;
};

// A view of one element, repeated to the shape of `type`.
View splat_view(const View& scalar, const mil::Type& type);

}  // namespace millwright::cpu
