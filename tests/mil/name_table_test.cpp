#include "mil/name_table.h"

#include <gtest/gtest.h>

namespace millwright::mil {
namespace {

TEST(NameTable, FindsEveryValueByItsNameAndNothingElse) {
  constexpr int kValues = 5000;
  Function function("main", "ios18");
  NameTable<Value> names;
  EXPECT_EQ(names.find("v0", hash_text("v0")), nullptr);
  for (int i = 0; i < kValues; ++i) {
    names.insert(function.block().add_input(fmt::format("v{}", i), Type::scalar(ElementType::fp32)), i);
  }
  for (int i = 0; i < kValues; ++i) {
    const std::string name = fmt::format("v{}", i);
    const auto* entry = names.find(name, hash_text(name));
    ASSERT_NE(entry, nullptr) << name;
    EXPECT_EQ(entry->value, function.inputs()[static_cast<size_t>(i)].get());
    EXPECT_EQ(entry->line, static_cast<uint32_t>(i));
    EXPECT_EQ(names.find(name + "x", hash_text(name + "x")), nullptr);
  }
  names.clear();
  EXPECT_EQ(names.find("v0", hash_text("v0")), nullptr);
}

TEST(NameTable, TellsNamesOfOneHashApart) {
  Function function("main", "ios18");
  Value* const a = function.block().add_input(SharedText("a", 7), Type::scalar(ElementType::fp32));
  Value* const b = function.block().add_input(SharedText("b", 7), Type::scalar(ElementType::fp32));
  NameTable<Value> names;
  names.insert(a);
  names.insert(b);
  EXPECT_EQ(names.find("a", 7)->value, a);
  EXPECT_EQ(names.find("b", 7)->value, b);
  EXPECT_EQ(names.find("c", 7), nullptr);
}

}  // namespace
}  // namespace millwright::mil
