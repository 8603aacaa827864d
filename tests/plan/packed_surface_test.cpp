#include "plan/packed_surface.h"

#include <gtest/gtest.h>

#include "device/functions.h"

namespace millwright::plan {
namespace {

class PackTest : public ::testing::Test {
 protected:
  const mil::Value* value(mil::Shape shape) { return builder_.input("v", device::fp32(std::move(shape))); }

  mil::Function function_{"main", "ios18"};
  mil::Builder builder_{function_};
};

TEST_F(PackTest, LaysChannelsOneBehindTheOther) {
  const mil::Value* heads = value({1, 4, 1, 8, 32});
  const mil::Value* row = value({1, 1, 1, 32});
  const mil::Value* stream = value({1, 16, 32});
  const auto surface = pack(std::vector{heads, row, stream}, "program");
  ASSERT_TRUE(surface.has_value()) << surface.error().message;
  EXPECT_EQ(mil::type_text(surface->type()), "tensor<fp16, [1, 49, 1, 32]>");
  EXPECT_EQ(surface->find(row)->first_channel, 32);
  EXPECT_EQ(surface->find(stream)->first_channel, 33);
  EXPECT_EQ(surface->find(stream)->channels, 16);
  EXPECT_EQ(surface->find(nullptr), nullptr);
}

TEST_F(PackTest, RefusesRowsOfDifferentLengths) {
  const auto surface = pack(std::vector{value({1, 4, 32}), value({1, 4, 64})}, "program");
  ASSERT_FALSE(surface.has_value());
  EXPECT_EQ(surface.error().message,
            "plan: v_0 is tensor<fp32, [1, 4, 64]>, which cannot share a surface of width 32 in program");
}

TEST_F(PackTest, RefusesRowsThatTheEngineWouldPad) {
  EXPECT_TRUE(pack(std::vector{value({1, 4, 96})}, "program").has_value());
  const auto surface = pack(std::vector{value({1, 4, 48})}, "program");
  ASSERT_FALSE(surface.has_value());
  EXPECT_EQ(
      surface.error().message,
      "plan: program: rows of 48 fp16 numbers do not fill whole multiples of 64 bytes, and no evaluation would take "
      "them (C30); use a sequence whose length is a multiple of 32");
}

}  // namespace
}  // namespace millwright::plan
