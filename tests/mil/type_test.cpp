#include "mil/type.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace millwright::mil {
namespace {

constexpr ElementType kAll[] = {ElementType::boolean,   ElementType::string,  ElementType::fp16,  ElementType::bf16,
                                ElementType::fp32,      ElementType::fp64,    ElementType::int4,  ElementType::int8,
                                ElementType::fp8e4m3fn, ElementType::fp8e5m2, ElementType::int16, ElementType::int32,
                                ElementType::int64,     ElementType::uint1,   ElementType::uint2, ElementType::uint3,
                                ElementType::uint4,     ElementType::uint6,   ElementType::uint8, ElementType::uint16,
                                ElementType::uint32,    ElementType::uint64};

TEST(Type, EveryElementTypeHasANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const ElementType element : kAll) {
    EXPECT_TRUE(names.insert(element_name(element)).second);
    EXPECT_EQ(element_from_name(element_name(element)), element);
  }
  EXPECT_EQ(names.size(), 22u);
  EXPECT_EQ(element_from_name("float"), std::nullopt);
  EXPECT_EQ(element_from_name(""), std::nullopt);
}

TEST(Type, ElementTypesKnowTheirWidthAndKind) {
  struct Case {
    ElementType element;
    size_t bytes;
    bool floating, integer, is_signed;
  };
  for (const Case& c : {Case{ElementType::boolean, 1, false, false, false},
                        {ElementType::string, 0, false, false, false},
                        {ElementType::fp16, 2, true, false, false},
                        {ElementType::bf16, 2, true, false, false},
                        {ElementType::fp32, 4, true, false, false},
                        {ElementType::fp64, 8, true, false, false},
                        {ElementType::fp8e5m2, 1, true, false, false},
                        {ElementType::int4, 1, false, true, true},
                        {ElementType::int64, 8, false, true, true},
                        {ElementType::uint1, 1, false, true, false},
                        {ElementType::uint16, 2, false, true, false},
                        {ElementType::uint64, 8, false, true, false}}) {
    EXPECT_EQ(element_bytes(c.element), c.bytes) << element_name(c.element);
    EXPECT_EQ(is_floating(c.element), c.floating) << element_name(c.element);
    EXPECT_EQ(is_integer(c.element), c.integer) << element_name(c.element);
    EXPECT_EQ(is_signed_integer(c.element), c.is_signed) << element_name(c.element);
  }
}

TEST(Type, ARankZeroTensorIsTheScalar) {
  EXPECT_EQ(Type::tensor(ElementType::fp16, {}), Type::scalar(ElementType::fp16));
  EXPECT_TRUE(Type::scalar(ElementType::fp16).is_scalar());
  EXPECT_FALSE(Type::tensor(ElementType::fp16, {1}).is_scalar());
  EXPECT_EQ(Type::scalar(ElementType::fp16).rank(), 0);
  EXPECT_EQ(Type::scalar(ElementType::fp16).count(), 1);
}

TEST(Type, TypesDifferInEveryPart) {
  const Type base = Type::tensor(ElementType::fp32, {2, 3});
  EXPECT_EQ(base, Type::tensor(ElementType::fp32, {2, 3}));
  EXPECT_FALSE(base == Type::tensor(ElementType::fp16, {2, 3}));
  EXPECT_FALSE(base == Type::tensor(ElementType::fp32, {3, 2}));
  EXPECT_FALSE(base == Type::tensor(ElementType::fp32, {2, kUnknownDimension}));
  EXPECT_FALSE(base == Type::state(base));
  EXPECT_EQ(Type::state(base), Type::state(base));
  EXPECT_FALSE(Type::list(base, 2) == Type::list(base, 3));
  EXPECT_FALSE(Type::tuple({base}) == Type::tuple({base, base}));
  EXPECT_FALSE(Type::dict(base, Type::scalar(ElementType::string)) ==
               Type::dict(Type::scalar(ElementType::string), base));
}

TEST(Type, TextIsTheSpellingOfMil) {
  const Type text = Type::scalar(ElementType::string);
  const Type tensor = Type::tensor(ElementType::int32, {1, kUnknownDimension});
  EXPECT_EQ(type_text(text), "string");
  EXPECT_EQ(type_text(tensor), "tensor<int32, [1, ?]>");
  EXPECT_EQ(type_text(Type::tuple({text, Type::dict(text, Type::list(tensor, kUnknownDimension))})),
            "tuple<string, dict<string, list<tensor<int32, [1, ?]>, ?>>>");
  EXPECT_EQ(type_text(Type::list(Type::state(tensor), 4)), "list<state<tensor<int32, [1, ?]>>, 4>");
  EXPECT_EQ(shape_text({}), "[]");
}

TEST(Type, CountsAndStridesFollowTheShape) {
  EXPECT_EQ(element_count({}), 1);
  EXPECT_EQ(element_count({2, 3, 4}), 24);
  EXPECT_EQ(element_count({2, 0, 4}), 0);
  EXPECT_EQ(contiguous_strides({2, 3, 4}), (std::vector<int64_t>{12, 4, 1}));
  EXPECT_EQ(Type::tensor(ElementType::fp16, {2, 3}).bytes(), 12);
  EXPECT_TRUE(is_static({2, 0}));
  EXPECT_FALSE(is_static({2, kUnknownDimension}));
}

TEST(TypeDeathTest, TheCountOfAnUnknownShapeIsABug) {
  EXPECT_DEATH(element_count({2, kUnknownDimension}), "dynamic shape \\[2, \\?\\]");
  EXPECT_DEATH(element_count({int64_t{1} << 40, int64_t{1} << 40}), "overflows");
}

TEST(Type, BroadcastingAlignsOnTheRightAndStretchesOnes) {
  const int64_t q = kUnknownDimension;
  struct Case {
    Shape a, b;
    std::optional<Shape> expected;
  };
  for (const Case& c : {Case{{2, 3}, {2, 3}, Shape{2, 3}},
                        {{2, 3}, {3}, Shape{2, 3}},
                        {{}, {4}, Shape{4}},
                        {{2, 1, 4}, {3, 1}, Shape{2, 3, 4}},
                        {{0}, {1}, Shape{0}},
                        {{2}, {3}, std::nullopt},
                        {{0}, {2}, std::nullopt},
                        {{2, 3}, {2}, std::nullopt},
                        {{q}, {5}, Shape{5}},
                        {{q}, {1}, Shape{q}},
                        {{q}, {q}, Shape{q}}}) {
    EXPECT_EQ(broadcast_shapes(c.a, c.b), c.expected) << shape_text(c.a) << shape_text(c.b);
    EXPECT_EQ(broadcast_shapes(c.b, c.a), c.expected) << shape_text(c.b) << shape_text(c.a);
  }
}

}  // namespace
}  // namespace millwright::mil
