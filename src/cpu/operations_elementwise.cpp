#include "cpu/operations_elementwise.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <unordered_map>

#include "base/check.h"
#include "cpu/kernel_table.h"
#include "cpu/kernels/elementwise.h"
#include "cpu/kernels/reduction.h"
#include "mil/literal.h"
#include "mil/parameters.h"
#include "mil/registry.h"

namespace millwright::cpu {
namespace {

using Op = ElementwiseOpcode;

// A strided read of more elements than this is first copied to row-major order.
constexpr int64_t kLargestStridedRead = 4096;

// Collects the inputs of a group, then its instructions; equal instructions are computed once.
class ProgramBuilder {
 public:
  ProgramBuilder(Lowering& lowering, const mil::Shape& space) : lowering_(lowering), space_(space) {}

  void add_member_inputs(const mil::Operation& operation) {
    for (const auto& result : operation.results()) inside_.emplace(result.get(), int16_t{-1});
    for (const mil::Operand& operand : operation.operands()) {
      if (operation.definition()->parameter(operand.name)->kind == mil::ParameterDefinition::Kind::constant) continue;
      for (const mil::Argument& argument : operand.arguments) add_input(argument, operation);
    }
  }

  int16_t add_view(View view, const mil::Operation& operation) {
    const View original = view;
    if (reads_badly(view)) view = lowering_.dense(view, operation);
    const View spread = broadcasted(view, space_);
    const auto found = std::ranges::find(inputs_, spread);
    const auto id = static_cast<int16_t>(found - inputs_.begin());
    if (found == inputs_.end()) {
      inputs_.push_back(spread);
      read_views_.push_back(view);
      program_.inputs.push_back(*storage_of(view.element));
    }
    ids_.emplace_back(original, id);
    return id;
  }

  void set_result(const mil::Operation& operation, int16_t value) { inside_[operation.result()] = value; }
  int16_t value_of(const mil::Value* value) {
    if (const auto found = inside_.find(value); found != inside_.end()) return found->second;
    return outside(lowering_.view_of(value));
  }

  int16_t operand(const mil::Operation& operation, std::string_view name) {
    const mil::Operand* found = operation.find_operand(name);
    MW_CHECK(found != nullptr, "{} has no operand {}", mil::describe(operation), name);
    const mil::Argument& argument = found->arguments.at(0);
    if (const auto* value = std::get_if<mil::Value*>(&argument)) return value_of(*value);
    const auto& literal = std::get<mil::Literal>(argument);
    if (literal.type().count() == 1) return constant(lane_of(literal.type().element()), literal.as_number());
    return outside(literal_views_.at(&literal));
  }

  int16_t append(Op opcode, std::initializer_list<int16_t> operands, LaneType type = LaneType::float32,
                 double immediate0 = 0, double immediate1 = 0) {
    ElementwiseInstruction wanted{opcode, type, {-1, -1, -1}, {immediate0, immediate1}};
    std::ranges::copy(operands, wanted.operands.begin());
    for (size_t i = 0; i < program_.instructions.size(); ++i) {
      const ElementwiseInstruction& known = program_.instructions[i];
      if (known.opcode == wanted.opcode && known.type == wanted.type && known.operands == wanted.operands &&
          known.immediates == wanted.immediates) {
        return static_cast<int16_t>(program_.inputs.size() + i);
      }
    }
    return program_.append(opcode, operands, type, immediate0, immediate1);
  }
  int16_t constant(LaneType type, double value) { return append(Op::constant, {}, type, value); }
  LaneType lane(int16_t value) const { return program_.lane_type(value); }
  // As the result's type holds it: a form that computes integers in float cuts them towards zero, narrow integers wrap
  // around, what is not zero is true. Floats stay in fp32 lanes, rounded to the type that they declare.
  int16_t as_element(int16_t value, mil::ElementType element) {
    if (element == mil::ElementType::boolean) {
      return is_truth(value) ? value : append(Op::not_equal, {value, constant(lane(value), 0)}, lane(value));
    }
    if (element == mil::ElementType::fp16) return append(Op::round_half, {to_float(value)});
    if (element == mil::ElementType::bf16) return append(Op::round_bfloat, {to_float(value)});
    if (mil::is_floating(element)) return to_float(value);
    const int16_t integer = lane(value) == LaneType::int32 ? value : append(Op::to_int, {value});
    return wrapped(integer, element);
  }
  // An int32 in the range of a narrower integer type, two's complement.
  int16_t wrapped(int16_t value, mil::ElementType element) {
    switch (element) {
      case mil::ElementType::int4:
        return append(Op::wrap4, {value}, LaneType::int32);
      case mil::ElementType::int8:
        return append(Op::wrap8, {value}, LaneType::int32);
      case mil::ElementType::int16:
        return append(Op::wrap16, {value}, LaneType::int32);
      case mil::ElementType::int32:
        return value;
      default: {
        const auto mask = static_cast<double>(mil::integer_range(element).second);
        return append(Op::bit_and, {value, constant(LaneType::int32, mask)}, LaneType::int32);
      }
    }
  }
  int16_t to_float(int16_t value) { return lane(value) == LaneType::float32 ? value : append(Op::to_float, {value}); }

  static LaneType lane_of(mil::ElementType element) {
    return mil::is_floating(element) ? LaneType::float32 : LaneType::int32;
  }

  // Between two int32; bounds outside int32 do not bind.
  int16_t between(int16_t value, double low, double high) {
    constexpr double kLeast = std::numeric_limits<int32_t>::min(), kMost = std::numeric_limits<int32_t>::max();
    if (low > kLeast) {
      value = append(Op::maximum, {value, constant(LaneType::int32, std::min(low, kMost))}, LaneType::int32);
    }
    if (high < kMost) {
      value = append(Op::minimum, {value, constant(LaneType::int32, std::max(high, kLeast))}, LaneType::int32);
    }
    return value;
  }

  ElementwiseProgram& program() { return program_; }
  const std::vector<View>& inputs() const { return inputs_; }          // broadcast to the space
  const std::vector<View>& read_views() const { return read_views_; }  // as they are, for the memory plan

 private:
  // Always 0 or 1.
  bool is_truth(int16_t value) const {
    const auto index = static_cast<size_t>(value);
    if (index < program_.inputs.size()) return program_.inputs[index] == Storage::boolean;
    const ElementwiseInstruction& instruction = program_.instructions[index - program_.inputs.size()];
    switch (instruction.opcode) {
      case Op::less:
      case Op::less_equal:
      case Op::greater:
      case Op::greater_equal:
      case Op::equal:
      case Op::not_equal:
      case Op::logical_and:
      case Op::logical_or:
      case Op::logical_xor:
      case Op::logical_not:
        return true;
      case Op::select:
        return is_truth(instruction.operands[1]) && is_truth(instruction.operands[2]);
      default:
        return false;
    }
  }

  void add_input(const mil::Argument& argument, const mil::Operation& operation) {
    View view;
    if (const auto* value = std::get_if<mil::Value*>(&argument)) {
      if (inside_.contains(*value)) return;
      view = lowering_.view_of(*value);
    } else {
      const auto& literal = std::get<mil::Literal>(argument);
      if (literal.type().count() == 1) return;
      view = lowering_.argument(argument);
      literal_views_.emplace(&literal, view);
    }
    if (!is_immediate(view)) add_view(view, operation);
  }

  bool is_immediate(const View& view) const {
    return is_splat(view) && view.count() > 0 && lowering_.is_constant(view);
  }

  // Along the innermost axis the kernel loads vectors: from neighbours, or one element for all.
  bool reads_badly(const View& view) const {
    if (view.count() <= kLargestStridedRead) return false;
    for (size_t axis = view.sizes.size(); axis-- > 0;) {
      if (view.sizes[axis] != 1) return view.strides[axis] != 0 && view.strides[axis] != 1;
    }
    return false;
  }

  int16_t outside(const View& view) {
    if (is_immediate(view)) {
      const double value = mil::load_number(view.element, static_cast<const std::byte*>(lowering_.constant_data(view)));
      return constant(lane_of(view.element), value);
    }
    const auto found = std::ranges::find(ids_, view, &std::pair<View, int16_t>::first);
    MW_CHECK(found != ids_.end(), "an input of the group was not collected");
    return found->second;
  }

  Lowering& lowering_;
  const mil::Shape& space_;
  ElementwiseProgram program_;
  std::vector<View> inputs_;
  std::vector<View> read_views_;
  std::vector<std::pair<View, int16_t>> ids_;
  std::unordered_map<const mil::Literal*, View> literal_views_;
  std::unordered_map<const mil::Value*, int16_t> inside_;
};

using Form = int16_t (*)(ProgramBuilder& b, const mil::Operation& operation);

// The opcode exists for float and int32.
template <Op kOpcode>
int16_t binary(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.operand(operation, "x");
  return b.append(kOpcode, {x, b.operand(operation, "y")}, b.lane(x));
}

template <Op kOpcode>
int16_t unary(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.operand(operation, "x");
  return b.append(kOpcode, {x}, b.lane(x));
}

// The opcode exists for float only.
template <Op kOpcode>
int16_t float_unary(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.operand(operation, "x");
  return b.append(kOpcode, {b.to_float(x)});
}

// Functions that leave integers as they are.
template <Op kOpcode>
int16_t rounding(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.operand(operation, "x");
  return b.lane(x) == LaneType::int32 ? x : b.append(kOpcode, {x});
}

// Of integers the quotient is cut towards zero, exactly; division by zero gives 0.
int16_t real_div(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.operand(operation, "x");
  const int16_t y = b.operand(operation, "y");
  return b.append(b.lane(x) == LaneType::int32 ? Op::trunc_div : Op::real_div, {x, y}, b.lane(x));
}

template <Op kOpcode>
int16_t with_epsilon(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.operand(operation, "x");
  return b.append(kOpcode, {b.to_float(x)}, LaneType::float32, mil::number(operation, "epsilon"));
}

template <Op kOpcode>
int16_t logical(ProgramBuilder& b, const mil::Operation& operation) {
  return b.append(kOpcode, {b.operand(operation, "x"), b.operand(operation, "y")});
}

int16_t logical_not(ProgramBuilder& b, const mil::Operation& operation) {
  return b.append(Op::logical_not, {b.operand(operation, "x")});
}

int16_t select(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t condition = b.operand(operation, "cond");
  const int16_t x = b.operand(operation, "a");
  return b.append(Op::select, {condition, x, b.operand(operation, "b")}, b.lane(x));
}

int16_t cast_to(ProgramBuilder& b, int16_t x, mil::ElementType to) {
  if (to == mil::ElementType::boolean) return b.append(Op::not_equal, {x, b.constant(b.lane(x), 0)}, b.lane(x));
  const LaneType lane = ProgramBuilder::lane_of(to);
  if (lane == LaneType::float32) return b.to_float(x);
  if (b.lane(x) == LaneType::int32) return x;
  const auto [lowest, highest] = mil::integer_range(to);
  return b.between(b.append(Op::to_int, {x}), static_cast<double>(lowest), static_cast<double>(highest));
}

int16_t cast(ProgramBuilder& b, const mil::Operation& operation) {
  return cast_to(b, b.operand(operation, "x"), operation.result()->element());
}

int16_t clip_between(ProgramBuilder& b, int16_t x, double low, double high) {
  if (b.lane(x) == LaneType::int32) return b.between(x, std::trunc(low), std::trunc(high));
  return b.append(Op::clip, {b.to_float(x)}, LaneType::float32, low, high);
}

int16_t clip(ProgramBuilder& b, const mil::Operation& operation) {
  return clip_between(b, b.operand(operation, "x"), mil::number(operation, "alpha"), mil::number(operation, "beta"));
}

int16_t relu(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.operand(operation, "x");
  if (b.lane(x) == LaneType::int32) return b.between(x, 0, std::numeric_limits<double>::infinity());
  return b.append(Op::relu, {x});
}

int16_t relu6(ProgramBuilder& b, const mil::Operation& operation) {
  return clip_between(b, b.operand(operation, "x"), 0, 6);
}

int16_t gelu(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  const std::string mode = mil::text(operation, "mode");
  if (mode == "EXACT") return b.append(Op::gelu, {x});
  if (mode == "TANH_APPROXIMATION") return b.append(Op::gelu_tanh, {x});
  const int16_t scaled = b.append(Op::mul, {x, b.constant(LaneType::float32, 1.702)});
  return b.append(Op::mul, {x, b.append(Op::sigmoid, {scaled})});
}

// Not the opcode of that name: a gradient in the same group reads the sigmoid too.
int16_t silu(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  return b.append(Op::mul, {x, b.append(Op::sigmoid, {x})});
}

// max(x, 0) + log(1 + exp(-|x|)): no overflow for large x.
int16_t softplus(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  const int16_t decayed = b.append(Op::exp, {b.append(Op::neg, {b.append(Op::abs, {x})})});
  const int16_t rest = b.append(Op::log, {decayed}, LaneType::float32, 1.0);
  return b.append(Op::add, {b.append(Op::relu, {x}), rest});
}

int16_t softsign(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  const int16_t size = b.append(Op::add, {b.append(Op::abs, {x}), b.constant(LaneType::float32, 1)});
  return b.append(Op::real_div, {x, size});
}

int16_t leaky_relu(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  const int16_t below = b.append(Op::mul, {x, b.constant(LaneType::float32, mil::number(operation, "alpha"))});
  const int16_t positive = b.append(Op::greater_equal, {x, b.constant(LaneType::float32, 0)});
  return b.append(Op::select, {positive, x, below});
}

int16_t elu(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  const int16_t one = b.constant(LaneType::float32, 1);
  const int16_t curve = b.append(Op::sub, {b.append(Op::exp, {x}), one});
  const int16_t below = b.append(Op::mul, {curve, b.constant(LaneType::float32, mil::number(operation, "alpha"))});
  const int16_t positive = b.append(Op::greater_equal, {x, b.constant(LaneType::float32, 0)});
  return b.append(Op::select, {positive, x, below});
}

int16_t thresholded_relu(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  const int16_t reached =
      b.append(Op::greater_equal, {x, b.constant(LaneType::float32, mil::number(operation, "alpha"))});
  return b.append(Op::select, {reached, x, b.constant(LaneType::float32, 0)});
}

int16_t engine_range(ProgramBuilder& b, const mil::Operation& operation) {
  return b.append(Op::engine_range, {b.to_float(b.operand(operation, "x"))}, LaneType::float32,
                  mil::number(operation, "limit"), mil::number(operation, "nan"));
}

// alpha or beta, which are constants.
int16_t parameter(ProgramBuilder& b, const mil::Operation& operation, std::string_view name) {
  return b.constant(LaneType::float32, mil::number(operation, name));
}

int16_t threshold(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  return b.append(Op::maximum, {x, parameter(b, operation, "alpha")});
}

int16_t clamped_relu(ProgramBuilder& b, const mil::Operation& operation) {
  return b.append(Op::minimum, {leaky_relu(b, operation), parameter(b, operation, "beta")});
}

int16_t linear_activation(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  const int16_t scaled = b.append(Op::mul, {x, parameter(b, operation, "alpha")});
  return b.append(Op::add, {scaled, parameter(b, operation, "beta")});
}

int16_t sigmoid_hard(ProgramBuilder& b, const mil::Operation& operation) {
  return clip_between(b, linear_activation(b, operation), 0, 1);
}

int16_t scaled_tanh(ProgramBuilder& b, const mil::Operation& operation) {
  const int16_t x = b.to_float(b.operand(operation, "x"));
  const int16_t curve = b.append(Op::tanh, {b.append(Op::mul, {x, parameter(b, operation, "beta")})});
  return b.append(Op::mul, {curve, parameter(b, operation, "alpha")});
}

const std::unordered_map<std::string_view, Form>& forms() {
  static const std::unordered_map<std::string_view, Form> table = {
      {"add", binary<Op::add>},
      {"sub", binary<Op::sub>},
      {"mul", binary<Op::mul>},
      {"real_div", real_div},
      {"floor_div", binary<Op::floor_div>},
      {"mod", binary<Op::mod>},
      {"maximum", binary<Op::maximum>},
      {"minimum", binary<Op::minimum>},
      {"pow", binary<Op::pow>},
      {"abs", unary<Op::abs>},
      {"sign", unary<Op::sign>},
      {"square", unary<Op::square>},
      {"sqrt", float_unary<Op::sqrt>},
      {"exp", float_unary<Op::exp>},
      {"exp2", float_unary<Op::exp2>},
      {"sin", float_unary<Op::sin>},
      {"cos", float_unary<Op::cos>},
      {"tanh", float_unary<Op::tanh>},
      {"erf", float_unary<Op::erf>},
      {"floor", rounding<Op::floor>},
      {"ceil", rounding<Op::ceil>},
      {"round", rounding<Op::round>},
      {"sigmoid", float_unary<Op::sigmoid>},
      {"silu", silu},
      {"relu", relu},
      {"rsqrt", with_epsilon<Op::rsqrt>},
      {"inverse", with_epsilon<Op::inverse>},
      {"log", with_epsilon<Op::log>},
      {"less", binary<Op::less>},
      {"less_equal", binary<Op::less_equal>},
      {"greater", binary<Op::greater>},
      {"greater_equal", binary<Op::greater_equal>},
      {"equal", binary<Op::equal>},
      {"not_equal", binary<Op::not_equal>},
      {"logical_and", logical<Op::logical_and>},
      {"logical_or", logical<Op::logical_or>},
      {"logical_xor", logical<Op::logical_xor>},
      {"logical_not", logical_not},
      {"select", select},
      {"cast", cast},
      {"clip", clip},
      {"relu6", relu6},
      {"gelu", gelu},
      {"softplus", softplus},
      {"softsign", softsign},
      {"leaky_relu", leaky_relu},
      {"elu", elu},
      {"thresholded_relu", thresholded_relu},
      {"threshold", threshold},
      {"clamped_relu", clamped_relu},
      {"linear_activation", linear_activation},
      {"sigmoid_hard", sigmoid_hard},
      {"scaled_tanh", scaled_tanh},
      {"mw.engine_range", engine_range},
  };
  return table;
}

struct ReductionForm {
  std::string_view kind;
  ReductionKind reduction;
  bool of_absolute = false;
};

constexpr ReductionForm kReductions[] = {
    {"reduce_sum", ReductionKind::sum},           {"reduce_mean", ReductionKind::mean},
    {"reduce_max", ReductionKind::max},           {"reduce_min", ReductionKind::min},
    {"reduce_prod", ReductionKind::prod},         {"reduce_sum_square", ReductionKind::sum_square},
    {"reduce_l1_norm", ReductionKind::sum, true},
};

const ReductionForm* find_reduction(std::string_view kind) {
  const auto* found = std::ranges::find(kReductions, kind, &ReductionForm::kind);
  return found == std::end(kReductions) ? nullptr : found;
}

// The written view may be the memory of a read buffer that the call reads nowhere else but at the same elements.
void find_in_place_pairs(Call& call) {
  for (size_t w = 0; w < call.writes.size(); ++w) {
    for (size_t r = 0; r < call.reads.size(); ++r) {
      const View& read = call.reads[r];
      View placed = call.writes[w];
      placed.buffer = read.buffer;
      const bool same_width = mil::element_bytes(read.element) == mil::element_bytes(placed.element);
      const bool only_read = std::ranges::all_of(
          call.reads, [&](const View& other) { return other.buffer != read.buffer || is_same_place(other, read); });
      if (same_width && only_read && is_same_place(read, placed)) {
        call.in_place.emplace_back(static_cast<int>(r), static_cast<int>(w));
      }
    }
  }
}

bool is_used_outside(const mil::Value* value, const OperationGroup& group, const mil::Function& function) {
  if (std::ranges::find(function.results(), value) != function.results().end()) return true;
  return std::ranges::any_of(value->users(), [&](const mil::Operation* user) {
    return std::ranges::find(group.members, user) == group.members.end();
  });
}

std::vector<std::vector<int64_t>> strides_of(const std::vector<View>& views) {
  std::vector<std::vector<int64_t>> strides;
  for (const View& view : views) strides.push_back(view.strides);
  return strides;
}

// The program's call, whose outputs are already in it.
Status emit_map(Lowering& lowering, const mil::Operation& operation, std::string kernel, ProgramBuilder& b,
                const mil::Shape& space, const std::vector<View>& outputs) {
  Call call;
  std::vector<std::vector<int64_t>> strides = strides_of(b.inputs());
  for (const View& output : outputs) strides.push_back(output.strides);
  const Loop loop = collapsed(space, strides);
  call.kernel = std::move(kernel);
  call.reads = b.read_views();
  call.writes = outputs;
  find_in_place_pairs(call);

  struct Prepared {
    ElementwiseKernel kernel;
    Dims sizes;
    std::vector<View> reads, writes;
    std::vector<ElementwiseInput> inputs;
    std::vector<ElementwiseOutput> outputs;
  };
  auto prepared = std::make_shared<Prepared>(
      Prepared{ElementwiseKernel(std::move(b.program())), loop.sizes, call.reads, call.writes, {}, {}});
  for (size_t i = 0; i < call.reads.size(); ++i) prepared->inputs.push_back({nullptr, loop.strides[i]});
  for (size_t i = 0; i < outputs.size(); ++i) {
    prepared->outputs.push_back({nullptr, loop.strides[call.reads.size() + i]});
  }
  call.run = [prepared](const Memory& memory) -> Status {
    Prepared& p = *prepared;
    for (size_t i = 0; i < p.reads.size(); ++i) p.inputs[i].data = memory.at(p.reads[i]);
    for (size_t i = 0; i < p.writes.size(); ++i) p.outputs[i].data = memory.at(p.writes[i]);
    p.kernel.run(p.sizes, p.inputs, p.outputs);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_map(Lowering& lowering, const OperationGroup& group, ProgramBuilder& b, const mil::Shape& space) {
  std::vector<View> outputs;
  for (const mil::Operation* member : group.members) {
    if (!is_used_outside(member->result(), group, lowering.function())) continue;
    outputs.push_back(lowering.result(*member));
    b.program().outputs.push_back({b.value_of(member->result()), *storage_of(member->result()->element())});
  }
  return emit_map(lowering, *group.members.back(), fmt::format("elementwise({})", group.members.size()), b, space,
                  outputs);
}

Status lower_reduction(Lowering& lowering, const OperationGroup& group, ProgramBuilder& b, const mil::Shape& space) {
  const mil::Operation& last = *group.members.back();
  const ReductionForm& form = *find_reduction(last.kind());
  int16_t value = b.operand(last, "x");
  if (form.of_absolute) value = b.append(Op::abs, {value});
  b.program().outputs.push_back({value, Storage::float32});

  const auto rank = static_cast<int64_t>(space.size());
  std::vector<uint8_t> is_reduced(space.size(), 0);
  for (const int64_t axis : mil::reduction_axes(last, rank)) is_reduced[static_cast<size_t>(axis)] = 1;
  const View output = lowering.result(last);
  std::vector<int64_t> output_strides(space.size(), 0);
  const bool keeps = mil::flag(last, "keep_dims");
  size_t next = 0;
  for (size_t axis = 0; axis < space.size(); ++axis) {
    if (is_reduced[axis] == 0) {
      output_strides[axis] = output.strides[next++];
    } else if (keeps) {
      ++next;
    }
  }
  std::vector<std::vector<int64_t>> strides = strides_of(b.inputs());
  strides.push_back(output_strides);
  const Loop loop = collapsed(space, strides, is_reduced);
  std::array<bool, kMaxRank> reduced{};
  for (size_t axis = 0; axis < loop.flags.size(); ++axis) reduced[axis] = loop.flags[axis] != 0;
  const int64_t count = mil::element_count(space);
  const int64_t output_count = output.count();

  Call call;
  call.kernel = group.members.size() == 1 ? std::string(last.kind())
                                          : fmt::format("{}({})", last.kind(), group.members.size() - 1);
  call.reads = b.read_views();
  call.writes = {output};
  struct Prepared {
    ElementwiseKernel kernel;
    std::vector<View> reads;
    std::vector<ElementwiseInput> inputs;
  };
  auto prepared = std::make_shared<Prepared>(Prepared{ElementwiseKernel(std::move(b.program())), call.reads, {}});
  for (size_t i = 0; i < call.reads.size(); ++i) prepared->inputs.push_back({nullptr, loop.strides[i]});
  const ReductionKind kind = form.reduction;
  const Dims out_strides = loop.strides.back();
  const Dims sizes = loop.sizes;
  MW_CHECK(count == element_count(sizes), "the loop lost elements");
  call.run = [=](const Memory& memory) -> Status {
    if (output_count == 0) return {};
    for (size_t i = 0; i < prepared->reads.size(); ++i) prepared->inputs[i].data = memory.at(prepared->reads[i]);
    reduce(kind, prepared->kernel, sizes, reduced, prepared->inputs, memory.floats(output), out_strides);
    return {};
  };
  return lowering.emit(last, std::move(call));
}

}  // namespace

bool has_elementwise_form(std::string_view kind) { return forms().contains(kind); }

std::vector<std::string_view> kinds_with_elementwise_forms() {
  std::vector<std::string_view> kinds;
  for (const auto& [kind, form] : forms()) kinds.push_back(kind);
  std::ranges::sort(kinds);
  return kinds;
}

bool is_fusible_reduction(const mil::Operation& operation) {
  if (find_reduction(operation.kind()) == nullptr) return false;
  const mil::Value* x = operation.operand("x");
  return x != nullptr && x->type().is_tensor() && x->element() == mil::ElementType::fp32;
}

Status emit_cast(Lowering& lowering, const mil::Operation& operation, const View& source, const View& destination) {
  for (const mil::ElementType element : {source.element, destination.element}) {
    if (storage_of(element)) continue;
    return operation_error(operation, "the CPU executor has no kernel of this operation for {}",
                           mil::element_name(element));
  }
  ProgramBuilder b(lowering, destination.sizes);
  int16_t value = cast_to(b, b.add_view(source, operation), destination.element);
  // Storing rounds floats.
  value = mil::is_floating(destination.element) ? b.to_float(value) : b.as_element(value, destination.element);
  b.program().outputs.push_back({value, *storage_of(destination.element)});
  return emit_map(lowering, operation, "cast", b, destination.sizes, {destination});
}

Status lower_elementwise_group(Lowering& lowering, const OperationGroup& group) {
  const mil::Operation& last = *group.members.back();
  const bool reduces = is_fusible_reduction(last);
  const mil::Shape space = reduces ? last.operand("x")->shape() : last.result()->shape();
  ProgramBuilder b(lowering, space);
  for (const mil::Operation* member : group.members) b.add_member_inputs(*member);
  for (const mil::Operation* member : group.members) {
    if (member == &last && reduces) break;
    b.set_result(*member, b.as_element(forms().at(member->kind())(b, *member), member->result()->element()));
  }
  return reduces ? lower_reduction(lowering, group, b, space) : lower_map(lowering, group, b, space);
}

}  // namespace millwright::cpu
