#include "runtime/parameter_store.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace millwright::runtime {
namespace {

const std::vector<ParameterSpecification> kTwo = {{"embedding", {5, 3}, true}, {"norm", {3}, false}};

TEST(ParameterStore, GivesEveryParameterZeroedMemoryOnACacheLine) {
  auto store = ParameterStore::create(kTwo, StoreContents::training);
  ASSERT_TRUE(store.has_value());
  for (size_t i = 0; i < 2; ++i) {
    for (const auto part : {store->master(i), store->gradient(i), store->first_moment(i), store->second_moment(i)}) {
      EXPECT_EQ(reinterpret_cast<uintptr_t>(part.data()) % 64, 0u);
      EXPECT_EQ(part.size(), i == 0 ? 15u : 3u);
      for (const float value : part) EXPECT_EQ(value, 0.0f);
    }
  }
}

TEST(ParameterStore, CountsElementsAndBytes) {
  const auto training = ParameterStore::create(kTwo, StoreContents::training);
  const auto weights = ParameterStore::create(kTwo, StoreContents::weights_only);
  EXPECT_EQ(training->parameter_count(), 18);
  EXPECT_EQ(weights->bytes(), 2 * 64);  // one cache line each
  EXPECT_EQ(training->bytes(), 4 * weights->bytes());
}

TEST(ParameterStore, FindsParametersByName) {
  const auto store = ParameterStore::create(kTwo, StoreContents::weights_only);
  EXPECT_EQ(store->find("norm"), 1u);
  EXPECT_EQ(store->find("nor"), std::nullopt);
  EXPECT_FALSE(store->entries()[1].decay);
}

TEST(ParameterStore, ShowsItsMemoryAsSurfaces) {
  auto store = ParameterStore::create(kTwo, StoreContents::training);
  device::Surface master = store->master_surface(0);
  master.as<float>()[14] = 2;
  store->gradient_surface(0).as<float>()[0] = 3;
  EXPECT_EQ(store->master(0)[14], 2.0f);
  EXPECT_EQ(store->gradient(0)[0], 3.0f);
  EXPECT_EQ(master.type().shape(), (mil::Shape{5, 3}));
}

TEST(ParameterStore, ForgetsGradientsAndMomentsButNotWeights) {
  auto store = ParameterStore::create(kTwo, StoreContents::training);
  store->master(1)[0] = 1;
  store->gradient(1)[0] = 2;
  store->first_moment(1)[0] = 3;
  store->second_moment(1)[0] = 4;
  store->clear_training_state();
  EXPECT_EQ(store->master(1)[0], 1.0f);
  EXPECT_EQ(store->gradient(1)[0], 0.0f);
  EXPECT_EQ(store->first_moment(1)[0], 0.0f);
  EXPECT_EQ(store->second_moment(1)[0], 0.0f);
}

}  // namespace
}  // namespace millwright::runtime
