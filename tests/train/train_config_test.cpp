#include "train/train_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace millwright::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string set_error(std::string_view key, std::string_view text) {
  TrainConfig config;
  const Status status = set_from_text(config, *find_setting(key), text);
  return status ? "set" : status.error().message;
}

TrainConfig valid_config() {
  TrainConfig config;
  config.data = {"book.txt"};
  return config;
}

TEST(Settings, HaveDistinctKeysAndHelp) {
  std::set<std::string_view> keys;
  for (const Setting& setting : settings()) {
    EXPECT_TRUE(keys.insert(setting.key).second) << setting.key;
    EXPECT_FALSE(setting.help.empty()) << setting.key;
    EXPECT_FALSE(setting.group.empty()) << setting.key;
  }
}

TEST(Settings, DefaultsAreInsideTheirRanges) { EXPECT_TRUE(validate(valid_config()).has_value()); }

TEST(Settings, GiveFlagsAndDefaultTexts) {
  const Setting* setting = find_setting("learning_rate");
  ASSERT_NE(setting, nullptr);
  EXPECT_EQ(flag_name(*setting), "--learning-rate");
  EXPECT_EQ(default_text(*setting), "0.001");
  EXPECT_EQ(default_text(*find_setting("clip")), "1.0");
  EXPECT_EQ(default_text(*find_setting("data")), "[]");
  EXPECT_EQ(default_text(*find_setting("device")), "\"cpu\"");
  EXPECT_EQ(default_text(*find_setting("profile")), "false");
  EXPECT_EQ(find_setting("learning-rate"), nullptr);
}

TEST(Settings, AreFoundByTheNearestSpelling) {
  EXPECT_EQ(nearest_key("learning_rat"), "learning_rate");
  EXPECT_EQ(nearest_key("bach"), "batch");
  EXPECT_EQ(nearest_key("weightdecay"), "weight_decay");
  EXPECT_EQ(nearest_key("optimizer"), "");
}

TEST(SetFromText, ReadsEveryKindOfValue) {
  TrainConfig config;
  EXPECT_TRUE(set_from_text(config, *find_setting("batch"), "16").has_value());
  EXPECT_TRUE(set_from_text(config, *find_setting("learning_rate"), "3e-4").has_value());
  EXPECT_TRUE(set_from_text(config, *find_setting("model"), "stories15m").has_value());
  EXPECT_TRUE(set_from_text(config, *find_setting("profile"), "true").has_value());
  EXPECT_TRUE(set_from_text(config, *find_setting("data"), "a.txt").has_value());
  EXPECT_EQ(config.batch, 16);
  EXPECT_EQ(config.learning_rate, 3e-4);
  EXPECT_EQ(config.model, "stories15m");
  EXPECT_TRUE(config.profile);
  EXPECT_THAT(config.data, ElementsAre("a.txt"));
  set_list(config, *find_setting("data"), {"b.txt", "c.txt"});
  EXPECT_THAT(config.data, ElementsAre("b.txt", "c.txt"));
}

TEST(SetFromText, NamesTheFlagAndWhatWasExpected) {
  EXPECT_EQ(set_error("batch", "many"), "--batch: expected an integer, found \"many\"");
  EXPECT_EQ(set_error("batch", "0"), "--batch: expected 1 to 65536, found 0");
  EXPECT_EQ(set_error("batch", "99999999999999999999"),
            "--batch: expected an integer of at most 63 bits, found 99999999999999999999");
  EXPECT_EQ(set_error("learning_rate", ""), "--learning-rate: expected a number, found \"\"");
  EXPECT_EQ(set_error("learning_rate", "nan"), "--learning-rate: expected 0 to 1000, found nan");
  EXPECT_EQ(set_error("beta1", "1"), "--beta1: expected 0 to 0.9999999, found 1");
  EXPECT_EQ(set_error("profile", "yes"), "--profile: expected true or false, found \"yes\"");
}

TEST(ValidateConfig, NamesTheKeyThatIsWrong) {
  TrainConfig config = valid_config();
  config.accumulate = 0;
  EXPECT_EQ(validate(config).error().message, "accumulate: expected 1 to 65536, found 0");
  config = valid_config();
  config.data.clear();
  EXPECT_EQ(validate(config).error().message, "data: no text given; name at least one file or folder");
  config = valid_config();
  config.model.clear();
  EXPECT_EQ(validate(config).error().message,
            "model: expected a preset's name or the path of a config.json, found \"\"");
}

TEST(DescribeDifference, NamesSettingsThatChangeWhatIsLearned) {
  const TrainConfig there = valid_config();
  TrainConfig here = there;
  here.keep_last = 9;  // bookkeeping only
  here.threads = 7;
  EXPECT_EQ(describe_difference(there, here), "");
  here.learning_rate = 5e-4;
  here.data = {"other.txt"};
  EXPECT_EQ(describe_difference(there, here),
            "data is [\"book.txt\"] there and [\"other.txt\"] here, learning_rate is 0.001 there and 0.0005 here");
}

TEST(SettingsMarkdown, HasARowPerSetting) {
  const std::string text = settings_markdown();
  for (const Setting& setting : settings()) EXPECT_THAT(text, HasSubstr("| `" + std::string(setting.key) + "` |"));
  EXPECT_THAT(text, HasSubstr("| `batch` | `--batch N` | `8` | sequences per step |\n"));
}

}  // namespace
}  // namespace millwright::train
