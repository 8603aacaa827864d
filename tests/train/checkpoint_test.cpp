#include "train/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <string>
#include <vector>

#include "base/temporary_folder.h"
#include "model/weights.h"
#include "train/tiny_model.h"

namespace millwright::train {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

const std::string kHash(32, 'a');

CheckpointState state_of(int64_t update, std::optional<double> validation_loss = std::nullopt) {
  CheckpointState state;
  state.update = update;
  state.position = 2 * update;
  state.tokens = 48 * update;
  state.loss = 2.5;
  state.validation_loss = validation_loss;
  state.best_validation_loss = validation_loss;
  state.best_update = validation_loss ? update : 0;
  state.seed = 5;
  state.data_hash = kHash;
  state.tokenizer_hash = std::string(32, 'b');
  state.version = "0.1.0";
  return state;
}

class Checkpoints : public ::testing::Test {
 protected:
  Checkpoints() : tokenizer_(folder_.write("tokenizer.model", "any bytes")) {}

  Path write(int64_t update, std::optional<double> validation_loss = std::nullopt) {
    const auto store = random_store(tiny_model(), static_cast<uint64_t>(update));
    const auto path = write_checkpoint(run(), state_of(update, validation_loss), tiny_model(), tokenizer_, store);
    EXPECT_TRUE(path.has_value()) << path.error().message;
    return path.value_or(Path());
  }
  Path run() const { return folder_ / "run"; }
  std::vector<std::string> names() const {
    std::vector<std::string> out;
    for (const auto& entry : std::filesystem::directory_iterator(run() / "checkpoints")) {
      out.push_back(entry.path().filename().string());
    }
    return out;
  }
  static void damage(const Path& file) {
    std::fstream stream(file, std::ios::binary | std::ios::in | std::ios::out);
    stream.seekp(-1, std::ios::end);
    stream.put('\x7f');
  }

  TemporaryFolder folder_;
  Path tokenizer_;
};

TEST_F(Checkpoints, GiveBackEveryWeightAndMoment) {
  const Path path = write(123);
  EXPECT_EQ(path, run() / "checkpoints" / "update-000123");
  const auto written = random_store(tiny_model(), 123);
  auto read = empty_store(tiny_model());
  const Status status = load_checkpoint(path, tiny_model(), read);
  ASSERT_TRUE(status.has_value()) << status.error().message;
  for (size_t i = 0; i < read.entries().size(); ++i) {
    const size_t bytes = read.master(i).size_bytes();
    EXPECT_EQ(std::memcmp(read.master(i).data(), written.master(i).data(), bytes), 0);
    EXPECT_EQ(std::memcmp(read.first_moment(i).data(), written.first_moment(i).data(), bytes), 0);
    EXPECT_EQ(std::memcmp(read.second_moment(i).data(), written.second_moment(i).data(), bytes), 0);
  }
}

TEST_F(Checkpoints, AreModelFoldersThatOtherToolsRead) {
  const Path path = write(1);
  const auto config = model::read_config(path / model::kConfigFileName);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(model::describe_difference(*config, tiny_model()), "");
  std::vector<std::vector<float>> values;
  for (const auto& parameter : model::parameters(*config)) values.emplace_back(static_cast<size_t>(parameter.count()));
  const std::vector<std::span<float>> spans(values.begin(), values.end());
  const Status loaded = model::load_weights(path, *config, spans);
  EXPECT_TRUE(loaded.has_value()) << loaded.error().message;
  EXPECT_EQ(read_whole_file(path / "tokenizer.model"), "any bytes");
}

TEST_F(Checkpoints, GiveBackTheirState) {
  const Path path = write(7, 1.25);
  const auto state = verify_checkpoint(path);
  ASSERT_TRUE(state.has_value()) << state.error().message;
  EXPECT_EQ(state->update, 7);
  EXPECT_EQ(state->position, 14);
  EXPECT_EQ(state->tokens, 336);
  EXPECT_EQ(state->loss, 2.5);
  EXPECT_EQ(state->validation_loss, 1.25);
  EXPECT_EQ(state->best_update, 7);
  EXPECT_EQ(state->seed, 5);
  EXPECT_EQ(state->data_hash, kHash);
  std::vector<std::string> files;
  for (const CheckpointFile& file : state->files) files.push_back(file.name);
  EXPECT_THAT(files, ElementsAre("config.json", "model.safetensors", "optimizer.safetensors", "tokenizer.model"));
}

TEST_F(Checkpoints, RefuseAnotherConfiguration) {
  const Path path = write(1);
  model::LlamaConfig other = tiny_model();
  other.dim = 16;
  other.head_dim = 8;
  auto store = empty_store(other);
  const Status status = load_checkpoint(path, other, store);
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message,
              HasSubstr(path.string() + ": a checkpoint of another configuration (dim 8 against 16"));
}

TEST_F(Checkpoints, NameTheFileThatWasCut) {
  const Path path = write(1);
  const auto bytes = std::filesystem::file_size(path / "optimizer.safetensors");
  std::filesystem::resize_file(path / "optimizer.safetensors", bytes - 4);
  const auto state = verify_checkpoint(path);
  ASSERT_FALSE(state.has_value());
  EXPECT_EQ(state.error().message,
            fmt::format("{}: optimizer.safetensors has {} bytes, expected {}", path.string(), bytes - 4, bytes));
  auto store = empty_store(tiny_model());
  EXPECT_FALSE(load_checkpoint(path, tiny_model(), store).has_value());
}

TEST_F(Checkpoints, NameTheFileWhoseBytesChanged) {
  const Path path = write(1);
  damage(path / "model.safetensors");
  const auto state = verify_checkpoint(path);
  ASSERT_FALSE(state.has_value());
  EXPECT_THAT(state.error().message, HasSubstr(path.string() + ": model.safetensors has hash "));
}

TEST_F(Checkpoints, NameTheFileThatIsMissing) {
  const Path path = write(1);
  std::filesystem::remove(path / "config.json");
  EXPECT_EQ(verify_checkpoint(path).error().message, path.string() + ": config.json is missing");
}

TEST_F(Checkpoints, ReplaceAnOlderOneOfTheSameUpdate) {
  const Path path = write(5);
  damage(path / "model.safetensors");
  write(5);
  EXPECT_TRUE(verify_checkpoint(path).has_value());
  EXPECT_THAT(names(), ElementsAre("update-000005"));
}

TEST_F(Checkpoints, AreSearchedFromTheNewest) {
  EXPECT_FALSE(find_latest_checkpoint(run())->found.has_value());
  write(9);
  write(10);
  const auto search = find_latest_checkpoint(run());
  ASSERT_TRUE(search.has_value() && search->found.has_value());
  EXPECT_EQ(search->found->state.update, 10);
  EXPECT_THAT(search->warnings, IsEmpty());
}

TEST_F(Checkpoints, PassOverADamagedOneWithOneWarning) {
  write(9);
  const Path newest = write(10);
  std::filesystem::remove(newest / "state.json");
  const auto search = find_latest_checkpoint(run());
  ASSERT_TRUE(search->found.has_value());
  EXPECT_EQ(search->found->state.update, 9);
  EXPECT_THAT(search->damaged, ElementsAre(newest));
  EXPECT_THAT(search->warnings,
              ElementsAre(newest.string() + " is damaged and passed over (cannot open " +
                          (newest / "state.json").string() + ": No such file or directory; check the path)"));
  ASSERT_TRUE(set_aside(newest).has_value());
  EXPECT_THAT(names(), UnorderedElementsAre("update-000009", "damaged-update-000010"));
}

TEST_F(Checkpoints, KnowTheBestOne) {
  write(1, 3.0);
  write(2, 2.0);
  write(3, 2.5);
  write(4);
  EXPECT_EQ(find_best_checkpoint(run())->found->state.update, 2);
  damage(run() / "checkpoints" / "update-000002" / "model.safetensors");
  EXPECT_EQ(find_best_checkpoint(run())->found->state.update, 4);  // the newest of the others
}

TEST_F(Checkpoints, KeepTheNewestAndTheBestWhenPruned) {
  write(1, 2.0);
  for (int64_t update = 2; update <= 5; ++update) write(update, 3.0);
  std::filesystem::create_directories(run() / "checkpoints" / ".writing-update-000006");
  std::filesystem::create_directories(run() / "checkpoints" / ".removing-update-000000");
  ASSERT_TRUE(prune_checkpoints(run(), 2).has_value());
  EXPECT_THAT(names(), UnorderedElementsAre("update-000001", "update-000004", "update-000005"));
}

TEST_F(Checkpoints, AreFoundFromTheirRun) {
  const Path path = write(3);
  EXPECT_EQ(resolve_model_folder(run()).value(), path);
  EXPECT_EQ(resolve_model_folder(path).value(), path);
  const Path empty = folder_ / "empty";
  std::filesystem::create_directories(empty);
  EXPECT_EQ(
      resolve_model_folder(empty).error().message,
      empty.string() + ": neither a model folder (config.json and model.safetensors) nor a run with a checkpoint");
  EXPECT_EQ(resolve_model_folder(folder_ / "absent").error().kind, ErrorKind::io);
}

// A child whose files may not grow beyond a few bytes stands for a full disk: every write behind the limit fails.
TEST_F(Checkpoints, LeaveTheLastGoodOneWhenTheDiskIsFull) {
  const Path good = write(1);
  for (const rlim_t limit : {rlim_t{0}, rlim_t{64}, rlim_t{1500}, rlim_t{4000}}) {
    int pipe_ends[2];
    ASSERT_EQ(pipe(pipe_ends), 0);
    const auto store = random_store(tiny_model(), 2);
    const pid_t child = fork();
    if (child == 0) {
      signal(SIGXFSZ, SIG_IGN);
      const rlimit files{limit, limit};
      setrlimit(RLIMIT_FSIZE, &files);
      const auto path = write_checkpoint(run(), state_of(2), tiny_model(), tokenizer_, store);
      const std::string message = path ? "written" : path.error().message;
      const ssize_t sent = ::write(pipe_ends[1], message.data(), message.size());
      _exit(sent == static_cast<ssize_t>(message.size()) ? 0 : 1);
    }
    close(pipe_ends[1]);
    char message[1024];
    const ssize_t length = read(pipe_ends[0], message, sizeof message);
    close(pipe_ends[0]);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    const std::string text(message, static_cast<size_t>(std::max<ssize_t>(length, 0)));
    EXPECT_THAT(text, HasSubstr("cannot write "));
    EXPECT_THAT(text, HasSubstr("File too large; raise the file size limit (ulimit -f) and run again"));
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0);
    EXPECT_THAT(names(), ElementsAre("update-000001"));
    EXPECT_TRUE(verify_checkpoint(good).has_value());
  }
}

std::string state_error(std::string text) {
  const auto state = parse_checkpoint_state(text, "state.json");
  return state ? "parsed" : state.error().message;
}

std::string with(std::string text, const std::string& from, const std::string& to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

TEST(CheckpointState, NamesWhatIsWrong) {
  CheckpointState state = state_of(3);
  state.files = {{"config.json", 1, kHash}, {"model.safetensors", 2, kHash}, {"optimizer.safetensors", 3, kHash}};
  const std::string text = checkpoint_state_text(state);
  EXPECT_EQ(state_error(text), "parsed");
  EXPECT_EQ(state_error("[]"), "state.json: expected a JSON object, found array");
  EXPECT_EQ(state_error(with(text, "\"format\": 1", "\"format\": 2")),
            "state.json: written in format 2, but this version reads 1; use the version that wrote it");
  EXPECT_EQ(state_error(with(text, "\"update\": 3", "\"update\": -3")),
            "state.json: \"update\": expected an integer in [0, 9007199254740992], found -3");
  EXPECT_EQ(state_error(with(text, "\"data_hash\": \"aaaa", "\"data_hash\": \"aaaA")),
            "state.json: \"data_hash\": expected 32 hexadecimal digits, found \"aaaAaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"");
  EXPECT_EQ(state_error(with(text, "config.json", "../config.json")),
            "state.json: \"name\": expected a file of this folder, found \"../config.json\"");
  EXPECT_EQ(state_error(with(text, "config.json", "other.json")), "state.json: \"files\": config.json is missing");
}

}  // namespace
}  // namespace millwright::train
