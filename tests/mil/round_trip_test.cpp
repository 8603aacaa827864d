// Random well-typed programs: what the builder makes is verified, printed, read back equal, and printed the same again.
#include <gtest/gtest.h>

#include <functional>

#include "base/random.h"
#include "mil/builder.h"
#include "mil/compare.h"
#include "mil/parser.h"
#include "mil/printer.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

class RandomProgram {
 public:
  explicit RandomProgram(uint64_t seed)
      : random_(seed), function_(*program_.add_function("main", "ios18")), builder_(function_) {}

  Program build() {
    const size_t inputs = 1 + random_.below(4);
    for (size_t i = 0; i < inputs; ++i) values_.push_back(builder_.input("input", random_type()));
    const size_t operations = 5 + random_.below(40);
    for (size_t i = 0; i < operations; ++i) {
      Builder::Scope scope(builder_, fmt::format("layers.{}", random_.below(3)));
      values_.push_back(add_operation());
    }
    std::vector<Value*> results;
    for (size_t i = 0; i <= random_.below(3); ++i) results.push_back(pick());
    function_.block().set_results(results);
    add_attributes();
    return std::move(program_);
  }

 private:
  int64_t number(int64_t bound) { return static_cast<int64_t>(random_.below(static_cast<uint64_t>(bound))); }
  Value* pick() { return values_[random_.below(values_.size())]; }

  Type random_type() {
    constexpr ElementType kElements[] = {ElementType::fp32, ElementType::fp16};
    Shape shape(1 + random_.below(4));
    for (int64_t& size : shape) size = 1 + number(4);
    return Type::tensor(kElements[random_.below(2)], shape);
  }

  Literal random_bits(const Type& type) {
    std::vector<std::byte> bytes(static_cast<size_t>(type.bytes()));
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(random_.below(256));
    return Literal::bytes(type, std::move(bytes));
  }

  Value* add_operation() {
    Value* x = pick();
    const int64_t rank = x->type().rank();
    const int64_t axis = number(rank);
    const std::vector<int64_t> axes = {axis};
    switch (random_.below(14)) {
      case 0:
        return builder_.unary("tanh", x, "tanh");
      case 1:
        return builder_.add(x, builder_.constant(random_bits(x->type())));
      case 2:
        return builder_.mul(x, builder_.scalar_like(x, 1.0 / 3.0), "scaled");
      case 3:
        return builder_.softmax(x, axis);
      case 4:
        return builder_.reduce("reduce_mean", x, axes, true, "mean");
      case 5:
        return builder_.reshape(x, {-1, 1});
      case 6:
        return builder_.expand_dims(x, rank < 5 ? std::vector<int64_t>{-1} : std::vector<int64_t>{});
      case 7:
        return builder_.cast(x, x->element() == ElementType::fp32 ? ElementType::fp16 : ElementType::fp32);
      case 8: {
        std::vector<Value*> list(1 + random_.below(3), x);
        return builder_.concat(list, axis, "joined");
      }
      case 9:
        return builder_.sub(x, builder_.zeros(x->type()));
      case 10:
        return builder_.select(builder_.constant(random_flags(x->shape())), x, x);
      case 11: {
        std::vector<int64_t> permutation(static_cast<size_t>(rank));
        for (int64_t i = 0; i < rank; ++i) permutation[static_cast<size_t>(i)] = (i + axis) % rank;
        return builder_.transpose(x, permutation);
      }
      case 12:
        return literal_operands(x);
      default:
        return builder_.rsqrt(builder_.mul(x, x), 1e-5, "rsqrt");
    }
  }

  Literal random_flags(const Shape& shape) {
    const Type type = Type::tensor(ElementType::boolean, shape);
    std::vector<std::byte> flags(static_cast<size_t>(type.count()));
    for (std::byte& flag : flags) flag = static_cast<std::byte>(random_.below(2));
    return Literal::bytes(type, std::move(flags));
  }

  // Typed literals in place of const operations.
  Value* literal_operands(Value* x) {
    Operand alpha{"alpha", {Literal::number(x->element(), -0.1)}, false};
    Operand beta{"beta", {random_bits(Type::scalar(x->element()))}, false};
    return builder_.emit("clip", {operand("x", x), std::move(alpha), std::move(beta)}, "clip");
  }

  void add_attributes() {
    const Type text = Type::scalar(ElementType::string);
    std::string key(random_.below(6), ' ');
    for (char& c : key) c = static_cast<char>(random_.below(256));
    program_.attributes().push_back(
        {"buildInfo", Literal::dictionary(Type::dict(text, text), {{Literal::string(key), Literal::string("v")}})});
    const Type list = Type::list(Type::tuple({Type::tensor(ElementType::int32, {2}), text}), kUnknownDimension);
    const std::vector<int64_t> numbers = {number(1000), -number(1000)};
    const Literal tuple = Literal::items(list.arguments()[0], {Literal::int32_vector(numbers), Literal::string("a")});
    function_.attributes().push_back({"ranges", Literal::items(list, std::vector<Literal>(random_.below(3), tuple))});
  }

  RandomStream random_;
  Program program_;
  Function& function_;
  Builder builder_;
  std::vector<Value*> values_;
};

TEST(RoundTrip, RandomProgramsAreReadBackEqual) {
  for (uint64_t seed = 0; seed < 300; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const Program program = RandomProgram(seed).build();
    const Status verified = verify(program);
    ASSERT_TRUE(verified) << verified.error().message;
    const std::string text = print(program);
    const auto again = parse_program(text, "printed");
    ASSERT_TRUE(again) << again.error().message << "\n" << text;
    ASSERT_EQ(first_difference(program, *again), std::nullopt) << text;
    ASSERT_EQ(print(*again), text);
    const auto copy = clone(*program.functions()[0]);
    ASSERT_EQ(first_difference(*program.functions()[0], *copy), std::nullopt);
  }
}

TEST(RoundTrip, TheEngineStyleKeepsMeaningAndTypes) {
  for (uint64_t seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    const Program program = RandomProgram(seed).build();
    const std::string text = print(program, PrintStyle::engine());
    const auto again = parse_program(text, "printed");
    ASSERT_TRUE(again) << again.error().message;
    ASSERT_TRUE(verify(*again)) << verify(*again).error().message;
    ASSERT_EQ(print(*again, PrintStyle::engine()), text);
    const Function& function = *again->functions()[0];
    for (const auto& operation : function.block().operations()) {
      EXPECT_FALSE(operation->label().empty());
      for (const Operand& operand : operation->operands()) {
        for (const Argument& argument : operand.arguments) EXPECT_TRUE(std::holds_alternative<Value*>(argument));
      }
    }
  }
}

// One byte of a good program changed: refused or read, never a crash, and never a program that does not print back.
TEST(RoundTrip, ChangedTextIsRefusedOrRead) {
  const std::string text = print(RandomProgram(7).build());
  RandomStream random(8);
  for (int i = 0; i < 3000; ++i) {
    std::string changed = text;
    changed[random.below(changed.size())] = "(){}[]<>,;=?-\"0a \n"[random.below(18)];
    const ParseResult result = parse(changed);
    ASSERT_EQ(result.program.has_value(), result.diagnostics.empty());
    if (!result.program) continue;
    verify_all(*result.program);
    const auto again = parse_program(print(*result.program), "printed");
    ASSERT_TRUE(again) << again.error().message << "\n" << changed;
    ASSERT_EQ(first_difference(*result.program, *again), std::nullopt) << changed;
  }
}

}  // namespace
}  // namespace millwright::mil
