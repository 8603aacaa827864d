// TrainConfig: every setting of a training run with its default, and the one table of settings from which the command
// line, run.toml and the documentation are derived.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/result.h"

namespace millwright::train {

struct TrainConfig {
  // Model.
  std::string model = "tiny";
  int64_t vocabulary = 0;
  int64_t dim = 0;
  int64_t hidden_dim = 0;
  int64_t layers = 0;
  int64_t heads = 0;
  int64_t kv_heads = 0;
  int64_t sequence = 0;

  // Text.
  std::vector<std::string> data;
  std::vector<std::string> validation_data;
  double validation_fraction = 0.05;
  std::string tokenizer;

  // Optimization.
  int64_t batch = 8;
  int64_t accumulate = 1;
  int64_t steps = 0;
  double time_limit = 0;
  double learning_rate = 1e-3;
  double min_learning_rate_ratio = 0.1;
  int64_t warmup = 50;
  double weight_decay = 0.1;
  double beta1 = 0.9;
  double beta2 = 0.95;
  double epsilon = 1e-8;
  double clip = 1.0;
  double loss_scale = 0;
  int64_t seed = 1;

  // Run.
  std::string out = "run";
  std::string device = "cpu";
  std::string chip = "m4";
  std::string pipeline;
  std::string attention = "fused";
  int64_t threads = 0;
  int64_t validation_every = 100;
  int64_t validation_batches = 16;
  int64_t checkpoint_every = 200;
  int64_t keep_last = 2;
  bool profile = false;

  bool operator==(const TrainConfig&) const = default;
};

// Updates of a run that gives neither steps nor a time limit.
inline constexpr int64_t kDefaultUpdates = 1000;

struct Setting {
  using Member = std::variant<std::string TrainConfig::*, std::vector<std::string> TrainConfig::*,
                              int64_t TrainConfig::*, double TrainConfig::*, bool TrainConfig::*>;
  enum class Effect : uint8_t {
    numbers,      // changes what is learned: a resumed run must keep it
    bookkeeping,  // changes only what is reported and kept
  };

  std::string_view key;    // in run.toml; the flag is the same with '-' for '_' and "--" in front
  std::string_view group;  // heading in --help and the documentation: "Model", "Text", "Optimization", "Run"
  std::string_view value;  // what stands behind the flag in --help: "N", "FILE", …; empty for a switch
  std::string_view help;   // one line
  Member member;
  Effect effect = Effect::numbers;
  // Numbers only, both ends included.
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
};

std::span<const Setting> settings();
const Setting* find_setting(std::string_view key);
// The known key that `key` is a misspelling of; empty where there is none.
std::string_view nearest_key(std::string_view key);

std::string flag_name(const Setting& setting);  // "--learning-rate"

// The value as run.toml writes it: 0.001, "cpu", ["a.txt", "b.txt"], true.
std::string value_text(const Setting& setting, const TrainConfig& config);
inline std::string default_text(const Setting& setting) { return value_text(setting, TrainConfig{}); }

// The text as run.toml writes strings: in quotation marks, on one line whatever it holds.
std::string quoted_text(std::string_view text);

// From the command line: one value (a list setting is replaced by the list of that one). The error names the flag.
Status set_from_text(TrainConfig& config, const Setting& setting, std::string_view text);
// From the command line: all values of a list setting.
void set_list(TrainConfig& config, const Setting& setting, std::vector<std::string> values);

// The ranges of the table and the rules between settings; messages name the keys. Files are looked at later.
Status validate(const TrainConfig& config);

// Settings whose Effect is numbers and that differ: "learning_rate is 0.001 there and 0.0005 here, seed is …". Empty
// when there are none.
std::string describe_difference(const TrainConfig& there, const TrainConfig& here);

// The settings as a Markdown table per group, for docs/.
std::string settings_markdown();

}  // namespace millwright::train
