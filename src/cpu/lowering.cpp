#include "cpu/lowering.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/data_movement.h"
#include "cpu/operations_elementwise.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

// Calls on constants run at compile time as long as one result is no larger than this, or than this many times what
// they read: weights of any size are converted once, a large fill or tile is not kept.
constexpr int64_t kLargestFoldedBytes = int64_t{16} << 20;
constexpr int64_t kLargestFoldedGrowth = 32;

bool covers_buffer(const View& view, const Buffer& buffer) {
  return view.offset == 0 && is_dense(view) && view.bytes() == buffer.bytes;
}

std::string result_text(const mil::Operation& operation) {
  if (operation.results().empty()) return "";
  return fmt::format(" with the result {}", mil::type_text(operation.result()->type()));
}

}  // namespace

View splat_view(const View& scalar, const mil::Type& type) {
  return {scalar.buffer, scalar.offset, scalar.element, type.shape(), std::vector<int64_t>(type.shape().size(), 0)};
}

Result<LoweredFunction> Lowering::lower() {
  define_inputs();
  plan_pieces();
  for (const OperationGroup& group : form_groups(function_)) {
    MW_TRY(lower_group(group));
    MW_TRY(memory_left_);
  }
  MW_TRY(move_results());
  release_unread_constants();
  return std::move(lowered_);
}

int Lowering::add_buffer(Buffer::Kind kind, int64_t bytes, int index) {
  Buffer buffer{kind, bytes, index, {}};
  if (kind == Buffer::Kind::constant) buffer.constant = allocated(bytes);
  lowered_.buffers.push_back(std::move(buffer));
  const int id = static_cast<int>(lowered_.buffers.size()) - 1;
  lowered_.memory.resize(lowered_.buffers.size());
  lowered_.memory.set(id, lowered_.buffers.back().constant.data());
  return id;
}

AlignedBuffer Lowering::allocated(int64_t bytes) {
  auto buffer = AlignedBuffer::allocate(static_cast<size_t>(bytes));
  if (buffer) return std::move(*buffer);
  if (memory_left_) memory_left_ = forward_error(buffer);
  return {};
}

void Lowering::define_inputs() {
  int index = 0;
  for (const auto& input : function_.inputs()) {
    define(input.get(), dense_view(add_buffer(Buffer::Kind::input, input->type().bytes(), index++), input->type()));
  }
}

// A value whose only use is one concat is written where the concat wants it.
void Lowering::plan_pieces() {
  const auto& results = function_.results();
  for (const auto& operation : function_.block().operations()) {
    if (operation->kind() != "concat" || mil::flag(*operation, "interleave")) continue;
    const auto axis = static_cast<size_t>(mil::axis_of(*operation, "axis", operation->result()->type().rank()));
    int64_t begin = 0;
    for (const mil::Argument& argument : operation->find_operand("values")->arguments) {
      if (const auto* literal = std::get_if<mil::Literal>(&argument)) {
        begin += literal->type().shape()[axis];
        continue;
      }
      const mil::Value* value = std::get<mil::Value*>(argument);
      const bool is_result = std::ranges::find(results, value) != results.end();
      if (value->producer() != nullptr && value->users().size() == 1 && !is_result) {
        pieces_[value] = {operation.get(), axis, begin};
      }
      begin += value->shape()[axis];
    }
  }
}

View Lowering::piece_view(const Piece& piece, const mil::Type& type) {
  return sliced(result(*piece.concat), piece.axis, piece.begin, type.shape()[piece.axis]);
}

const View& Lowering::view_of(const mil::Value* value) const {
  const auto found = views_.find(value);
  MW_CHECK(found != views_.end(), "{} is used before it is computed", value->name());
  return found->second;
}

View Lowering::operand(const mil::Operation& operation, std::string_view name) {
  const mil::Operand* found = operation.find_operand(name);
  if (found != nullptr) return argument(found->arguments.at(0));
  const mil::Literal* literal = mil::find_parameter(operation, name);
  MW_CHECK(literal != nullptr, "{} has no operand {}", mil::describe(operation), name);
  return constant(*literal);
}

View Lowering::argument(const mil::Argument& argument) {
  if (const auto* value = std::get_if<mil::Value*>(&argument)) return view_of(*value);
  return constant(std::get<mil::Literal>(argument));
}

View Lowering::constant(const mil::Literal& literal) {
  const std::span<const std::byte> elements = literal.elements();
  const View view = dense_view(add_buffer(Buffer::Kind::constant, literal.type().bytes()), literal.type());
  if (!elements.empty() && memory_left_) std::memcpy(lowered_.memory.at(view), elements.data(), elements.size());
  return view;
}

View Lowering::temporary(const mil::Type& type) {
  return dense_view(add_buffer(Buffer::Kind::arena, type.bytes()), type);
}

void Lowering::define(const mil::Value* value, View view) { views_[value] = std::move(view); }

View Lowering::result(const mil::Operation& operation, size_t index) {
  const mil::Value* value = operation.result(index);
  if (const auto found = reserved_.find(value); found != reserved_.end()) return found->second;
  const auto piece = pieces_.find(value);
  View view = piece != pieces_.end() ? piece_view(piece->second, value->type()) : temporary(value->type());
  reserved_[value] = view;
  define(value, view);
  return view;
}

View Lowering::dense_result(const mil::Operation& operation, size_t index) {
  pieces_.erase(operation.result(index));
  return result(operation, index);
}

View Lowering::dense(const View& view, const mil::Operation& for_operation) {
  if (is_dense(view)) return view;
  for (const auto& [strided, copy] : dense_copies_) {
    if (strided == view) return copy;
  }
  const View copy = temporary(mil::Type::tensor(view.element, view.sizes));
  const Status status = emit_copy(for_operation, view, copy);
  MW_CHECK(status.has_value(), "a copy failed: {}", status.error().message);
  dense_copies_.emplace_back(view, copy);
  return copy;
}

bool Lowering::is_constant(const View& view) const {
  return lowered_.buffers[static_cast<size_t>(view.buffer)].kind == Buffer::Kind::constant;
}

Status Lowering::emit(const mil::Operation& operation, Call call) {
  MW_TRY(memory_left_);
  call.label = operation.label();
  if (call.label.empty() && !operation.results().empty()) call.label = operation.result()->name();
  int64_t read_bytes = 0;
  for (const View& view : call.reads) read_bytes += lowered_.buffers[static_cast<size_t>(view.buffer)].bytes;
  const auto foldable = [&](const View& view) {
    const Buffer& buffer = lowered_.buffers[static_cast<size_t>(view.buffer)];
    const bool is_small = buffer.bytes <= kLargestFoldedBytes || buffer.bytes / kLargestFoldedGrowth <= read_bytes;
    return covers_buffer(view, buffer) && is_small;
  };
  const bool runs_now = !call.is_partial && !call.reads.empty() &&
                        std::ranges::all_of(call.reads, [&](const View& view) { return is_constant(view); }) &&
                        std::ranges::all_of(call.writes, foldable);
  if (!runs_now) {
    lowered_.calls.push_back(std::move(call));
    return {};
  }
  for (const View& view : call.writes) {
    Buffer& buffer = lowered_.buffers[static_cast<size_t>(view.buffer)];
    buffer.kind = Buffer::Kind::constant;
    buffer.constant = allocated(buffer.bytes);
    lowered_.memory.set(view.buffer, buffer.constant.data());
  }
  MW_TRY(memory_left_);
  return call.run(lowered_.memory);
}

Status Lowering::emit_copy(const mil::Operation& operation, const View& from, const View& to, bool is_partial) {
  Call call;
  call.kernel = "copy";
  call.reads = {from};
  call.writes = {to};
  call.is_partial = is_partial;
  const View source = broadcasted(from, to.sizes);
  const std::vector<int64_t> strides[] = {source.strides, to.strides};
  const Loop loop = collapsed(to.sizes, strides);
  const auto bytes = static_cast<int64_t>(mil::element_bytes(to.element));
  if (is_splat(source)) {
    call.kernel = "fill";
    call.run = [=](const Memory& memory) -> Status {
      strided_fill(bytes, loop.sizes, memory.at(source), memory.at(to), loop.strides[1]);
      return {};
    };
  } else {
    const bool whole = covers_buffer(from, lowered_.buffers[static_cast<size_t>(from.buffer)]) &&
                       covers_buffer(to, lowered_.buffers[static_cast<size_t>(to.buffer)]);
    call.is_move = whole && !is_constant(from);
    if (call.is_move) call.in_place = {{0, 0}};
    call.run = [=](const Memory& memory) -> Status {
      strided_copy(bytes, loop.sizes, memory.at(source), loop.strides[0], memory.at(to), loop.strides[1]);
      return {};
    };
  }
  return emit(operation, std::move(call));
}

Result<View> Lowering::converted(const mil::Operation& operation, const View& view, mil::ElementType element) {
  if (view.element == element) return view;
  const View copy = temporary(mil::Type::tensor(element, view.sizes));
  MW_TRY(emit_cast(*this, operation, view, copy));
  return copy;
}

Result<View> Lowering::emit_working_copy(const mil::Operation& operation, const View& from) {
  const View copy = dense_result(operation);
  MW_TRY(emit_copy(operation, from, copy, /*is_partial=*/true));
  return copy;
}

Status Lowering::lower_group(const OperationGroup& group) {
  const mil::Operation& last = *group.members.back();
  if (is_elementwise(*group.members.front()) || group.members.size() > 1 || is_fusible_reduction(last)) {
    return lower_elementwise_group(*this, group);
  }
  const KernelEntry* entry = find_kernel(last.kind());
  if (entry == nullptr) {
    return operation_error(last, "the CPU executor has no kernel for this operation{}", result_text(last));
  }
  return entry->lower(*this, last);
}

void Lowering::move(const View& from, const View& to, const std::string& label) {
  Call call;
  const std::vector<int64_t> strides[] = {from.strides, to.strides};
  const Loop loop = collapsed(to.sizes, strides);
  const auto bytes = static_cast<int64_t>(mil::element_bytes(to.element));
  call.kernel = "result";
  call.label = label;
  call.reads = {from};
  call.writes = {to};
  call.is_partial = true;
  call.is_move = covers_buffer(from, lowered_.buffers[static_cast<size_t>(from.buffer)]);
  if (call.is_move) call.in_place = {{0, 0}};
  call.run = [=](const Memory& memory) -> Status {
    strided_copy(bytes, loop.sizes, memory.at(from), loop.strides[0], memory.at(to), loop.strides[1]);
    return {};
  };
  lowered_.calls.push_back(std::move(call));
}

// Where the results lie. What a state gets from the memory of another one, or from its own in another order, is copied
// before the first state is written.
std::vector<View> Lowering::results_apart() {
  std::vector<View> views;
  for (const mil::Value* value : function_.results()) views.push_back(view_of(value));
  for (size_t i = views.size() - states_.size(); i < views.size(); ++i) {
    const Buffer& buffer = lowered_.buffers[static_cast<size_t>(views[i].buffer)];
    if (buffer.kind != Buffer::Kind::input || std::ranges::find(states_, buffer.index) == states_.end()) continue;
    const View copy = temporary(function_.results()[i]->type());
    move(views[i], copy, function_.results()[i]->name());
    views[i] = copy;
  }
  return views;
}

// Compressed or converted weights were read at compile time only.
void Lowering::release_unread_constants() {
  std::vector<bool> is_read(lowered_.buffers.size(), false);
  for (const Call& call : lowered_.calls) {
    for (const View& view : call.reads) is_read[static_cast<size_t>(view.buffer)] = true;
  }
  for (size_t id = 0; id < lowered_.buffers.size(); ++id) {
    Buffer& buffer = lowered_.buffers[id];
    if (buffer.kind != Buffer::Kind::constant || is_read[id]) continue;
    buffer.constant = AlignedBuffer();
    buffer.bytes = 0;
    lowered_.memory.set(static_cast<int>(id), nullptr);
  }
}

Status Lowering::move_results() {
  const std::vector<View> views = results_apart();
  for (size_t i = 0; i < views.size(); ++i) {
    const mil::Type& type = function_.results()[i]->type();
    const View to = dense_view(add_buffer(Buffer::Kind::result, type.bytes(), static_cast<int>(i)), type);
    move(views[i], to, function_.results()[i]->name());
  }
  return {};
}

}  // namespace millwright::cpu
