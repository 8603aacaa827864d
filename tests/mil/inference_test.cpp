// Type inference of every operation of the registry: right types in programs/types, wrong uses in programs/types_wrong.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "mil/parser.h"
#include "mil/program_files.h"
#include "mil/registry.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

Program parsed(const testing::ProgramFile& file) {
  auto program = parse_program(file.text, file.path.filename().string());
  EXPECT_TRUE(program) << program.error().message;
  return program ? std::move(*program) : Program();
}

TEST(Inference, GivesTheTypesWorkedOutByHand) {
  for (const auto& file : testing::program_files("types")) {
    const Program program = parsed(file);
    ASSERT_FALSE(program.functions().empty()) << file.path;
    for (const auto& operation : program.functions()[0]->block().operations()) {
      const auto types = infer_types(*operation);
      ASSERT_TRUE(types) << types.error().message;
      ASSERT_EQ(types->size(), operation->results().size()) << describe(*operation);
      for (size_t i = 0; i < types->size(); ++i) {
        EXPECT_EQ(type_text((*types)[i]), type_text(operation->result(i)->type())) << describe(*operation);
      }
    }
    EXPECT_TRUE(verify(program)) << verify(program).error().message;
  }
}

TEST(Inference, RefusesWrongUsesWithAReason) {
  for (const auto& file : testing::program_files("types_wrong")) {
    const Program program = parsed(file);
    std::string found;
    for (const Diagnostic& diagnostic : verify_all(program)) found += diagnostic.message + "\n";
    EXPECT_EQ(found, file.beside(".errors")) << file.path;
  }
}

std::set<std::string> kinds_in(std::string_view folder) {
  std::set<std::string> kinds;
  for (const auto& file : testing::program_files(folder)) {
    const Program program = parsed(file);
    if (program.functions().empty()) continue;
    for (const auto& operation : program.functions()[0]->block().operations()) kinds.insert(operation->kind());
  }
  return kinds;
}

// A new operation needs a right and a wrong use in these folders.
TEST(Inference, EveryOperationOfTheRegistryIsTried) {
  const std::set<std::string> right = kinds_in("types");
  const std::set<std::string> wrong = kinds_in("types_wrong");
  for (const OperationDefinition& definition : all_definitions()) {
    EXPECT_TRUE(right.contains(std::string(definition.name))) << definition.name << " in programs/types";
    // The parser refuses a const without a value before its type is asked for.
    EXPECT_TRUE(definition.name == "const" || wrong.contains(std::string(definition.name)))
        << definition.name << " in programs/types_wrong";
  }
}

// Every statement of programs/types, with one required operand taken away.
TEST(Inference, MissesEveryRequiredParameter) {
  for (const auto& file : testing::program_files("types")) {
    Program program = parsed(file);
    if (program.functions().empty()) continue;
    for (const auto& operation : program.functions()[0]->block().operations()) {
      for (const ParameterDefinition& parameter : operation->definition()->parameters) {
        const Operand* operand = operation->find_operand(parameter.name);
        if (!parameter.required || operand == nullptr) continue;
        const Operand kept = *operand;
        operation->remove_operand(parameter.name);
        const auto types = infer_types(*operation);
        ASSERT_FALSE(types) << describe(*operation) << " without " << parameter.name;
        EXPECT_EQ(types.error().message,
                  fmt::format("{}: the parameter {} is missing", describe(*operation), parameter.name));
        operation->add_operand(kept);
      }
    }
  }
}

Literal with_every_element(const Literal& literal, int64_t value) {
  const auto [lowest, highest] = integer_range(literal.type().element());
  const auto count = static_cast<size_t>(literal.type().count());
  std::vector<std::byte> bytes(count * element_bytes(literal.type().element()));
  for (size_t i = 0; i < count; ++i) {
    store_integer(literal.type().element(), std::clamp(value, lowest, highest),
                  bytes.data() + i * element_bytes(literal.type().element()));
  }
  return Literal::bytes(literal.type(), std::move(bytes));
}

// Every integer constant of programs/types in turn becomes an extreme one. Rules may refuse it, but must answer, and
// what they answer are sizes of tensors.
TEST(Inference, AnswersForEveryExtremeInteger) {
  constexpr int64_t kExtremes[] = {INT64_MIN, INT32_MIN, -2, -1, 0, 1, 2, 3, 7, INT32_MAX, INT64_MAX};
  for (const auto& file : testing::program_files("types")) {
    Program program = parsed(file);
    if (program.functions().empty()) continue;
    for (const auto& operation : program.functions()[0]->block().operations()) {
      for (const ParameterDefinition& parameter : operation->definition()->parameters) {
        const Operand* operand = operation->find_operand(parameter.name);
        if (operand == nullptr || operand->arguments.size() != 1) continue;
        const Literal* literal = std::get_if<Literal>(&operand->arguments[0]);
        if (literal == nullptr || !literal->type().is_tensor() || !is_integer(literal->type().element())) continue;
        const Operand kept = *operand;
        for (const int64_t extreme : kExtremes) {
          operation->remove_operand(parameter.name);
          operation->add_operand(
              {kept.name, {with_every_element(*std::get_if<Literal>(&kept.arguments[0]), extreme)}, kept.is_list});
          const auto types = infer_types(*operation);
          for (size_t i = 0; types && i < types->size(); ++i) {
            if (!(*types)[i].is_tensor()) continue;
            for (const int64_t size : (*types)[i].shape()) {
              EXPECT_GE(size, kUnknownDimension) << describe(*operation) << " with " << extreme;
            }
          }
        }
        operation->remove_operand(parameter.name);
        operation->add_operand(kept);
      }
    }
  }
}

// Every tensor operand of programs/types in turn takes types of other ranks and sizes.
TEST(Inference, AnswersForEveryTypeOfOperand) {
  const Shape shapes[] = {
      {},           {0},           {1},          {kUnknownDimension}, {INT32_MAX},
      {0, 0},       {3, -1},       {2, 1, 4},    {-1, -1, -1},        {INT32_MAX, INT32_MAX, INT32_MAX},
      {0, 1, 2, 0}, {-1, 2, 3, 4}, {1, 1, 1, 1}, {4, -1, 4, 4, 4},    {1, 2, 3, 4, 5, 6}};
  for (const auto& file : testing::program_files("types")) {
    Program program = parsed(file);
    if (program.functions().empty()) continue;
    Block& block = program.functions()[0]->block();
    std::vector<Value*> values;
    for (const Shape& shape : shapes) {
      for (const ElementType element : {ElementType::fp32, ElementType::int32, ElementType::boolean}) {
        values.push_back(block.add_input(fmt::format("operand_{}", values.size()), Type::tensor(element, shape)));
      }
    }
    values.push_back(block.add_input("listed", Type::list(Type::scalar(ElementType::string), kUnknownDimension)));
    values.push_back(block.add_input("stateful", Type::state(Type::tensor(ElementType::fp16, {kUnknownDimension}))));
    for (const auto& operation : block.operations()) {
      for (const ParameterDefinition& parameter : operation->definition()->parameters) {
        const Operand* operand = operation->find_operand(parameter.name);
        if (operand == nullptr) continue;
        const Operand kept = *operand;
        for (Value* value : values) {
          operation->remove_operand(parameter.name);
          Operand changed = kept;
          changed.arguments.back() = value;
          operation->add_operand(changed);
          const auto types = infer_types(*operation);
          for (size_t i = 0; types && i < types->size(); ++i) {
            if (!(*types)[i].is_tensor()) continue;
            for (const int64_t size : (*types)[i].shape()) EXPECT_GE(size, kUnknownDimension) << describe(*operation);
          }
        }
        operation->remove_operand(parameter.name);
        operation->add_operand(kept);
      }
    }
  }
}

// A list where one value belongs, and one value of a type that no parameter takes.
TEST(Inference, RefusesArgumentsOfTheWrongForm) {
  for (const auto& file : testing::program_files("types")) {
    Program program = parsed(file);
    if (program.functions().empty()) continue;
    for (const auto& operation : program.functions()[0]->block().operations()) {
      for (const ParameterDefinition& parameter : operation->definition()->parameters) {
        const Operand* operand = operation->find_operand(parameter.name);
        if (operand == nullptr) continue;
        const Operand kept = *operand;
        operation->remove_operand(parameter.name);
        Operand wrong = kept;
        wrong.arguments.clear();
        operation->add_operand(wrong);
        EXPECT_FALSE(infer_types(*operation)) << describe(*operation) << " with nothing as " << parameter.name;
        operation->remove_operand(parameter.name);
        wrong.arguments = {Literal::strings(Type::tensor(ElementType::string, {2}), {"a", "b"})};
        operation->add_operand(wrong);
        EXPECT_FALSE(infer_types(*operation)) << describe(*operation) << " with strings as " << parameter.name;
        operation->remove_operand(parameter.name);
        operation->add_operand(kept);
      }
    }
  }
}

}  // namespace
}  // namespace millwright::mil
