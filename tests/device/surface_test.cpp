#include "device/surface.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <utility>

namespace millwright::device {
namespace {

using mil::ElementType;
using mil::Type;

TEST(Surface, AllocatesZeroedMemoryOnACacheLine) {
  auto surface = Surface::allocate(Type::tensor(ElementType::fp16, {3, 5}));
  ASSERT_TRUE(surface.has_value());
  EXPECT_EQ(surface->bytes(), 30u);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(surface->data()) % 64, 0u);
  for (const uint16_t element : surface->as<uint16_t>()) EXPECT_EQ(element, 0);
}

TEST(Surface, LooksAtMemoryOwnedElsewhere) {
  alignas(64) float memory[16] = {};
  Surface surface = Surface::view(Type::tensor(ElementType::fp32, {2, 3}), memory);
  surface.as<float>()[5] = 7;
  EXPECT_EQ(memory[5], 7);
  EXPECT_EQ(surface.as<float>().size(), 6u);
}

TEST(Surface, KeepsItsMemoryWhenMoved) {
  auto surface = Surface::allocate(Type::tensor(ElementType::fp32, {4}));
  ASSERT_TRUE(surface.has_value());
  const std::byte* data = surface->data();
  const Surface moved = std::move(*surface);
  EXPECT_EQ(moved.data(), data);
}

TEST(Surface, RefusesTypesWithoutAFixedSize) {
  const auto unknown = Surface::allocate(Type::tensor(ElementType::fp32, {mil::kUnknownDimension, 2}));
  ASSERT_FALSE(unknown.has_value());
  EXPECT_EQ(unknown.error().message, "surface: expected a numeric tensor of known shape, found tensor<fp32, [?, 2]>");
  EXPECT_FALSE(Surface::allocate(Type::scalar(ElementType::string)).has_value());
}

}  // namespace
}  // namespace millwright::device
