// What users get wrong, one test each: the command ends with one clear line and the documented exit code.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "apps/tiny_run.h"

namespace millwright::app {
namespace {

class BadInput : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return tiny_.path(name); }
  Arguments train(const std::string& out, const Arguments& more = {}) const { return tiny_.train(out, more); }
  // Settings with their own text in place of the tiny one.
  Arguments train_on(const std::string& data) const { return train("run", {"--data", data}); }

  // The newest checkpoint of a finished run.
  std::string make_checkpoint() const {
    tiny_.train_successfully("run");
    return path("run/checkpoints/update-000012");
  }
  void corrupt(const std::string& name, const std::string& content) const { tiny_.folder().write(name, content); }

  TinyRun tiny_;
};

TEST_F(BadInput, MissingText) {
  expect_refused(
      train_on(path("missing.txt")), 1,
      "millwright train: cannot open " + path("missing.txt") + ": No such file or directory; check the path");
}

// Root reads every file, so a test that runs as root lets an ordinary user try.
TEST_F(BadInput, UnreadableText) {
  corrupt("secret.txt", tiny_text(10));
  std::filesystem::permissions(path("secret.txt"), std::filesystem::perms::none);
  std::filesystem::permissions(tiny_.folder().path(), std::filesystem::perms::all);
  std::string as_user = "exec \"$0\" \"$@\"";
  if (::geteuid() == 0) {
    if (run_shell("command -v setpriv", {}).exit_code != 0) GTEST_SKIP() << "root without setpriv";
    as_user = "exec setpriv --reuid 65534 --regid 65534 --clear-groups \"$0\" \"$@\"";
    if (run_shell(as_user, {"--version"}).exit_code != 0) GTEST_SKIP() << "the build is not open to other users";
  }
  const Outcome outcome = run_shell(as_user, train_on(path("secret.txt")));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "millwright train: cannot open " + path("secret.txt") +
                             ": Permission denied; check the permissions of the file and its folders\n");
}

TEST_F(BadInput, EmptyCorpus) {
  corrupt("empty.txt", "");
  expect_refused(train_on(path("empty.txt")), 2,
                 "millwright train: " + path("empty.txt") + ": the corpus is empty: found no text in 1 file");
}

TEST_F(BadInput, CorpusShorterThanASequence) {
  corrupt("short.txt", "the sea");
  const Outcome outcome = run(train_on(path("short.txt")));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("text shorter than one sequence: "), std::string::npos) << outcome.err;
  EXPECT_NE(outcome.err.find("need at least 17; use a longer text or a smaller sequence\n"), std::string::npos);
}

TEST_F(BadInput, InvalidUtf8) {
  corrupt("latin1.txt", tiny_text(2) + "caf\xE9 au lait");
  const size_t offset = tiny_text(2).size() + 3;
  expect_refused(train_on(path("latin1.txt")), 2,
                 fmt::format("millwright train: {}: expected UTF-8 text, found an invalid byte 0xe9 at offset {} (line "
                             "3); convert the file, e.g. iconv -f LATIN1 -t UTF-8",
                             path("latin1.txt"), offset));
}

TEST_F(BadInput, NoText) {
  expect_refused({"train"}, 2, "millwright train: data: no text given; name at least one file or folder");
}

TEST_F(BadInput, EmptyPath) {
  expect_refused({"train", "--data", ""}, 2,
                 "millwright train: expected the path of a text file or folder, found an empty one");
}

TEST_F(BadInput, ShardsAmongText) {
  tiny_.train_successfully("first");
  const std::string shards = path("first/shards");
  expect_refused(train("run", {"--data", shards, path("text.txt")}), 2,
                 "millwright train: " + shards +
                     ": a folder of shards goes with no other data; pass it alone, or the text it was made from");
  expect_refused(train("run", {"--validation-data", shards}), 2,
                 "millwright train: " + shards + ": expected text for validation, found a folder of shards");
}

TEST_F(BadInput, UnknownPreset) {
  expect_refused(train("run", {"--model", "storys15m"}), 2,
                 "millwright train: unknown model preset \"storys15m\"; did you mean stories15m?");
  expect_refused(train("run", {"--model", "gpt2"}), 2,
                 "millwright train: unknown model preset \"gpt2\"; expected one of tiny, small, stories260k, "
                 "stories15m, stories42m, stories110m");
}

TEST_F(BadInput, UnknownDevice) {
  expect_refused(train("run", {"--device", "gpu"}), 2,
                 "millwright train: unknown device \"gpu\"; expected cpu or emulated");
}

TEST_F(BadInput, SequenceLongerThanTheModels) {
  expect_refused(train("run", {"--sequence", "300"}), 2,
                 "millwright train: sequence: 300 tokens are longer than the model's 256; use at most 256");
}

TEST_F(BadInput, UnknownKeyInASettingsFile) {
  corrupt("run.toml", "steps = 4\nlearning_rat = 0.1\n");
  expect_refused(
      {"train", "--config", path("run.toml")}, 2,
      "millwright train: " + path("run.toml") + ":2:1: unknown key \"learning_rat\"; did you mean \"learning_rate\"?");
}

TEST_F(BadInput, TokenizerThatIsNoTokenizer) {
  const Outcome outcome = run(train("run", {"--tokenizer", path("text.txt")}));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err.find("millwright train: " + path("text.txt") + ": expected a SentencePiece model"), 0u)
      << outcome.err;
}

TEST_F(BadInput, TokenizerWithMoreTokensThanTheModel) {
  ASSERT_EQ(run({"tokenize", "train", "--data", path("text.txt"), "--vocabulary", "310", "--out", path("big.model")})
                .exit_code,
            0);
  const int size = 310;
  expect_refused(
      train("run", {"--tokenizer", path("big.model"), "--vocabulary", "300"}), 2,
      fmt::format("millwright train: {}: has {} tokens, but the model only 300; choose a smaller tokenizer or "
                  "vocabulary {}",
                  path("big.model"), size, size));
}

TEST_F(BadInput, TokenizerWithFewerTokensThanTheModelIsAcceptedWithALine) {
  ASSERT_EQ(run({"tokenize", "train", "--data", path("text.txt"), "--vocabulary", "300", "--out", path("small.model")})
                .exit_code,
            0);
  const Outcome outcome = run(train("run", {"--tokenizer", path("small.model"), "--vocabulary", "310"}));
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_NE(outcome.err.find("the tokenizer has 300 tokens, the model 310: 10 rows of the embedding stay unused\n"),
            std::string::npos)
      << outcome.err;
}

TEST_F(BadInput, RunFolderThatIsInUse) {
  tiny_.train_successfully("run");
  expect_refused(train("run"), 2,
                 fmt::format("millwright train: {}: holds a run already; resume it with --resume {}, or choose another "
                             "--out",
                             path("run"), path("run")));
}

TEST_F(BadInput, ResumingWhatIsNoRun) {
  expect_refused({"train", "--resume", path("nothing")}, 2,
                 "millwright train: " + path("nothing") + ": not a run folder: it has no run.toml");
}

// A script whose variable is empty must not begin a new run.
TEST_F(BadInput, ResumingWithoutAName) {
  expect_refused({"train", "--resume", ""}, 2, "millwright train: --resume: expected the folder of a run, found \"\"");
}

TEST_F(BadInput, ResumingIntoAnotherFolder) {
  tiny_.train_successfully("run");
  expect_refused({"train", "--resume", path("run"), "--out", path("other")}, 2,
                 "millwright train: --out does not go with --resume: the run stays in its folder");
}

TEST_F(BadInput, ResumingWithOtherNumbers) {
  tiny_.train_successfully("run");
  expect_refused(
      {"train", "--resume", path("run"), "--learning-rate", "0.5"}, 2,
      fmt::format("millwright train: {}: cannot resume with other settings: learning_rate is 0.001 there and "
                  "0.5 here",
                  path("run")));
}

TEST_F(BadInput, TruncatedWeights) {
  const std::string checkpoint = make_checkpoint();
  std::filesystem::resize_file(checkpoint + "/model.safetensors", 1000);
  const Outcome outcome = run({"generate", "--model", checkpoint});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err.find("millwright generate: " + checkpoint + "/model.safetensors"), 0u) << outcome.err;
  EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1);
}

TEST_F(BadInput, WrongCheckpoint) {
  const std::string checkpoint = make_checkpoint();
  corrupt("run/checkpoints/update-000012/model.safetensors", "these are no weights");
  for (const Arguments& arguments : {Arguments{"generate", "--model", checkpoint},
                                     {"eval", "--model", checkpoint},
                                     {"info", checkpoint, "--verify"}}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << arguments.front();
    EXPECT_NE(outcome.err.find("model.safetensors"), std::string::npos) << outcome.err;
    EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1) << outcome.err;
  }
}

TEST_F(BadInput, DamagedNewestCheckpointIsPassedOver) {
  const std::string checkpoint = make_checkpoint();
  corrupt("run/checkpoints/update-000012/optimizer.safetensors", "damaged");
  const Outcome outcome = run({"train", "--resume", path("run")});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_NE(outcome.err.find("update-000012"), std::string::npos) << outcome.err;
}

TEST_F(BadInput, CheckpointOfAnotherConfiguration) {
  const std::string checkpoint = make_checkpoint();
  tiny_.train_successfully("other", {"--dim", "24", "--heads", "3"});
  std::filesystem::copy_file(path("other/checkpoints/update-000012/model.safetensors"),
                             checkpoint + "/model.safetensors", std::filesystem::copy_options::overwrite_existing);
  const Outcome outcome = run({"generate", "--model", checkpoint});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.err.find("millwright generate: " + checkpoint + "/model.safetensors"), 0u) << outcome.err;
  EXPECT_NE(outcome.err.find("model.embed_tokens.weight"), std::string::npos) << outcome.err;
  EXPECT_EQ(std::ranges::count(outcome.err, '\n'), 1);
}

TEST_F(BadInput, PromptLongerThanTheModelsSequence) {
  const std::string checkpoint = make_checkpoint();
  const Outcome outcome = run({"generate", "--model", checkpoint, "--prompt", tiny_text(200)});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("tokens, but the model takes at most 256; shorten the prompt\n"), std::string::npos)
      << outcome.err;
}

TEST_F(BadInput, EvaluatingOnLessThanASequence) {
  const std::string checkpoint = make_checkpoint();
  corrupt("short.txt", "the sea");
  const Outcome outcome = run({"eval", "--model", checkpoint, "--data", path("short.txt")});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_NE(outcome.err.find("shorter than one sequence"), std::string::npos) << outcome.err;
}

TEST_F(BadInput, EvaluatingWithASequenceLongerThanTheModels) {
  const std::string checkpoint = make_checkpoint();
  expect_refused({"eval", "--model", checkpoint, "--sequence", "1000"}, 2,
                 "millwright eval: sequence: 1000 tokens are longer than the model's 256; use at most 256");
}

TEST_F(BadInput, TokensThatDoNotExist) {
  ASSERT_EQ(
      run({"tokenize", "train", "--data", path("text.txt"), "--vocabulary", "300", "--out", path("t.model")}).exit_code,
      0);
  expect_refused({"tokenize", "decode", "--tokenizer", path("t.model"), "--ids", "1 2 9999"}, 2,
                 "millwright tokenize decode: token number 3: expected an id from 0 to 299, found \"9999\"");
}

TEST_F(BadInput, InfoAboutAPipeThatNobodyWritesTo) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  expect_refused({"info", path("pipe")}, 1,
                 "millwright info: cannot read " + path("pipe") +
                     ": expected a regular file or a folder, found a device, pipe or socket");
}

TEST_F(BadInput, InfoAboutSomethingElse) {
  expect_refused({"info", path("text.txt")}, 2,
                 "millwright info: " + path("text.txt") +
                     ": not a file that Millwright knows; expected a shard, shards.json, state.json, "
                     "provenance.json, .safetensors, config.json or "
                     "tokenizer .model");
}

}  // namespace
}  // namespace millwright::app
