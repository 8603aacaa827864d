#include "train/model_choice.h"

#include <gtest/gtest.h>

#include "base/temporary_folder.h"
#include "model/weights.h"
#include "train/tiny_model.h"

namespace millwright::train {
namespace {

std::string choice_error(const TrainConfig& config) {
  const auto choice = choose_model(config);
  return choice ? "chosen" : choice.error().message;
}

TEST(ChooseModel, TakesAPresetAsItIs) {
  TrainConfig config;
  config.model = "stories15m";
  const auto choice = choose_model(config);
  ASSERT_TRUE(choice.has_value()) << choice.error().message;
  EXPECT_EQ(choice->config.dim, 288);
  EXPECT_EQ(choice->config.vocabulary_size, 32000);
  EXPECT_FALSE(choice->vocabulary_follows_tokenizer);
}

TEST(ChooseModel, TakesSizesOfTheUser) {
  TrainConfig config;
  config.model = "stories15m";
  config.dim = 64;
  config.heads = 4;
  config.layers = 2;
  const auto choice = choose_model(config);
  ASSERT_TRUE(choice.has_value()) << choice.error().message;
  EXPECT_EQ(choice->config.head_dim, 16);
  EXPECT_EQ(choice->config.kv_heads, 4);
  EXPECT_EQ(choice->config.layers, 2);
  EXPECT_TRUE(choice->vocabulary_follows_tokenizer);
  config.vocabulary = 500;
  EXPECT_FALSE(choose_model(config)->vocabulary_follows_tokenizer);
  EXPECT_EQ(choose_model(config)->config.vocabulary_size, 500);
}

TEST(ChooseModel, ReadsAConfigurationFileOrItsFolder) {
  const TemporaryFolder folder;
  ASSERT_TRUE(model::write_config(folder / "config.json", tiny_model()).has_value());
  TrainConfig config;
  config.model = (folder / "config.json").string();
  EXPECT_EQ(model::describe_difference(choose_model(config)->config, tiny_model()), "");
  config.model = folder.path().string();
  EXPECT_EQ(model::describe_difference(choose_model(config)->config, tiny_model()), "");
}

TEST(ChooseModel, NamesWhatDoesNotFit) {
  TrainConfig config;
  config.model = "stories260k";
  config.sequence = 1024;
  EXPECT_EQ(choice_error(config), "sequence: 1024 tokens are longer than the model's 512; use at most 512");
  config = {};
  config.dim = 100;
  config.heads = 3;
  EXPECT_EQ(choice_error(config), "model: dim 100 is not a multiple of heads 3; choose sizes that divide evenly");
  config = {};
  config.model = "storys15m";
  EXPECT_EQ(choice_error(config), "unknown model preset \"storys15m\"; did you mean stories15m?");
}

TEST(TokenizerSize, SuitsTheTextAndTheModel) {
  TrainConfig config;
  config.model = "stories260k";
  EXPECT_EQ(tokenizer_size_for(*choose_model(config), config, size_t{1} << 30), 512);
  config.model = "stories15m";
  EXPECT_EQ(tokenizer_size_for(*choose_model(config), config, 1000), 1024);
  config.vocabulary = 700;
  EXPECT_EQ(tokenizer_size_for(*choose_model(config), config, 1000), 700);
}

TEST(FitToTokenizer, SaysWhenRowsStayUnused) {
  TrainConfig config;
  config.model = "stories260k";
  std::string note;
  const auto model = fit_to_tokenizer(*choose_model(config), {"t.model", 500, 1, 2}, note);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(model->vocabulary_size, 512);
  EXPECT_EQ(note, "the tokenizer has 500 tokens, the model 512: 12 rows of the embedding stay unused");
}

TEST(FitToTokenizer, RefusesMoreTokensThanTheModelHas) {
  TrainConfig config;
  config.model = "stories260k";
  std::string note;
  const auto model = fit_to_tokenizer(*choose_model(config), {"t.model", 513, 1, 2}, note);
  ASSERT_FALSE(model.has_value());
  EXPECT_EQ(model.error().message,
            "t.model: has 513 tokens, but the model only 512; choose a smaller tokenizer or vocabulary 513");
}

TEST(FitToTokenizer, LetsACustomModelFollowTheTokenizer) {
  TrainConfig config;
  config.layers = 1;
  std::string note;
  const auto model = fit_to_tokenizer(*choose_model(config), {"t.model", 777, 4, -1}, note);
  ASSERT_TRUE(model.has_value()) << model.error().message;
  EXPECT_EQ(model->vocabulary_size, 777);
  EXPECT_EQ(model->bos_id, 4);
  EXPECT_EQ(note, "");
}

}  // namespace
}  // namespace millwright::train
