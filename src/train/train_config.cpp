#include "train/train_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <vector>

#include "base/check.h"
#include "base/spelling.h"
#include "plan/pipeline.h"

namespace millwright::train {

namespace {

using Effect = Setting::Effect;
using C = TrainConfig;

constexpr double kMost = 9007199254740992.0;  // 2^53: every integer up to here is exact as a double
constexpr double kSmallest = 1e-30;           // more than zero, for ranges that exclude it

const std::vector<Setting>& table() {
  static const std::vector<Setting> settings = {
      {"model", "Model", "NAME|FILE", "a preset, a config.json, or a folder with one", &C::model},
      {"vocabulary", "Model", "N",
       "tokens the model knows; 0: the preset's, or the tokenizer's where sizes below are set", &C::vocabulary,
       Effect::numbers, 0, 1 << 24},
      {"dim", "Model", "N", "channels of the residual stream; 0: the model's own", &C::dim, Effect::numbers, 0,
       1 << 20},
      {"hidden_dim", "Model", "N", "channels inside the feed-forward network; 0: the model's own", &C::hidden_dim,
       Effect::numbers, 0, 1 << 22},
      {"layers", "Model", "N", "transformer layers; 0: the model's own", &C::layers, Effect::numbers, 0, 1024},
      {"heads", "Model", "N", "query heads; 0: the model's own", &C::heads, Effect::numbers, 0, 1024},
      {"kv_heads", "Model", "N", "key and value heads; 0: the model's own", &C::kv_heads, Effect::numbers, 0, 1024},
      {"sequence", "Model", "N", "tokens per sequence, at most the model's; 0: the model's", &C::sequence,
       Effect::numbers, 0, 1 << 20},

      {"data", "Text", "PATH", "text files, folders of them, or one folder of shards", &C::data},
      {"validation_data", "Text", "PATH", "text kept for validation; none: a part of the data", &C::validation_data},
      {"validation_fraction", "Text", "X", "the part of the data kept for validation where none is given",
       &C::validation_fraction, Effect::numbers, 0.0, 0.5},
      {"tokenizer", "Text", "PATH",
       "SentencePiece .model file, or a folder with tokenizer.model; empty: made from the data", &C::tokenizer},

      {"batch", "Optimization", "N", "sequences per step", &C::batch, Effect::numbers, 1, 1 << 16},
      {"accumulate", "Optimization", "N", "steps per update", &C::accumulate, Effect::numbers, 1, 1 << 16},
      {"steps", "Optimization", "N", "updates in all; 0: from time_limit, or 1000 where that is 0 too", &C::steps,
       Effect::numbers, 0, 1e12},
      {"time_limit", "Optimization", "MINUTES",
       "choose steps so that training takes about so long (measured before the first update); used where steps is 0",
       &C::time_limit, Effect::bookkeeping, 0, 1e6},
      {"learning_rate", "Optimization", "X", "peak of the schedule", &C::learning_rate, Effect::numbers, 0, 1e3},
      {"min_learning_rate_ratio", "Optimization", "X", "where the cosine ends, as a part of the peak",
       &C::min_learning_rate_ratio, Effect::numbers, 0, 1},
      {"warmup", "Optimization", "N", "updates of linear warm-up, at most a tenth of all", &C::warmup, Effect::numbers,
       0, 1e12},
      {"weight_decay", "Optimization", "X", "decoupled decay, none on norms", &C::weight_decay, Effect::numbers, 0,
       1e3},
      {"beta1", "Optimization", "X", "decay of the first moment", &C::beta1, Effect::numbers, 0, 0.9999999},
      {"beta2", "Optimization", "X", "decay of the second moment", &C::beta2, Effect::numbers, 0, 0.9999999},
      {"epsilon", "Optimization", "X", "added to the root of the second moment", &C::epsilon, Effect::numbers,
       kSmallest, 1},
      {"clip", "Optimization", "X", "largest global gradient norm; 0: no clipping", &C::clip, Effect::numbers, 0, 1e30},
      {"loss_scale", "Optimization", "X",
       "what the loss is multiplied with before the backward pass; 0: follows head-room on an engine, else 1",
       &C::loss_scale, Effect::numbers, 0, 16777216},
      {"seed", "Optimization", "N", "of initial weights and shuffling", &C::seed, Effect::numbers, 0, kMost},

      {"out", "Run", "DIR", "run folder to make", &C::out, Effect::bookkeeping},
      {"device", "Run", "NAME", "where programs run: cpu, emulated", &C::device},
      {"chip", "Run", "NAME", "the chip that the emulated engine is: m1 to m5, with variants", &C::chip},
      {"pipeline", "Run", "NAME",
       "how a step uses the engine: static, static-offload, dynamic; empty: static, and none on the cpu device",
       &C::pipeline},
      {"attention", "Run", "NAME", "where an engine's mask and softmax are computed: fused, or split to the CPU",
       &C::attention},
      {"threads", "Run", "N", "threads to use; 0: as many as this process may", &C::threads, Effect::bookkeeping, 0,
       4096},
      {"validation_every", "Run", "N", "updates between validations; 0: only at checkpoints", &C::validation_every,
       Effect::bookkeeping, 0, 1e12},
      {"validation_batches", "Run", "N", "batches per validation; 0: all of the validation text",
       &C::validation_batches, Effect::bookkeeping, 0, 1e12},
      {"checkpoint_every", "Run", "N", "updates between checkpoints; 0: only at the end", &C::checkpoint_every,
       Effect::bookkeeping, 0, 1e12},
      {"keep_last", "Run", "N", "newest checkpoints to keep, beside the best one", &C::keep_last, Effect::bookkeeping,
       1, 1e6},
      {"profile", "Run", "", "measure every operation, print the table at the end", &C::profile, Effect::bookkeeping},
  };
  return settings;
}

struct ValuePrinter {
  std::string operator()(const std::string& value) const { return quoted_text(value); }
  std::string operator()(const std::vector<std::string>& values) const {
    std::string out = "[";
    for (size_t i = 0; i < values.size(); ++i) out += (i == 0 ? "" : ", ") + quoted_text(values[i]);
    return out + "]";
  }
  std::string operator()(int64_t value) const { return fmt::format("{}", value); }
  // The shortest text that reads back to the same double; with a point or exponent, so that it stays a float.
  std::string operator()(double value) const {
    std::string text = fmt::format("{}", value);
    if (text.find_first_not_of("-0123456789") == std::string::npos) text += ".0";
    return text;
  }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
};

std::string number_text(double value) {
  return std::abs(value) < 1e15 && value == std::floor(value) ? fmt::format("{}", static_cast<int64_t>(value))
                                                              : fmt::format("{}", value);
}

Status check_range(const Setting& setting, double value, const std::string& where) {
  if (value >= setting.minimum && value <= setting.maximum) return {};  // false for NaN
  return fail("{}: expected {} to {}, found {}", where, number_text(setting.minimum), number_text(setting.maximum),
              number_text(value));
}

struct TextReader {
  TrainConfig& config;
  const Setting& setting;
  const std::string& text;
  std::string flag;

  Status operator()(std::string C::*member) const {
    config.*member = text;
    return {};
  }
  Status operator()(std::vector<std::string> C::*member) const {
    config.*member = {text};
    return {};
  }
  Status operator()(int64_t C::*member) const {
    char* end = nullptr;
    errno = 0;
    const long long value = std::strtoll(text.c_str(), &end, 10);
    if (text.empty() || *end != '\0') return fail("{}: expected an integer, found {}", flag, quoted_text(text));
    if (errno == ERANGE) return fail("{}: expected an integer of at most 63 bits, found {}", flag, text);
    MW_TRY(check_range(setting, static_cast<double>(value), flag));
    config.*member = value;
    return {};
  }
  Status operator()(double C::*member) const {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0') return fail("{}: expected a number, found {}", flag, quoted_text(text));
    MW_TRY(check_range(setting, value, flag));
    config.*member = value;
    return {};
  }
  Status operator()(bool C::*member) const {
    if (text != "true" && text != "false") return fail("{}: expected true or false, found {}", flag, quoted_text(text));
    config.*member = text == "true";
    return {};
  }
};

}  // namespace

std::span<const Setting> settings() { return table(); }

const Setting* find_setting(std::string_view key) {
  for (const Setting& setting : table()) {
    if (setting.key == key) return &setting;
  }
  return nullptr;
}

std::string_view nearest_key(std::string_view key) {
  std::vector<std::string_view> keys;
  for (const Setting& setting : table()) keys.push_back(setting.key);
  return nearest_spelling(key, keys);
}

std::string flag_name(const Setting& setting) {
  std::string flag = "--" + std::string(setting.key);
  std::replace(flag.begin(), flag.end(), '_', '-');
  return flag;
}

std::string quoted_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned char>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string value_text(const Setting& setting, const TrainConfig& config) {
  return std::visit([&](auto member) { return ValuePrinter{}(config.*member); }, setting.member);
}

Status set_from_text(TrainConfig& config, const Setting& setting, std::string_view text) {
  const std::string owned(text);
  return std::visit(TextReader{config, setting, owned, flag_name(setting)}, setting.member);
}

void set_list(TrainConfig& config, const Setting& setting, std::vector<std::string> values) {
  const auto* member = std::get_if<std::vector<std::string> C::*>(&setting.member);
  MW_CHECK(member != nullptr, "{} is not a list", setting.key);
  config.** member = std::move(values);
}

Status validate(const TrainConfig& config) {
  for (const Setting& setting : table()) {
    if (const auto* integer = std::get_if<int64_t C::*>(&setting.member)) {
      MW_TRY(check_range(setting, static_cast<double>(config.**integer), std::string(setting.key)));
    } else if (const auto* number = std::get_if<double C::*>(&setting.member)) {
      MW_TRY(check_range(setting, config.**number, std::string(setting.key)));
    }
  }
  if (config.data.empty()) return fail("data: no text given; name at least one file or folder");
  if (config.model.empty()) return fail("model: expected a preset's name or the path of a config.json, found \"\"");
  MW_TRY(plan::find_attention(config.attention));
  if (config.device == "cpu" && !config.pipeline.empty()) {
    return fail("pipeline: {} needs an engine, and the device is cpu; use --device emulated", config.pipeline);
  }
  if (config.out.empty()) return fail("out: expected the path of a folder to make, found \"\"");
  return {};
}

std::string describe_difference(const TrainConfig& there, const TrainConfig& here) {
  std::string out;
  for (const Setting& setting : table()) {
    if (setting.effect != Effect::numbers) continue;
    const std::string before = value_text(setting, there);
    const std::string now = value_text(setting, here);
    if (before == now) continue;
    out += fmt::format("{}{} is {} there and {} here", out.empty() ? "" : ", ", setting.key, before, now);
  }
  return out;
}

std::string settings_markdown() {
  std::string out;
  std::string_view group;
  for (const Setting& setting : table()) {
    if (setting.group != group) {
      group = setting.group;
      out += fmt::format("{}### {}\n\n| key | flag | default | meaning |\n|---|---|---|---|\n", out.empty() ? "" : "\n",
                         group);
    }
    std::string flag = flag_name(setting);
    if (!setting.value.empty()) flag += " " + std::string(setting.value);
    std::replace(flag.begin(), flag.end(), '|', '/');
    out += fmt::format("| `{}` | `{}` | `{}` | {} |\n", setting.key, flag, default_text(setting), setting.help);
  }
  return out;
}

}  // namespace millwright::train
