// Recurrent layers: rnn, gru and lstm. The input's part of all steps is one matrix product; every step then adds its
// product with the hidden state and computes the gates in one elementwise program.
#include <array>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>

#include "base/check.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/data_movement.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/gemm.h"
#include "mil/parameters.h"
#include "mil/registry.h"

namespace millwright::cpu {
namespace {

using Op = ElementwiseOpcode;
using Program = ElementwiseProgram;

// A float matrix in memory when a call runs: the sums of one gate of one step, a state, a row of parameters for all.
struct Matrix {
  float* data = nullptr;
  int64_t row_stride = 0;
};

bool is_activation(std::string_view name) {
  return name == "sigmoid" || name == "tanh" || name == "relu" || name == "linear" || name == "sigmoid_hard";
}

int16_t activated(Program& p, std::string_view name, int16_t x) {
  if (name == "sigmoid") return p.append(Op::sigmoid, {x});
  if (name == "tanh") return p.append(Op::tanh, {x});
  if (name == "relu") return p.append(Op::relu, {x});
  if (name == "linear") return x;
  const int16_t slope = p.append(Op::constant, {}, LaneType::float32, 0.2);
  const int16_t middle = p.append(Op::constant, {}, LaneType::float32, 0.5);
  return p.append(Op::clip, {p.append(Op::add, {p.append(Op::mul, {x, slope}), middle})}, LaneType::float32, 0, 1);
}

Program with_inputs(size_t count) {
  Program program;
  program.inputs.assign(count, Storage::float32);
  return program;
}

void add_outputs(Program& p, std::initializer_list<int16_t> values) {
  for (const int16_t value : values) p.outputs.push_back({value, Storage::float32});
}

// What the operation says, beside its tensors.
struct Cell {
  std::string activation;
  std::string recurrent_activation;
  std::string cell_activation;
  bool reset_after = false;
  bool has_peephole = false;
  std::optional<double> clip;
};

// Inputs: the sum; outputs: h.
Program rnn_program(const Cell& cell) {
  Program p = with_inputs(1);
  add_outputs(p, {activated(p, cell.activation, 0)});
  return p;
}

// Inputs: the sums of the gates input, forget, output and cell; c; peepholes of input, forget and output. Outputs: c,
// h.
Program lstm_program(const Cell& cell) {
  Program p = with_inputs(cell.has_peephole ? 8 : 5);
  constexpr int16_t kC = 4;
  const auto gate = [&](int16_t index, int16_t c) {
    int16_t sum = index;
    if (cell.has_peephole) sum = p.append(Op::fma, {static_cast<int16_t>(5 + index), c, sum});
    return activated(p, cell.recurrent_activation, sum);
  };
  const int16_t fresh = p.append(Op::mul, {gate(0, kC), activated(p, cell.cell_activation, 3)});
  int16_t c = p.append(Op::fma, {gate(1, kC), kC, fresh});
  if (cell.clip) c = p.append(Op::clip, {c}, LaneType::float32, -std::fabs(*cell.clip), std::fabs(*cell.clip));
  const int16_t h = p.append(Op::mul, {gate(2, c), activated(p, cell.activation, c)});
  add_outputs(p, {c, h});
  return p;
}

// Inputs: the sum of the gate reset; h. Output: h as far as it is not reset.
Program gru_reset_program(const Cell& cell) {
  Program p = with_inputs(2);
  add_outputs(p, {p.append(Op::mul, {activated(p, cell.recurrent_activation, 0), 1})});
  return p;
}

// Inputs: the sums of reset, new and update; h; with reset_after the recurrent part of new. Output: h.
Program gru_program(const Cell& cell) {
  Program p = with_inputs(cell.reset_after ? 5 : 4);
  constexpr int16_t kH = 3;
  int16_t sum = 1;
  if (cell.reset_after) sum = p.append(Op::fma, {activated(p, cell.recurrent_activation, 0), 4, sum});
  const int16_t fresh = activated(p, cell.activation, sum);
  const int16_t update = activated(p, cell.recurrent_activation, 2);
  // (1 − update) · fresh + update · h
  add_outputs(p, {p.append(Op::fma, {update, p.append(Op::sub, {kH, fresh}), fresh})});
  return p;
}

// One direction of a layer over a sequence x [steps, batch, inputs], with all that its runs need.
class Direction {
 public:
  struct Tensors {
    View x, weight_ih, weight_hh;
    std::optional<View> bias, input_bias, peephole, initial_c;
    View initial_h, y, h, c;
    View sums;     // [steps, batch, gates · hidden]
    View scratch;  // [batch, hidden]: gru only
  };

  Direction(std::string kind, Cell cell, Tensors tensors, bool backward, int64_t half, bool keeps_sequence)
      : kind_(std::move(kind)),
        cell_(std::move(cell)),
        t_(std::move(tensors)),
        backward_(backward),
        keeps_sequence_(keeps_sequence),
        steps_(t_.x.sizes[0]),
        batch_(t_.x.sizes[1]),
        inputs_(t_.x.sizes[2]),
        hidden_(t_.weight_hh.sizes[1]),
        gates_(t_.weight_hh.sizes[0]),
        row_(t_.h.sizes[1]),
        offset_(half * hidden_) {
    if (kind_ == "lstm") {
      kernels_.emplace_back(lstm_program(cell_));
    } else if (kind_ == "gru") {
      kernels_.emplace_back(gru_program(cell_));
      if (!cell_.reset_after) kernels_.emplace_back(gru_reset_program(cell_));
    } else {
      kernels_.emplace_back(rnn_program(cell_));
    }
  }

  void run(const Memory& memory) const {
    if (batch_ * hidden_ == 0) return;
    const Matrix h = state(memory, t_.h);
    copy(state(memory, t_.initial_h), h);
    if (t_.initial_c) copy(state(memory, *t_.initial_c), state(memory, t_.c));
    add_inputs(memory);
    for (int64_t i = 0; i < steps_; ++i) {
      const int64_t step = backward_ ? steps_ - 1 - i : i;
      if (kind_ == "lstm") {
        lstm_step(memory, step, h);
      } else if (kind_ == "gru") {
        gru_step(memory, step, h);
      } else {
        add_product(memory, h, 0, gates_, gate(memory, step, 0), true);
        evaluate(0, {gate(memory, step, 0)}, {h});
      }
      if (keeps_sequence_) copy(h, {memory.floats(t_.y) + step * batch_ * row_ + offset_, row_});
    }
    if (!keeps_sequence_) copy(h, {memory.floats(t_.y) + offset_, row_});
  }

 private:
  Matrix state(const Memory& memory, const View& view) const { return {memory.floats(view) + offset_, row_}; }
  // The sums of gate `index` at a step.
  Matrix gate(const Memory& memory, int64_t step, int64_t index) const {
    return {memory.floats(t_.sums) + step * batch_ * gates_ + index * hidden_, gates_};
  }

  void copy(const Matrix& from, const Matrix& to) const {
    strided_copy(sizeof(float), {batch_, hidden_}, from.data, {from.row_stride, 1}, to.data, {to.row_stride, 1});
  }

  // The sums of all steps begin with x · weight_ihᵀ and what is added to them whatever the state.
  void add_inputs(const Memory& memory) const {
    if (steps_ == 0) return;
    float* sums = memory.floats(t_.sums);
    std::vector<float> added(static_cast<size_t>(gates_), 0.0f);
    const auto add = [&](const std::optional<View>& bias, bool without_new) {
      for (int64_t i = 0; bias && i < gates_; ++i) {
        if (without_new && i >= hidden_ && i < 2 * hidden_) continue;
        added[static_cast<size_t>(i)] += memory.floats(*bias)[i];
      }
    };
    add(t_.bias, cell_.reset_after);
    add(t_.input_bias, false);
    strided_copy(sizeof(float), {steps_ * batch_, gates_}, added.data(), {0, 1}, sums, {gates_, 1});
    GemmProblem product;
    product.m = steps_ * batch_;
    product.n = gates_;
    product.k = inputs_;
    product.a = {memory.at(t_.x), inputs_, 1, {}, Storage::float32};
    product.b = {memory.at(t_.weight_ih), 1, inputs_, {}, Storage::float32};
    product.c = {sums, gates_, 1, {}};
    product.addend = sums;
    gemm(product);
  }

  // target (+)= h · weight_hh[first : first + rows]ᵀ
  void add_product(const Memory& memory, const Matrix& h, int64_t first, int64_t rows, const Matrix& target,
                   bool accumulates) const {
    GemmProblem product;
    product.m = batch_;
    product.n = rows;
    product.k = hidden_;
    product.a = {h.data, h.row_stride, 1, {}, Storage::float32};
    product.b = {memory.floats(t_.weight_hh) + first * hidden_, 1, hidden_, {}, Storage::float32};
    product.c = {target.data, target.row_stride, 1, {}};
    if (accumulates) product.addend = target.data;
    gemm(product);
  }

  void evaluate(size_t kernel, std::initializer_list<Matrix> inputs, std::initializer_list<Matrix> outputs) const {
    std::array<ElementwiseInput, 8> in;
    std::array<ElementwiseOutput, 2> out;
    size_t in_count = 0, out_count = 0;
    for (const Matrix& matrix : inputs) in[in_count++] = {matrix.data, {matrix.row_stride, 1}};
    for (const Matrix& matrix : outputs) out[out_count++] = {matrix.data, {matrix.row_stride, 1}};
    kernels_[kernel].run({batch_, hidden_}, std::span(in).first(in_count), std::span(out).first(out_count));
  }

  void lstm_step(const Memory& memory, int64_t step, const Matrix& h) const {
    const Matrix c = state(memory, t_.c);
    add_product(memory, h, 0, gates_, gate(memory, step, 0), true);
    const Matrix in = gate(memory, step, 0), forget = gate(memory, step, 1);
    const Matrix out = gate(memory, step, 2), fresh = gate(memory, step, 3);
    if (!cell_.has_peephole) return evaluate(0, {in, forget, out, fresh, c}, {c, h});
    float* peephole = memory.floats(*t_.peephole);
    const Matrix of_in{peephole, 0}, of_forget{peephole + hidden_, 0}, of_out{peephole + 2 * hidden_, 0};
    evaluate(0, {in, forget, out, fresh, c, of_in, of_forget, of_out}, {c, h});
  }

  void gru_step(const Memory& memory, int64_t step, const Matrix& h) const {
    const Matrix reset = gate(memory, step, 0), fresh = gate(memory, step, 1), update = gate(memory, step, 2);
    const Matrix scratch{memory.floats(t_.scratch), hidden_};
    add_product(memory, h, 0, hidden_, reset, true);
    add_product(memory, h, 2 * hidden_, hidden_, update, true);
    if (!cell_.reset_after) {
      evaluate(1, {reset, h}, {scratch});
      add_product(memory, scratch, hidden_, hidden_, fresh, true);
      return evaluate(0, {reset, fresh, update, h}, {h});
    }
    if (t_.bias) copy({memory.floats(*t_.bias) + hidden_, 0}, scratch);
    add_product(memory, h, hidden_, hidden_, scratch, t_.bias.has_value());
    evaluate(0, {reset, fresh, update, h, scratch}, {h});
  }

  std::string kind_;
  Cell cell_;
  Tensors t_;
  bool backward_;
  bool keeps_sequence_;
  int64_t steps_, batch_, inputs_, hidden_, gates_;
  int64_t row_;     // elements of a row of the states: hidden units of all directions
  int64_t offset_;  // of this direction's in a row
  std::vector<ElementwiseKernel> kernels_;
};

Result<Cell> cell_of(const mil::Operation& operation) {
  Cell cell;
  const auto read = [&](std::string_view name, std::string& function) -> Status {
    if (operation.definition()->parameter(name) == nullptr) return {};
    function = mil::text(operation, name);
    if (is_activation(function)) return {};
    return operation_error(operation, "{} is \"{}\", expected sigmoid, tanh, relu, linear or sigmoid_hard", name,
                           function);
  };
  MW_TRY(read("activation", cell.activation));
  MW_TRY(read("recurrent_activation", cell.recurrent_activation));
  MW_TRY(read("cell_activation", cell.cell_activation));
  if (operation.kind() == "gru") cell.reset_after = mil::flag(operation, "reset_after");
  if (operation.kind() == "lstm" && mil::find_parameter(operation, "clip") != nullptr) {
    cell.clip = mil::number(operation, "clip");
  }
  return cell;
}

std::optional<View> optional_operand(Lowering& lowering, const mil::Operation& operation, std::string name) {
  if (operation.definition()->parameter(name) == nullptr) return std::nullopt;
  if (operation.find_operand(name) == nullptr && operation.attribute(name) == nullptr) return std::nullopt;
  return lowering.dense_operand(operation, name);
}

// One call per direction. `suffix` is that of its weights.
Status emit_direction(Lowering& lowering, const mil::Operation& operation, Cell cell, const std::string& suffix,
                      bool backward, int64_t half, Direction::Tensors tensors) {
  tensors.weight_ih = lowering.dense_operand(operation, "weight_ih" + suffix);
  tensors.weight_hh = lowering.dense_operand(operation, "weight_hh" + suffix);
  tensors.bias = optional_operand(lowering, operation, "bias" + suffix);
  tensors.input_bias = optional_operand(lowering, operation, "input_bias" + suffix);
  tensors.peephole = optional_operand(lowering, operation, "peephole" + suffix);
  cell.has_peephole = tensors.peephole.has_value();
  const mil::Shape& x = tensors.x.sizes;
  const int64_t gates = tensors.weight_hh.sizes[0], hidden = tensors.weight_hh.sizes[1];
  tensors.sums = lowering.temporary(mil::Type::tensor(mil::ElementType::fp32, {x[0], x[1], gates}));
  const int64_t scratch_rows = operation.kind() == "gru" ? x[1] : 0;
  tensors.scratch = lowering.temporary(mil::Type::tensor(mil::ElementType::fp32, {scratch_rows, hidden}));

  Call call{.kernel = operation.kind(), .is_partial = true};
  call.reads = {tensors.x, tensors.weight_ih, tensors.weight_hh, tensors.initial_h};
  for (const auto* view : {&tensors.bias, &tensors.input_bias, &tensors.peephole, &tensors.initial_c}) {
    if (*view) call.reads.push_back(**view);
  }
  for (const View& view : call.reads) MW_TRY(expect_element(operation, view, mil::ElementType::fp32));
  call.writes = {tensors.y, tensors.h, tensors.sums, tensors.scratch};
  if (tensors.initial_c) call.writes.push_back(tensors.c);
  call.flops = 2.0 * static_cast<double>(x[0] * x[1]) * static_cast<double>(gates) * static_cast<double>(x[2] + hidden);
  auto direction = std::make_shared<Direction>(operation.kind(), std::move(cell), std::move(tensors), backward, half,
                                               mil::flag(operation, "output_sequence"));
  call.run = [direction](const Memory& memory) -> Status {
    direction->run(memory);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_recurrent(Lowering& lowering, const mil::Operation& operation) {
  MW_ASSIGN(const Cell cell, cell_of(operation));
  Direction::Tensors tensors;
  tensors.x = lowering.dense_operand(operation, "x");
  tensors.initial_h = lowering.dense_operand(operation, "initial_h");
  tensors.initial_c = optional_operand(lowering, operation, "initial_c");
  tensors.y = lowering.dense_result(operation, 0);
  tensors.h = lowering.dense_result(operation, 1);
  if (tensors.initial_c) tensors.c = lowering.dense_result(operation, 2);
  const std::string direction = mil::text(operation, "direction");
  MW_TRY(emit_direction(lowering, operation, cell, "", direction == "reverse", 0, tensors));
  if (direction != "bidirectional") return {};
  return emit_direction(lowering, operation, cell, "_back", true, 1, tensors);
}

constexpr KernelEntry kEntries[] = {
    {"rnn", lower_recurrent},
    {"gru", lower_recurrent},
    {"lstm", lower_recurrent},
};

}  // namespace

std::span<const KernelEntry> recurrent_kernels() { return kEntries; }

}  // namespace millwright::cpu
