// What commands print: JSON that parses, text that tokenizes back, and what happens when nobody can read it.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "apps/tiny_run.h"
#include "base/json.h"

namespace millwright::app {
namespace {

Json json_of(const Arguments& arguments) {
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  auto json = parse_json(outcome.out, "standard output");
  EXPECT_TRUE(json) << outcome.out;
  return json ? *json : Json();
}

class Output : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return tiny_.path(name); }
  TinyRun tiny_;
};

TEST_F(Output, OfTrainingIsASummaryAsJson) {
  Arguments arguments = tiny_.train("run");
  arguments.emplace_back("--json");
  const Json summary = json_of(arguments);
  EXPECT_EQ(summary["updates"], 12);
  EXPECT_EQ(summary["interrupted"], false);
  EXPECT_EQ(summary["run"], path("run"));
  EXPECT_EQ(summary["tokens"], 12 * 2 * 16);
  EXPECT_TRUE(std::filesystem::exists(summary["checkpoint"].get<std::string>()));
}

TEST_F(Output, OfTrainingIsSilentWhenQuiet) {
  const Outcome outcome = run(tiny_.train("run", {"--quiet"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST_F(Output, OfTrainingEndsWithWhereThingsAre) {
  const std::string line = fmt::format(
      "{0}: update 12 of 12 done; the model is {0}/checkpoints/update-000012, the loss curve {0}/report.html",
      path("run"));
  EXPECT_EQ(last_line(run(tiny_.train("run")).err), line);
  EXPECT_EQ(run({"train", "--resume", path("run")}).err, line + "\n");  // nothing left to do
}

TEST_F(Output, OfEvaluationIsJson) {
  tiny_.train_successfully("run");
  const Json evaluation = json_of({"eval", "--model", path("run"), "--data", path("text.txt"), "--json"});
  EXPECT_NEAR(std::log(evaluation["perplexity"].get<double>()), evaluation["loss"].get<double>(), 1e-9);
  EXPECT_GT(evaluation["tokens"].get<int64_t>(), 0);
}

TEST_F(Output, OfGenerationIsTheSameTextInBothForms) {
  tiny_.train_successfully("run");
  const Arguments arguments = {"generate", "--model", path("run"), "--prompt", "the sea", "--tokens", "20"};
  const Outcome plain = run(arguments);
  EXPECT_EQ(plain.exit_code, 0) << plain.err;
  Arguments with_json = arguments;
  with_json.insert(with_json.end(), {"--json", "--words-of", path("text.txt")});
  const Json generation = json_of(with_json);
  EXPECT_EQ(plain.out, "the sea" + generation["text"].get<std::string>() + "\n");
  EXPECT_EQ(generation["prompt"], "the sea");
  EXPECT_LE(generation["tokens"].size(), 20u);
  EXPECT_GE(generation["known_words"].get<double>(), 0.0);
  EXPECT_LE(generation["known_words"].get<double>(), 1.0);
}

TEST_F(Output, OfGenerationTakesAnEmptyPromptInBothSpellings) {
  tiny_.train_successfully("run");
  const Arguments common = {"generate", "--model", path("run"), "--tokens", "5", "--quiet"};
  Arguments apart = common;
  apart.insert(apart.end(), {"--prompt", ""});
  Arguments together = common;
  together.emplace_back("--prompt=");
  const Outcome outcome = run(together);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.out, run(apart).out);
}

TEST_F(Output, OfGenerationIsNothingWhereTheWordsToCompareWithAreMissing) {
  tiny_.train_successfully("run");
  expect_refused({"generate", "--model", path("run"), "--words-of", path("missing.txt")}, 1,
                 "millwright generate: --words-of: cannot open " + path("missing.txt") +
                     ": No such file or directory; check the path");
}

TEST_F(Output, OfInfoNamesTheKindOfEverything) {
  tiny_.train_successfully("run");
  const std::string checkpoint = path("run/checkpoints/update-000012");
  const auto kind = [](const Arguments& arguments) {
    Arguments with_json = {"info", "--json"};
    with_json.insert(with_json.end(), arguments.begin(), arguments.end());
    return json_of(with_json).value("kind", "none");
  };
  EXPECT_EQ(kind({path("run")}), "run");
  EXPECT_EQ(kind({checkpoint}), "checkpoint");
  EXPECT_EQ(kind({checkpoint, "--verify"}), "checkpoint");
  EXPECT_EQ(kind({checkpoint + "/config.json"}), "configuration");
  EXPECT_EQ(kind({checkpoint + "/model.safetensors"}), "weights");
  EXPECT_EQ(kind({checkpoint + "/tokenizer.model"}), "tokenizer");
  EXPECT_EQ(kind({checkpoint + "/state.json"}), "checkpoint state");
  EXPECT_EQ(kind({path("run/provenance.json")}), "provenance");
  EXPECT_EQ(kind({path("run/shards")}), "shards");
  for (const auto& entry : std::filesystem::directory_iterator(path("run/shards"))) {
    if (entry.path().extension() != ".shard") continue;
    EXPECT_EQ(kind({entry.path().string()}), "shard");
  }
  std::filesystem::remove(checkpoint + "/state.json");
  EXPECT_EQ(kind({checkpoint}), "model");
}

TEST_F(Output, OfInfoCountsWhatIsThere) {
  tiny_.train_successfully("run");
  const Json run_facts = json_of({"info", path("run"), "--json"});
  EXPECT_EQ(run_facts["state"]["update"], 12);
  EXPECT_EQ(run_facts["settings"]["steps"], "12");
  const Json weights = json_of({"info", path("run/checkpoints/update-000012/model.safetensors"), "--json"});
  EXPECT_EQ(run_facts["state"]["model"]["parameters"], weights["parameters"]);
  const Json shards = json_of({"info", path("run/shards"), "--statistics", "--json"});
  EXPECT_GT(shards["unigram_entropy"].get<double>(), 0.5);
  EXPECT_LT(shards["unigram_entropy"].get<double>(), std::log(320.0));
}

TEST_F(Output, OfTokenizingDecodesToTheText) {
  const std::string tokenizer = path("t.model");
  const Json trained =
      json_of({"tokenize", "train", "--data", path("text.txt"), "--vocabulary", "300", "--out", tokenizer, "--json"});
  EXPECT_EQ(trained["vocabulary_size"], 300);
  const std::string text = "the sea saw \xC3\xA9 and \xF0\x9F\x90\x8B.";
  const Outcome ids = run({"tokenize", "encode", "--tokenizer", tokenizer, "--text", text});
  ASSERT_EQ(ids.exit_code, 0) << ids.err;
  const Outcome back = run({"tokenize", "decode", "--tokenizer", tokenizer, "--ids", ids.out});
  EXPECT_EQ(back.out, text + "\n");
  const Outcome piped = run_shell(
      "\"$0\" tokenize encode --tokenizer \"$1\" --text \"$2\" | \"$0\" tokenize decode "
      "--tokenizer \"$1\"",
      {tokenizer, text});
  EXPECT_EQ(piped.out, text + "\n");
  const Json pieces = json_of({"tokenize", "encode", "--tokenizer", tokenizer, "--text", text, "--json"});
  EXPECT_EQ(pieces.size(), static_cast<size_t>(std::ranges::count(ids.out, ' ') + 1));
  EXPECT_EQ(json_of({"tokenize", "inspect", "--tokenizer", tokenizer, "--json"}).size(), 300u);
}

TEST_F(Output, ShardsMadeBeforehandTrainToTheSameWeights) {
  const std::string tokenizer = path("t.model");
  json_of({"tokenize", "train", "--data", path("text.txt"), "--vocabulary", "300", "--out", tokenizer, "--json"});
  const Json shards = json_of(
      {"tokenize", "shards", "--data", path("text.txt"), "--tokenizer", tokenizer, "--out", path("shards"), "--json"});
  EXPECT_GT(shards["train_tokens"].get<int64_t>(), shards["validation_tokens"].get<int64_t>());
  tiny_.train_successfully("from-text", {"--vocabulary", "300", "--tokenizer", tokenizer});
  tiny_.train_successfully("from-shards", {"--vocabulary", "300", "--tokenizer", tokenizer, "--data", path("shards")});
  const std::string weights = "/checkpoints/update-000012/model.safetensors";
  EXPECT_EQ(tiny_.file("from-text" + weights), tiny_.file("from-shards" + weights));
}

TEST_F(Output, SettingsFromAFileAreThoseOfTheFlags) {
  tiny_.train_successfully("flags");
  const Outcome outcome = run({"train", "--config", path("flags/run.toml"), "--out", path("file")});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const std::string weights = "/checkpoints/update-000012/model.safetensors";
  EXPECT_EQ(tiny_.file("flags" + weights), tiny_.file("file" + weights));
}

TEST_F(Output, ToAReaderThatHasGoneIsNoFailure) {
  tiny_.train_successfully("run");
  const Outcome outcome =
      run_shell("{ \"$0\" generate --model \"$1\" --tokens 200 --quiet; echo \"code $?\" >&2; } | true", {path("run")});
  EXPECT_EQ(outcome.err, "code 0\n");
  const Outcome inspect =
      run_shell("{ \"$0\" tokenize inspect --tokenizer \"$1\"; echo \"code $?\" >&2; } | head -n 1", {path("run")});
  EXPECT_EQ(inspect.err, "code 0\n");
  EXPECT_EQ(inspect.out, "0\tunknown\t<unk>\n");
}

TEST_F(Output, ToAFullDiskIsAFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const Outcome outcome = run_shell("\"$0\" --help > /dev/full", {});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "millwright: cannot write to standard output: No space left on device\n");
}

TEST_F(Output, OfAFailedCommandToAFullDiskIsNamedBesideItsFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "this system has no /dev/full";
  const Outcome outcome = run_shell("echo 'program(1.3) { x }' | \"$0\" mil check - > /dev/full", {});
  EXPECT_NE(outcome.exit_code, 0);
  EXPECT_TRUE(outcome.err.ends_with("; cannot write to standard output: No space left on device\n")) << outcome.err;
  EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
}

}  // namespace
}  // namespace millwright::app
