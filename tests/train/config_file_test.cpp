#include "train/config_file.h"

#include <gtest/gtest.h>

#include "base/temporary_folder.h"

namespace millwright::train {
namespace {

std::string parse_error(std::string_view text) {
  TrainConfig config;
  const Status status = parse_config(text, "run.toml", config);
  return status ? "parsed" : status.error().message;
}

TEST(ConfigFile, GivesBackEverySettingThatItWrote) {
  TrainConfig config;
  config.model = "a \"quoted\" \\ name\n\x01";
  config.data = {"first file.txt", "zweite-ähnliche.txt"};
  config.learning_rate = 0.1 + 0.2;  // needs all 17 digits
  config.epsilon = 1e-12;
  config.clip = 3;  // an integral float
  config.seed = 9007199254740991;
  config.profile = true;
  TrainConfig read;
  const Status status = parse_config(config_text(config), "run.toml", read);
  ASSERT_TRUE(status.has_value()) << status.error().message;
  EXPECT_EQ(read, config);
}

TEST(ConfigFile, KeepsSettingsThatAreNotNamed) {
  TrainConfig config;
  config.batch = 3;
  ASSERT_TRUE(parse_config("steps = 10\nlearning_rate = 1\n", "run.toml", config).has_value());
  EXPECT_EQ(config.batch, 3);
  EXPECT_EQ(config.steps, 10);
  EXPECT_EQ(config.learning_rate, 1.0);
}

TEST(ConfigFile, ChangesNothingWhenItIsWrong) {
  TrainConfig config;
  EXPECT_FALSE(parse_config("batch = 4\nsteps = \"ten\"\n", "run.toml", config).has_value());
  EXPECT_EQ(config, TrainConfig{});
}

TEST(ConfigFile, NamesTheKeyNearestToAnUnknownOne) {
  EXPECT_EQ(parse_error("steps = 10\nlearningrate = 0.1\n"),
            "run.toml:2:1: unknown key \"learningrate\"; did you mean \"learning_rate\"?");
  EXPECT_EQ(parse_error("optimizer = 0.9\n"),
            "run.toml:1:1: unknown key \"optimizer\"; the keys are the options of millwright train, with _ for -");
}

TEST(ConfigFile, LocatesValuesOfTheWrongKind) {
  EXPECT_EQ(parse_error("batch = \"8\""), "run.toml:1:9: \"batch\": expected an integer, found a string");
  EXPECT_EQ(parse_error("\n  batch = 8.5"), "run.toml:2:11: \"batch\": expected an integer, found a number");
  EXPECT_EQ(parse_error("clip = true"), "run.toml:1:8: \"clip\": expected a number, found true or false");
  EXPECT_EQ(parse_error("data = \"book.txt\""), "run.toml:1:8: \"data\": expected a list of strings, found a string");
  EXPECT_EQ(parse_error("data = [\"a\", 2]"), "run.toml:1:8: \"data\": expected a list of strings, found a list");
  EXPECT_EQ(parse_error("profile = 1"), "run.toml:1:11: \"profile\": expected true or false, found an integer");
  EXPECT_EQ(parse_error("out = 2026-01-01"), "run.toml:1:7: \"out\": expected a string, found a date or time");
}

TEST(ConfigFile, LocatesValuesOutOfRange) {
  EXPECT_EQ(parse_error("batch = 0"), "run.toml:1:9: \"batch\": expected 1 to 65536, found 0");
  EXPECT_EQ(parse_error("beta1 = inf"), "run.toml:1:9: \"beta1\": expected 0 to 0.9999999, found inf");
}

TEST(ConfigFile, LocatesTextThatIsNotToml) {
  EXPECT_EQ(parse_error("steps = 10\nbatch = = 3\n").substr(0, 32), "run.toml:2:9: not valid TOML: Er");
  EXPECT_EQ(parse_error("clip = n\n").find('\n'), std::string::npos);
  EXPECT_NE(parse_error("batch = 1\nbatch = 2\n").find("run.toml:2:"), std::string::npos);
}

TEST(ConfigFile, RefusesCharactersOutsideAsciiThatAreNotQuoted) {
  const std::string error = "not valid: a character outside ASCII needs quotation marks around it";
  EXPECT_EQ(parse_error("batch = 8\nlearning_rate = 1e-3\u00ce\n"), "run.toml:2:21: " + error);
  EXPECT_EQ(parse_error("\u00fcber = 1"), "run.toml:1:1: " + error);
  EXPECT_EQ(parse_error("out = \"\\\"\"\u00ce"), "run.toml:1:11: " + error);
  EXPECT_EQ(parse_error("out = \"\u00ce\\\"\u00ce\" # \u00ce\ndata = ['\u00ce', \"\"]\n"), "parsed");
  EXPECT_EQ(parse_error("out = \"\"\"a\"\"\""), "run.toml:1:7: not valid: run.toml has no strings of several lines");
  EXPECT_EQ(parse_error("model = 0\"\u00ce\""), "run.toml:1:10: not valid: a quotation mark inside a word");
  EXPECT_EQ(parse_error("\xef\xbb\xbf\"out\" = 'x'"), "parsed");
  EXPECT_EQ(parse_error("\xef\xbb\xbfout = 'x'"), "parsed");
}

TEST(ConfigFile, RefusesTables) {
  EXPECT_EQ(parse_error("batch = 4\n  [optimizer]\nbeta1 = 0.9\n"),
            "run.toml:2:3: not valid: run.toml has no [tables], only keys");
  EXPECT_EQ(parse_error("batch = {}"), "run.toml:1:9: not valid: run.toml has no {tables}, only keys");
  EXPECT_EQ(parse_error("data = [[]]"), "run.toml:1:9: not valid: run.toml has no lists in lists");
  EXPECT_EQ(parse_error("[[[["), "run.toml:1:1: not valid: run.toml has no [tables], only keys");
  EXPECT_EQ(parse_error("data = [\n  \"a\",\n]  # [b]\n"), "parsed");
}

TEST(ConfigFile, RefusesKeysWithDotsHoweverDeep) {
  const std::string error = "not valid: run.toml has no keys with dots";
  EXPECT_EQ(parse_error("batch = 4\nbeta1.x = 0.9\n"), "run.toml:2:6: " + error);
  EXPECT_EQ(parse_error("\"a\" . b = 1"), "run.toml:1:5: " + error);
  std::string deep = "a";
  for (int i = 0; i < 100'000; ++i) deep += ".a";
  EXPECT_EQ(parse_error(deep + " = 1"), "run.toml:1:2: " + error);
  EXPECT_EQ(parse_error("beta1 = 0.9 # a.b\ndata = [\n  \"a.b\",\n]\n\"out\" = 'c.d'\n"), "parsed");
}

TEST(ConfigFile, NamesAFileThatIsNotThere) {
  const TemporaryFolder folder;
  TrainConfig config;
  const Status status = read_config_file(folder / "run.toml", config);
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().kind, ErrorKind::io);
  EXPECT_EQ(status.error().message,
            "cannot open " + (folder / "run.toml").string() + ": No such file or directory; check the path");
}

}  // namespace
}  // namespace millwright::train
