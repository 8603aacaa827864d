#include "mil/shared_text.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <thread>
#include <unordered_set>
#include <vector>

#include "mil/literal.h"
#include "mil/type.h"

namespace millwright::mil {
namespace {

TEST(SharedText, ComparesWithEveryKindOfText) {
  const SharedText text("layers_0_weight");
  EXPECT_EQ(text, "layers_0_weight");
  EXPECT_EQ(text, std::string("layers_0_weight"));
  EXPECT_EQ(text, std::string_view("layers_0_weight"));
  EXPECT_EQ(text, SharedText("layers_0_weight"));
  EXPECT_NE(text, SharedText("layers_0_weighs"));
  EXPECT_NE(text, "layers_0_weight_");
  EXPECT_LT(SharedText("a"), SharedText("b"));
  EXPECT_EQ("a_" + text + "_b", "a_layers_0_weight_b");
}

TEST(SharedText, TheEmptyTextIsOne) {
  EXPECT_EQ(SharedText(), SharedText(""));
  EXPECT_EQ(SharedText().hash(), hash_text(""));
  EXPECT_TRUE(SharedText("").view().empty());
}

TEST(SharedText, CopiesShareTheCharacters) {
  const SharedText first("a text that is longer than a string keeps inside");
  SharedText second = first;
  EXPECT_EQ(first.data(), second.data());
  const SharedText third = std::move(second);
  EXPECT_EQ(first.data(), third.data());
  EXPECT_TRUE(second.empty());
  second = third;
  EXPECT_EQ(second, first);
}

TEST(SharedText, KeepsBytesOfAnyValue) {
  const std::string bytes("\0\xff\n\0", 4);
  EXPECT_EQ(SharedText(bytes).view(), bytes);
}

TEST(SharedText, HashesOfTextsThatDifferInOneByteDiffer) {
  for (const size_t size : {1u, 3u, 4u, 7u, 8u, 9u, 15u, 16u, 31u}) {
    std::set<uint32_t> hashes;
    std::string text(size, 'a');
    hashes.insert(hash_text(text));
    for (char& c : text) {
      c = 'b';
      hashes.insert(hash_text(text));
      c = 'a';
    }
    EXPECT_EQ(hashes.size(), size + 1) << size;
  }
}

TEST(SharedText, StandsInContainersOfTexts) {
  std::map<std::string, int> by_name;
  by_name[SharedText("a")] = 1;
  EXPECT_EQ(by_name.count("a"), 1u);
  const std::vector<SharedText> texts = {"x", "y"};
  EXPECT_EQ(std::ranges::find(texts, std::string_view("y")) - texts.begin(), 1);
  EXPECT_EQ((std::unordered_set<SharedText>{"x", "x", "y"}.size()), 2u);
  EXPECT_EQ(fmt::format("{:>3}", texts[0]), "  x");
}

// The thread sanitizer looks at the counts here.
TEST(SharedText, CopiesOfTextsTypesAndLiteralsMayLiveInDifferentThreads) {
  const SharedText text("shared between threads");
  const Type type = Type::list(Type::tensor(ElementType::fp16, {2, 3}), 4);
  const std::vector<Literal> literals = {Literal::string(text), Literal::int32(1),
                                         Literal::splat(Type::tensor(ElementType::fp32, {8}), 1),
                                         Literal::splat(Type::tensor(ElementType::fp32, {2048}), 2),
                                         Literal::blob(Type::tensor(ElementType::fp16, {4}), {text, 64})};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int round = 0; round < 1000; ++round) {
        const SharedText copy = text;
        const Type same = type;
        const std::vector<Literal> copies = literals;
        EXPECT_EQ(copy, text);
        EXPECT_EQ(same, type);
        EXPECT_EQ(copies, literals);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
}

}  // namespace
}  // namespace millwright::mil
