#include "base/inline_vector.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace millwright {
namespace {

using Strings = InlineVector<std::string, 2>;

std::vector<std::string> listed(const Strings& strings) { return {strings.begin(), strings.end()}; }

// Longer than what std::string keeps inside, so that a lost or doubled destructor shows under the sanitizers.
std::string long_text(int number) { return std::string(40, 'a') + std::to_string(number); }

TEST(InlineVector, KeepsItsElementsWhenItGrowsOutOfItself) {
  Strings strings;
  std::vector<std::string> expected;
  for (int i = 0; i < 20; ++i) {
    strings.push_back(long_text(i));
    expected.push_back(long_text(i));
    EXPECT_EQ(listed(strings), expected);
  }
}

TEST(InlineVector, MovesElementsInsideAndOnTheHeap) {
  for (const int count : {0, 1, 2, 3, 9}) {
    Strings source;
    for (int i = 0; i < count; ++i) source.push_back(long_text(i));
    const std::vector<std::string> expected = listed(source);
    Strings target = std::move(source);
    EXPECT_EQ(listed(target), expected);
    Strings assigned{"before", "it", "was assigned"};
    assigned = std::move(target);
    EXPECT_EQ(listed(assigned), expected);
    assigned.push_back("more");
    EXPECT_EQ(assigned.size(), expected.size() + 1);
  }
}

TEST(InlineVector, CopiesAreApart) {
  for (const int count : {0, 1, 2, 3, 9}) {
    Strings source;
    for (int i = 0; i < count; ++i) source.push_back(long_text(i));
    Strings copy = source;
    source.push_back("later");
    EXPECT_EQ(copy.size(), static_cast<size_t>(count));
    copy = source;
    source.clear();
    EXPECT_EQ(copy.back(), "later");
  }
}

TEST(InlineVector, ErasesInOrder) {
  Strings strings{"a", "b", "c", "d"};
  strings.erase(strings.begin() + 1);
  EXPECT_EQ(listed(strings), (std::vector<std::string>{"a", "c", "d"}));
  strings.erase(strings.begin() + 2);
  EXPECT_EQ(listed(strings), (std::vector<std::string>{"a", "c"}));
  strings.erase(strings.begin());
  strings.erase(strings.begin());
  EXPECT_TRUE(strings.empty());
}

TEST(InlineVector, TakesAnElementOfItsOwnWhileItGrows) {
  Strings strings{long_text(0), long_text(1)};
  strings.push_back(strings[0]);
  EXPECT_EQ(strings.back(), long_text(0));
}

TEST(InlineVector, HoldsWhatCannotBeCopied) {
  InlineVector<std::unique_ptr<int>, 0> numbers;
  for (int i = 0; i < 5; ++i) numbers.push_back(std::make_unique<int>(i));
  EXPECT_EQ(*numbers.at(4), 4);
  InlineVector<std::unique_ptr<int>, 0> moved = std::move(numbers);
  EXPECT_EQ(*moved.front(), 0);
}

TEST(InlineVector, StopsBehindItsEnd) {
  const Strings strings{"a"};
  EXPECT_DEATH(strings.at(1), "element 1 of 1");
}

TEST(InlineVector, IsAsSmallAsItsPromise) {
  EXPECT_EQ(sizeof(InlineVector<void*, 1>), sizeof(void*) + 8);
  EXPECT_EQ(sizeof(InlineVector<std::string, 0>), sizeof(void*) + 8);
}

}  // namespace
}  // namespace millwright
