// The memory plan: no two values that live at the same time share bytes, results are written in place, aliases are
// safe.
#include "cpu/memory_plan.h"

#include "execution.h"
#include "memory_bounds.h"
#include "model_pieces.h"

namespace millwright::cpu {
namespace {

using mil::Value;

struct Planned {
  std::unique_ptr<mil::Function> rewritten;
  LoweredFunction lowered;
  MemoryPlan plan;
};

Planned plan_of(const mil::Function& function, std::vector<int> aliases = {}) {
  aliases.resize(function.results().size(), -1);
  Planned planned{mil::clone(function), {}, {}};
  run_passes(*planned.rewritten);
  auto lowered = Lowering(*planned.rewritten).lower();
  EXPECT_TRUE(lowered) << lowered.error().message;
  planned.lowered = std::move(*lowered);
  auto plan = plan_memory(planned.lowered, aliases);
  EXPECT_TRUE(plan) << plan.error().message;
  planned.plan = std::move(*plan);
  return planned;
}

// `depth` blocks of norm, two products with a gate, and a residual.
void build_stack(TestFunction& f, int depth) {
  Value* x = f.floats({2, 32, 1, 16});
  for (int i = 0; i < depth; ++i) {
    Value* in = f.b().reshape(rms_norm(f, x), {2, 32, 16});
    Value* gate = f.b().unary("silu", f.b().matmul(f.floats({96, 32}), in));
    Value* hidden = f.b().mul(gate, f.b().matmul(f.floats({96, 32}), in));
    x = f.b().add(x, f.b().reshape(f.b().matmul(f.floats({32, 96}), hidden), {2, 32, 1, 16}));
  }
  f.returns({x});
}

TEST(MemoryPlan, ValuesThatLiveAtTheSameTimeNeverShareBytes) {
  for (const int depth : {1, 3, 8}) {
    TestFunction f(static_cast<uint64_t>(depth));
    build_stack(f, depth);
    const Planned planned = plan_of(f.function());
    expect_no_overlap(planned.lowered, planned.plan);
    expect_same_as_interpreter(f.function(), f.inputs());
  }
}

TEST(MemoryPlan, TheArenaDoesNotGrowWithTheDepthOfAForwardPass) {
  TestFunction shallow(1);
  build_stack(shallow, 2);
  TestFunction deep(1);
  build_stack(deep, 10);
  const Planned few = plan_of(shallow.function());
  const Planned many = plan_of(deep.function());
  EXPECT_EQ(few.plan.arena_bytes, many.plan.arena_bytes);
  EXPECT_GT(many.plan.unplanned_bytes, 4 * many.plan.arena_bytes);
}

TEST(MemoryPlan, TheArenaStaysWithinATenthOfTheLowerBound) {
  TestFunction f(1);
  build_stack(f, 6);
  const Planned planned = plan_of(f.function());
  EXPECT_LE(static_cast<double>(planned.plan.arena_bytes),
            1.1 * static_cast<double>(live_bytes(planned.lowered, planned.plan)));
}

TEST(MemoryPlan, ResultsAreWrittenStraightToTheCaller) {
  TestFunction f(1);
  Value* x = f.floats({8, 8});
  Value* y = f.b().unary("exp", x);
  f.returns({y, f.b().reshape(f.b().matmul(y, x), {64})});
  const Planned planned = plan_of(f.function());
  EXPECT_EQ(planned.plan.arena_bytes, 0);
  EXPECT_EQ(std::ranges::count(planned.plan.is_dropped, true), 2);
}

TEST(MemoryPlan, AResultThatIsAnInputIsCopied) {
  TestFunction f(1);
  Value* x = f.floats({8, 8});
  Value* y = f.b().unary("exp", x);
  f.returns({x, y, y, f.b().transpose(x, std::vector<int64_t>{1, 0})});
  expect_same_as_interpreter(f.function(), f.inputs());
}

TEST(MemoryPlan, ADyingInputOfAnElementwiseCallGivesItsMemory) {
  TestFunction f(1);
  Value* x = f.floats({32, 32});
  Value* product = f.b().matmul(x, x);
  // Two calls: the product, and what is elementwise, in the product's memory.
  Value* y = f.b().unary("tanh", product);
  f.returns({f.b().matmul(y, x)});
  const Planned planned = plan_of(f.function());
  EXPECT_EQ(planned.plan.arena_bytes, 32 * 32 * 4);
  expect_same_as_interpreter(f.function(), f.inputs());
}

TEST(MemoryPlan, AnInputThatIsReadAfterItsAliasIsComputedKeepsItsOldValue) {
  TestFunction f(1);
  Value* buffer = f.floats({16, 16});
  Value* updated = f.b().add(buffer, f.floats({16, 16}));
  Value* late = f.b().matmul(updated, buffer);
  f.function().alias(updated, buffer);
  f.returns({updated, late});
  expect_same_as_interpreter(f.function(), f.inputs());
}

// A product writes while it still reads its operands: it must not be computed in the memory of one.
TEST(MemoryPlan, AProductIsNotStoredOverItsOwnOperandBeforeItIsDone) {
  TestFunction f(1);
  Value* buffer = f.floats({48, 48});
  Value* updated = f.b().matmul(buffer, f.floats({48, 48}));
  f.function().alias(updated, buffer);
  f.returns({updated});
  expect_same_as_interpreter(f.function(), f.inputs());
}

TEST(MemoryPlan, AValueThatIsReadInTwoWaysIsNotOverwrittenWhileItIsRead) {
  TestFunction f(1);
  Value* x = f.b().matmul(f.floats({48, 48}), f.floats({48, 48}));
  f.returns({f.b().matmul(f.b().add(x, f.b().transpose(x, std::vector<int64_t>{1, 0})), f.floats({48, 48}))});
  expect_same_as_interpreter(f.function(), f.inputs());
}

TEST(MemoryPlan, ACacheIsUpdatedInPlace) {
  TestFunction f(1);
  Value* cache = f.floats({4, 64});
  Value* begin = f.input({mil::Type::tensor(mil::ElementType::int32, {2}), {0, 5}});
  Value* end = f.b().add(begin, f.b().int32_vector(std::vector<int64_t>{4, 2}));
  Value* updated = f.b().emit("slice_update", {mil::operand("x", cache), mil::operand("update", f.floats({4, 2})),
                                               mil::operand("begin", begin), mil::operand("end", end)});
  f.function().alias(updated, cache);
  f.returns({updated, f.b().reduce("reduce_sum", updated, std::vector<int64_t>{1}, false)});
  expect_same_as_interpreter(f.function(), f.inputs());
  const auto compiled = compile(f.function());
  EXPECT_EQ(compiled->listing().find("copy"), std::string::npos) << compiled->listing();
  EXPECT_EQ(compiled->listing().find("result"), std::string::npos) << compiled->listing();
}

TEST(MemoryPlan, StoringOverAnInputThatAnotherResultReturnsIsAnError) {
  TestFunction f(1);
  Value* buffer = f.floats({16});
  Value* updated = f.b().unary("exp", buffer, "updated");
  f.function().alias(updated, buffer);
  f.returns({updated, buffer});
  const auto compiled = CompiledFunction::compile(f.function(), {});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().message,
            "result updated is stored over an input that another result still reads; return a copy");
}

// The same graph with random elementwise operations, products, slices and concats, many lifetimes crossing.
TEST(MemoryPlan, RandomGraphsNeverShareLiveBytes) {
  for (uint64_t seed = 0; seed < 30; ++seed) {
    TestFunction f(seed);
    std::vector<Value*> values = {f.floats({12, 12}), f.floats({12, 12})};
    for (int i = 0; i < 25; ++i) {
      Value* a = values[static_cast<size_t>(f.below(static_cast<int64_t>(values.size())))];
      Value* b = values[static_cast<size_t>(f.below(static_cast<int64_t>(values.size())))];
      switch (f.below(4)) {
        case 0:
          values.push_back(f.b().mul(f.b().unary("tanh", a), b));
          break;
        case 1:
          values.push_back(f.b().unary("tanh", f.b().matmul(a, b, f.below(2) == 1, false)));
          break;
        case 2: {
          const std::vector<Value*> halves = {f.b().slice(a, mil::Shape{0, 0}, mil::Shape{5, 12}),
                                              f.b().unary("sin", f.b().slice(b, mil::Shape{5, 0}, mil::Shape{7, 12}))};
          values.push_back(f.b().concat(halves, 0));
          break;
        }
        default:
          values.push_back(f.b().softmax(f.b().add(a, b), f.below(2)));
      }
    }
    f.returns({values.back(), values[values.size() / 2]});
    const Planned planned = plan_of(f.function());
    expect_no_overlap(planned.lowered, planned.plan);
    expect_same_as_interpreter(f.function(), f.inputs(), 1e-4, fmt::format("seed {}", seed));
  }
}

// The arena is as large as the user's batch makes it: more than the machine has is an error, not the end of the
// program.
TEST(MemoryPlan, AnArenaThatCannotFitIsAnError) {
  mil::Function function("main", "ios18");
  mil::Builder b(function);
  Value* x = b.input("x", mil::Type::tensor(mil::ElementType::fp32, {int64_t{1} << 28, 1}));
  Value* y = b.input("y", mil::Type::tensor(mil::ElementType::fp32, {1, int64_t{1} << 28}));
  Value* most = b.reduce("reduce_max", b.matmul(x, y), std::vector<int64_t>{0}, false);
  function.block().set_results({most});
  const auto compiled = CompiledFunction::compile(function, {});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().kind, ErrorKind::exhausted);
  EXPECT_EQ(compiled.error().message,
            "not enough memory for 288230376151711744 bytes (268435456.0 GiB); use a smaller model or batch, or free "
            "memory");
}

}  // namespace
}  // namespace millwright::cpu
