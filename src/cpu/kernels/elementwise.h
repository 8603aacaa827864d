// Fused elementwise chains: a small program over whole tensors, evaluated block by block so that intermediate values
// never leave the L1 cache. Broadcasting is a stride of 0. Also the map that reduction.h reduces.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "cpu/kernels/layout.h"

namespace millwright::cpu {

// X(name, operands): every operation of a program. `float` operations compute in float; those marked (i) also have an
// int32 form, chosen by ElementwiseInstruction::type. i0 and i1 are the immediates. Comparisons and logical operations
// give int32 0 or 1; logical operands and the condition of select are int32, zero or not zero.
// Errors against exact arithmetic in units in the last place (ULP) are listed in math-inl.h and tested.
#define MW_ELEMENTWISE_OPCODES(X)                                                            \
  X(constant, 0)  /* i0 (i) */                                                               \
  X(add, 2)       /* (i) */                                                                  \
  X(sub, 2)       /* (i) */                                                                  \
  X(mul, 2)       /* (i) */                                                                  \
  X(real_div, 2)  /* float only: cast integers first */                                      \
  X(floor_div, 2) /* rounds towards minus infinity (i); an int32 divisor of 0 gives 0 */     \
  X(mod, 2)       /* x - y * floor(x / y), sign of y (i); an int32 divisor of 0 gives 0 */   \
  X(maximum, 2)   /* NaN if either is NaN (i) */                                             \
  X(minimum, 2)   /* NaN if either is NaN (i) */                                             \
  X(trunc_div, 2) /* int32 only: rounds towards zero; a divisor of 0 gives 0 */              \
  X(pow, 2)       /* (i); constant float exponents 0.5, -0.5, 1, 2, 3, -1 take fast forms */ \
  X(neg, 1)       /* (i) */                                                                  \
  X(abs, 1)       /* (i) */                                                                  \
  X(sign, 1)      /* -1, 0 or 1 (i) */                                                       \
  X(square, 1)    /* (i) */                                                                  \
  X(sqrt, 1)                                                                                 \
  X(rsqrt, 1)   /* 1 / sqrt(x + i0) */                                                       \
  X(inverse, 1) /* 1 / (x + i0) */                                                           \
  X(exp, 1)                                                                                  \
  X(exp2, 1)                                                                                 \
  X(log, 1) /* log(x + i0) */                                                                \
  X(sin, 1)                                                                                  \
  X(cos, 1)                                                                                  \
  X(tanh, 1)                                                                                 \
  X(sigmoid, 1)                                                                              \
  X(silu, 1) /* x * sigmoid(x) */                                                            \
  X(erf, 1)                                                                                  \
  X(gelu, 1)      /* x/2 * (1 + erf(x / sqrt 2)) */                                          \
  X(gelu_tanh, 1) /* x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))) */                    \
  X(relu, 1)                                                                                 \
  X(floor, 1)                                                                                \
  X(ceil, 1)                                                                                 \
  X(round, 1)         /* ties to even */                                                     \
  X(clip, 1)          /* into [i0, i1]; NaN stays NaN */                                     \
  X(fma, 3)           /* x * y + z, rounded once where the machine has the instruction */    \
  X(select, 3)        /* condition ? x : y (i) */                                            \
  X(less, 2)          /* (i) */                                                              \
  X(less_equal, 2)    /* (i) */                                                              \
  X(greater, 2)       /* (i) */                                                              \
  X(greater_equal, 2) /* (i) */                                                              \
  X(equal, 2)         /* (i) */                                                              \
  X(not_equal, 2)     /* (i) */                                                              \
  X(logical_and, 2)   /* int32 operands */                                                   \
  X(logical_or, 2)    /* int32 operands */                                                   \
  X(logical_xor, 2)   /* int32 operands */                                                   \
  X(logical_not, 1)   /* int32 operand */                                                    \
  X(to_float, 1)      /* int32 to float */                                                   \
  X(to_int, 1)        /* float to int32, towards zero, saturating; NaN gives 0 */            \
  X(wrap4, 1)         /* int32 only: the low 4 bits, sign-extended */                        \
  X(wrap8, 1)         /* int32 only: the low 8 bits, sign-extended */                        \
  X(wrap16, 1)        /* int32 only: the low 16 bits, sign-extended */                       \
  X(bit_and, 2)       /* int32 only */                                                       \
  X(round_half, 1)    /* to the nearest fp16, ties to even */                                \
  X(round_bfloat, 1)  /* to the nearest bf16, ties to even */                                \
  X(engine_range, 1)  /* NaN becomes i1; what reaches i0 in size becomes an infinity */

enum class ElementwiseOpcode : uint8_t {
#define MW_ELEMENTWISE_ENUMERATOR(name, operands) name,
  MW_ELEMENTWISE_OPCODES(MW_ELEMENTWISE_ENUMERATOR)
#undef MW_ELEMENTWISE_ENUMERATOR
};

const char* elementwise_opcode_name(ElementwiseOpcode opcode);
int elementwise_operand_count(ElementwiseOpcode opcode);

// What a value of a program is: float, or int32 (which also carries booleans as 0 and 1).
enum class LaneType : uint8_t { float32, int32 };

struct ElementwiseInstruction {
  ElementwiseOpcode opcode = ElementwiseOpcode::constant;
  LaneType type = LaneType::float32;              // of the operands (of x and y for select, of the result for constant)
  std::array<int16_t, 3> operands{{-1, -1, -1}};  // value ids
  std::array<double, 2> immediates{{0.0, 0.0}};
};

struct ElementwiseProgram {
  struct Output {
    int16_t value = -1;
    // Lane type float32: a float storage. int32: an integer storage, the high bits dropped, or boolean (not zero → 1).
    Storage storage = Storage::float32;
  };
  // Single assignment: value i < inputs.size() is input i, value inputs.size() + j is the result of instruction j, and
  // an instruction reads only values before it. Registers are allotted inside; unused instructions are dropped.
  std::vector<Storage> inputs;
  std::vector<ElementwiseInstruction> instructions;
  std::vector<Output> outputs;

  // Appends an instruction and returns its value id.
  int16_t append(ElementwiseOpcode opcode, std::initializer_list<int16_t> operands, LaneType type = LaneType::float32,
                 double immediate0 = 0.0, double immediate1 = 0.0);
  LaneType lane_type(int16_t value) const;
};

struct ElementwiseInput {
  const void* data = nullptr;
  Dims strides;  // one per dimension of the iteration space; 0 broadcasts
};

struct ElementwiseOutput {
  void* data = nullptr;
  Dims strides;  // fastest when the last one is 1
};

// A checked program with registers allotted. Immutable: any thread may run it.
class ElementwiseKernel {
 public:
  explicit ElementwiseKernel(ElementwiseProgram program);

  // Evaluates every output over the iteration space `sizes`. An output may be the very memory of an input when their
  // storage size and strides are equal; any other overlap is not allowed.
  void run(const Dims& sizes, std::span<const ElementwiseInput> inputs,
           std::span<const ElementwiseOutput> outputs) const;

  // The program after register allotment, for the evaluator (elementwise_evaluation.h). Slots 0 .. inputs-1 are the
  // inputs, the next ones constants, then temporaries and outputs.
  struct Step {
    ElementwiseOpcode opcode = ElementwiseOpcode::constant;
    LaneType type = LaneType::float32;
    int16_t destination = -1;
    std::array<int16_t, 3> sources{{-1, -1, -1}};
    std::array<float, 2> immediates{{0.0f, 0.0f}};
    std::array<int32_t, 2> integer_immediates{{0, 0}};
  };
  struct OutputSlot {
    int16_t slot = -1;
    Storage storage = Storage::float32;
    int defined_at = -1;  // step that computes it into a slot of its own; -1: an input, a constant or an earlier output
  };
  const ElementwiseProgram& program() const { return program_; }
  const std::vector<Step>& constants() const { return constants_; }
  const std::vector<Step>& steps() const { return steps_; }
  const std::vector<OutputSlot>& outputs() const { return outputs_; }
  const std::vector<int>& input_last_use() const { return input_last_use_; }  // step index, -1 for none
  int slot_count() const { return slot_count_; }

 private:
  ElementwiseProgram program_;
  std::vector<Step> constants_;
  std::vector<Step> steps_;
  std::vector<OutputSlot> outputs_;
  std::vector<int> input_last_use_;
  int slot_count_ = 0;
};

}  // namespace millwright::cpu
