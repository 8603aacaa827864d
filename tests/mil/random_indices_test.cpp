#include "mil/random_indices.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "mil/parser.h"
#include "mil/verifier.h"

namespace millwright::mil {
namespace {

std::optional<int64_t> bound(const std::string& inputs, const std::string& body, const std::string& result) {
  auto program =
      parse_program("program(1.3) { func main<ios17>(" + inputs + ") {\n" + body + "} -> (" + result + "); }", "test");
  EXPECT_TRUE(program) << program.error().message;
  EXPECT_TRUE(verify(*program)) << verify(*program).error().message;
  return index_bound(*program->functions()[0]->inputs()[0]);
}

constexpr const char* kIds = "tensor<int32, [1, 2]> ids, tensor<fp16, [50, 4]> table";

TEST(RandomIndices, AreBoundedByTheAxisTheyChooseFrom) {
  EXPECT_EQ(bound(kIds, "tensor<fp16, [1, 2, 4]> y = gather(x = table, indices = ids, axis = int32(0));\n", "y"), 50);
  EXPECT_EQ(bound(kIds, "tensor<fp16, [50, 1, 2]> y = gather(x = table, indices = ids, axis = int32(-1));\n", "y"), 4);
  EXPECT_EQ(bound(kIds, "tensor<fp16, [1]> y = gather_nd(x = table, indices = ids);\n", "y"), 4);
  EXPECT_EQ(bound(kIds,
                  "tensor<fp16, [1, 2, 7]> y = one_hot(indices = ids, one_hot_vector_size = int32(7), on_value = "
                  "fp16(1), off_value = fp16(0));\n",
                  "y"),
            7);
}

TEST(RandomIndices, AreBoundedBehindMovesAndCasts) {
  EXPECT_EQ(bound("tensor<fp32, [2, 1]> ids, tensor<fp16, [50, 4]> table",
                  "tensor<int32, [2, 1]> whole = cast(x = ids, dtype = string(\"int32\"));\n"
                  "tensor<int32, [1, 2]> turned = transpose(x = whole, perm = tensor<int32, [2]>([1, 0]));\n"
                  "tensor<bool, [1, 2]> fine = greater_equal(x = turned, y = int32(0));\n"
                  "tensor<int32, [1, 2]> up = add(x = turned, y = int32(50));\n"
                  "tensor<int32, [1, 2]> chosen = select(cond = fine, a = turned, b = up);\n"
                  "tensor<fp16, [1, 2, 4]> y = gather(x = table, indices = chosen, axis = int32(0));\n",
                  "y"),
            50);
}

TEST(RandomIndices, AreBoundedByTheSmallestOfSeveral) {
  EXPECT_EQ(bound("tensor<int32, [2]> ids, tensor<fp16, [50, 4]> a, tensor<fp16, [9, 4]> b",
                  "tensor<fp16, [2, 4]> p = gather(x = a, indices = ids, axis = int32(0));\n"
                  "tensor<fp16, [2, 4]> q = gather(x = b, indices = ids, axis = int32(0));\n"
                  "tensor<fp16, [2, 4]> y = add(x = p, y = q);\n",
                  "y"),
            9);
}

TEST(RandomIndices, KnowNothingOfOtherUses) {
  EXPECT_EQ(bound(kIds, "tensor<int32, [1, 2]> y = add(x = ids, y = ids);\n", "y"), std::nullopt);
  EXPECT_EQ(bound("tensor<int32, [1, 2]> ids, tensor<fp16, [?, 4]> table",
                  "tensor<fp16, [1, 2, 4]> y = gather(x = table, indices = ids, axis = int32(0));\n", "y"),
            std::nullopt);
}

TEST(RandomIndices, FillTheirRangeAndNoMore) {
  const Literal indices = random_indices(Type::tensor(ElementType::int32, {1000}), 5, 1, 2);
  const std::vector<int64_t> values = indices.as_integers();
  EXPECT_EQ(*std::ranges::min_element(values), 0);
  EXPECT_EQ(*std::ranges::max_element(values), 4);
  EXPECT_EQ(indices, random_indices(Type::tensor(ElementType::int32, {1000}), 5, 1, 2));
  EXPECT_FALSE(indices == random_indices(Type::tensor(ElementType::int32, {1000}), 5, 1, 3));
  for (const double number : random_indices(Type::tensor(ElementType::fp16, {1000}), 1 << 20, 1, 2).as_numbers()) {
    EXPECT_GE(number, 0);
    EXPECT_LT(number, 2048);
  }
  for (const int64_t value : random_indices(Type::tensor(ElementType::int8, {1000}), 50'000, 1, 2).as_integers()) {
    EXPECT_GE(value, 0);
  }
}

}  // namespace
}  // namespace millwright::mil
