// States: what a function leaves in them, against the reference interpreter and by hand.
#include "execution.h"
#include "mil/parser.h"
#include "mil/verifier.h"

namespace millwright::cpu {
namespace {

using mil::ElementType;
using mil::TensorValue;
using mil::Type;

std::unique_ptr<mil::Function> parsed(const std::string& signature, const std::string& body,
                                      const std::string& results) {
  Result<mil::Program> program = mil::parse_program(
      "program(1.3)\n{\n func main<ios18>(" + signature + ") {\n" + body + "\n } -> (" + results + ");\n}\n",
      "test.mil");
  EXPECT_TRUE(program) << program.error().message;
  const Status verified = mil::verify(*program);
  EXPECT_TRUE(verified) << verified.error().message;
  return program->take_function("main");
}

TensorValue counting(ElementType element, const mil::Shape& shape, double first) {
  TensorValue value{Type::tensor(element, shape), {}};
  for (int64_t i = 0; i < value.type.count(); ++i) value.numbers.push_back(first + static_cast<double>(i));
  return value;
}

// The results, then the states, of `runs` runs one after the other; executor and interpreter must agree.
std::vector<TensorValue> run_with_states(const mil::Function& function, std::vector<TensorValue> inputs, int runs = 2) {
  std::vector<TensorValue> interpreted = inputs;
  const auto compiled = compile(function);
  if (compiled == nullptr) return {};
  RunMemory memory(function, inputs);
  std::vector<TensorValue> found;
  for (int i = 0; i < runs; ++i) {
    const auto expected = mil::interpret_with_states(function, interpreted, mil::Precision::declared);
    EXPECT_TRUE(expected) << expected.error().message;
    const Status status = compiled->run(memory.input_pointers, memory.result_pointers);
    EXPECT_TRUE(status) << status.error().message;
    std::vector<TensorValue> wanted = *expected;
    found.clear();
    for (size_t r = 0; r < wanted.size(); ++r) found.push_back(to_tensor(wanted[r].type, memory.results[r]));
    for (size_t s = 0; s < inputs.size(); ++s) {
      if (!is_state(function.inputs()[s]->type())) continue;
      wanted.push_back(interpreted[s]);
      found.push_back(to_tensor(inputs[s].type, memory.inputs[s]));
    }
    expect_near(found, wanted, 1e-6, "run " + std::to_string(i) + "\n" + compiled->listing());
  }
  return found;
}

TEST(States, ACacheIsUpdatedInPlace) {
  const auto function = parsed(
      "state<tensor<fp16, [4, 3]>> cache, tensor<fp16, [1, 3]> row, tensor<int32, [2]> begin, "
      "tensor<int32, [2]> end",
      "tensor<fp16, [4, 3]> old = read_state(input = cache);\n"
      "tensor<fp16, [4, 3]> new = slice_update(begin = begin, end = end, update = row, x = "
      "old);\n"
      "write_state(data = new, input = cache);\n"
      "tensor<fp16, [4, 3]> now = read_state(input = cache);\n"
      "tensor<fp16, [4, 3]> y = add(x = now, y = now);",
      "y");
  const std::vector<TensorValue> found = run_with_states(*function, {counting(ElementType::fp16, {4, 3}, 1),
                                                                     counting(ElementType::fp16, {1, 3}, 100),
                                                                     {Type::tensor(ElementType::int32, {2}), {2, 0}},
                                                                     {Type::tensor(ElementType::int32, {2}), {3, 3}}});
  ASSERT_EQ(found.size(), 2u);
}

TEST(States, AnUpdateOfOneRowMovesNothingElse) {
  const auto function = parsed(
      "state<tensor<fp32, [4, 3]>> cache, tensor<fp32, [1, 3]> row",
      "tensor<fp32, [4, 3]> old = read_state(input = cache);\n"
      "tensor<fp32, [4, 3]> new = slice_update(begin = tensor<int32, [2]>([2, 0]), end = tensor<int32, [2]>([3, 3]), "
      "update = row, x = old);\n"
      "write_state(data = new, input = cache);\n"
      "tensor<fp32, [3]> y = reduce_sum(axes = tensor<int32, [1]>([0]), keep_dims = bool(false), x = new);",
      "y");
  const std::vector<TensorValue> found =
      run_with_states(*function, {counting(ElementType::fp32, {4, 3}, 1), counting(ElementType::fp32, {1, 3}, 100)});
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].numbers, (std::vector<double>{1 + 4 + 100 + 10, 2 + 5 + 101 + 11, 3 + 6 + 102 + 12}));
  EXPECT_EQ(found[1].numbers, (std::vector<double>{1, 2, 3, 4, 5, 6, 100, 101, 102, 10, 11, 12}));
  const auto compiled = compile(*function);
  // The row goes where the cache lies, and nowhere is a second cache.
  EXPECT_EQ(compiled->memory().arena_bytes, 0) << compiled->listing();
  EXPECT_EQ(compiled->listing(), "copy new: in1[1, 3] -> in0[1, 3]\nreduce_sum y: in0[4, 3] -> out0[3]\n");
}

TEST(States, AReadSeesTheWritesBeforeItOnly) {
  const auto function = parsed("state<tensor<fp32, [2]>> s",
                               "tensor<fp32, [2]> a = read_state(input = s);\n"
                               "tensor<fp32, [2]> b = add(x = a, y = fp32(10));\n"
                               "write_state(data = b, input = s);\n"
                               "tensor<fp32, [2]> c = read_state(input = s);\n"
                               "tensor<fp32, [2]> d = coreml_update_state(state = s, value = a);\n"
                               "tensor<fp32, [2]> e = mul(x = c, y = d);\n"
                               "tensor<fp32, [2]> f = coreml_update_state(state = s, value = e);",
                               "a, c, d, f");
  const std::vector<TensorValue> found = run_with_states(*function, {counting(ElementType::fp32, {2}, 1)}, 1);
  ASSERT_EQ(found.size(), 5u);
  EXPECT_EQ(found[0].numbers, (std::vector<double>{1, 2}));
  EXPECT_EQ(found[1].numbers, (std::vector<double>{11, 12}));
  EXPECT_EQ(found[2].numbers, (std::vector<double>{1, 2}));
  EXPECT_EQ(found[3].numbers, (std::vector<double>{11, 24}));
  EXPECT_EQ(found[4].numbers, (std::vector<double>{11, 24}));
}

TEST(States, TwoStatesMayChangePlaces) {
  const auto function = parsed("state<tensor<fp32, [2]>> s, state<tensor<fp32, [2]>> t",
                               "tensor<fp32, [2]> a = read_state(input = s);\n"
                               "tensor<fp32, [2]> b = read_state(input = t);\n"
                               "write_state(data = b, input = s);\n"
                               "write_state(data = a, input = t);",
                               "a");
  const std::vector<TensorValue> found =
      run_with_states(*function, {counting(ElementType::fp32, {2}, 1), counting(ElementType::fp32, {2}, 5)}, 1);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[0].numbers, (std::vector<double>{1, 2}));
  EXPECT_EQ(found[1].numbers, (std::vector<double>{5, 6}));
  EXPECT_EQ(found[2].numbers, (std::vector<double>{1, 2}));
}

TEST(States, AStateMayBeTransposedInItsOwnMemory) {
  const auto function = parsed("state<tensor<fp32, [3, 3]>> s",
                               "tensor<fp32, [3, 3]> a = read_state(input = s);\n"
                               "tensor<fp32, [3, 3]> b = transpose(perm = tensor<int32, [2]>([1, 0]), x = a);\n"
                               "write_state(data = b, input = s);\n"
                               "tensor<fp32, [3, 3]> c = read_state(input = s);",
                               "a, c");
  const std::vector<TensorValue> found = run_with_states(*function, {counting(ElementType::fp32, {3, 3}, 0)}, 1);
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[2].numbers, (std::vector<double>{0, 3, 6, 1, 4, 7, 2, 5, 8}));
}

TEST(States, WhatIsWrittenMayBeAConstantAnInputOrOneValueTwice) {
  const auto function = parsed(
      "state<tensor<int8, [2]>> s, state<tensor<fp32, [2]>> t, state<tensor<fp32, [2]>> u, "
      "tensor<fp32, [2]> x, state<tensor<fp32, [2]>> v",
      "write_state(data = tensor<int8, [2]>([7, -7]), input = s);\n"
      "tensor<fp32, [2]> y = add(x = x, y = x);\n"
      "write_state(data = y, input = t);\n"
      "write_state(data = y, input = u);\n"
      "write_state(data = x, input = v);",
      "y, x");
  const std::vector<TensorValue> found =
      run_with_states(*function, {counting(ElementType::int8, {2}, 1), counting(ElementType::fp32, {2}, 2),
                                  counting(ElementType::fp32, {2}, 3), counting(ElementType::fp32, {2}, 4),
                                  counting(ElementType::fp32, {2}, 0)});
  ASSERT_EQ(found.size(), 6u);
  EXPECT_EQ(found[2].numbers, (std::vector<double>{7, -7}));
  EXPECT_EQ(found[3].numbers, (std::vector<double>{8, 10}));
  EXPECT_EQ(found[4].numbers, (std::vector<double>{8, 10}));
  EXPECT_EQ(found[5].numbers, (std::vector<double>{4, 5}));
}

TEST(States, AStateThatIsOnlyReadStaysAsItIs) {
  const auto function = parsed("state<tensor<fp32, [2]>> s, state<tensor<fp32, [0]>> empty",
                               "tensor<fp32, [2]> a = read_state(input = s);\n"
                               "tensor<fp32, [2]> y = add(x = a, y = a);\n"
                               "tensor<fp32, [0]> e = read_state(input = empty);\n"
                               "tensor<fp32, [0]> f = add(x = e, y = e);\n"
                               "write_state(data = f, input = empty);\n"
                               "write_state(data = a, input = s);",
                               "y");
  const std::vector<TensorValue> found =
      run_with_states(*function, {counting(ElementType::fp32, {2}, 1), counting(ElementType::fp32, {0}, 1)});
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found[1].numbers, (std::vector<double>{1, 2}));
}

TEST(States, AStateIsNoResult) {
  mil::Function function("main", "ios18");
  mil::Value* s = function.block().add_input("s", Type::state(Type::tensor(ElementType::fp32, {2})));
  function.block().set_results({s});
  const auto compiled = CompiledFunction::compile(function, {});
  ASSERT_FALSE(compiled);
  EXPECT_EQ(compiled.error().message,
            "function main: s is state<tensor<fp32, [2]>>; the CPU executor takes tensors only");
}

}  // namespace
}  // namespace millwright::cpu
