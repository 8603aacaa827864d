// `millwright train`: a new run, or one resumed. The flags are the settings table of the train layer.

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <cstdio>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ane/chip_profile.h"
#include "base/signals.h"
#include "commands.h"
#include "common_options.h"
#include "model/llama_config.h"
#include "output.h"
#include "plan/pipeline.h"
#include "replace_process.h"
#include "train/config_file.h"
#include "train/report.h"
#include "train/trainer.h"

namespace millwright::app {
namespace {

constexpr const char* kExamples =
    "  millwright train --data books/ --time-limit 3 --out run\n"
    "  millwright train --model stories15m --data text.txt --tokenizer tokenizer.model --steps 2000\n"
    "  millwright train --config run.toml --learning-rate 5e-4 --out run2\n"
    "  millwright train --resume run\n"
    "The settings, also as keys of run.toml, are explained in docs/training.md.\n";

struct GivenSetting {
  const train::Setting* setting;
  Command::Values values;
};

struct TrainCommand {
  std::string config_file;
  std::string resume;
  std::string trace;
  std::vector<GivenSetting> given;
  bool json = false;
  Verbosity verbosity;
};

std::string with_capital(std::string_view text) {
  std::string sentence(text);
  if (!sentence.empty()) sentence[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(sentence[0])));
  return sentence;
}

// As the help shows it: text without quotes, and nothing for none.
std::string shown_default(const train::Setting& setting) {
  const std::string text = train::default_text(setting);
  return text.front() == '"' ? text.substr(1, text.size() - 2) : text;
}

void add_settings(Command& command, TrainCommand& options) {
  for (const train::Setting& setting : train::settings()) {
    const std::string flag = train::flag_name(setting);
    const auto set = [&options, &setting](const Command::Values& values) -> Status {
      options.given.push_back({&setting, values});
      return {};
    };
    const bool is_list = std::holds_alternative<std::vector<std::string> train::TrainConfig::*>(setting.member);
    const std::string shown(setting.value);
    const std::string help = with_capital(setting.help);
    Command::Option& option =
        is_list ? command.list_option(flag, shown, help, set) : command.option(flag, shown, help, set);
    option.parsed->group(std::string(setting.group));
    if (!shown.empty() && !is_list) option.parsed->default_str(shown_default(setting));
    if (setting.key == "model") {
      for (const model::Preset& preset : model::presets()) option.words.emplace_back(preset.name);
    }
    if (setting.key == "device") option.words = {"cpu", "emulated"};
    if (setting.key == "chip") option.words.assign(ane::profile_names().begin(), ane::profile_names().end());
    if (setting.key == "attention") option.words = {"fused", "split"};
    if (setting.key == "pipeline") {
      for (const auto& pipeline : plan::pipelines()) option.words.emplace_back(pipeline.name);
    }
  }
}

Status apply_flags(const TrainCommand& options, train::TrainConfig& config) {
  for (const auto& [setting, values] : options.given) {
    if (std::holds_alternative<std::vector<std::string> train::TrainConfig::*>(setting->member)) {
      train::set_list(config, *setting, values);
    } else {
      MW_TRY(train::set_from_text(config, *setting, values.back()));
    }
  }
  return {};
}

Result<train::RunSummary> start_or_resume(const TrainCommand& options) {
  train::RunOptions run_options{.output = options.verbosity.quiet ? nullptr : stderr};
  run_options.handover = inherited_handover();
  run_options.trace = options.trace;
  if (!options.resume.empty()) {
    if (!options.config_file.empty()) return fail("--config does not go with --resume: the run has its own settings");
    const auto is_out = [](const GivenSetting& given) { return given.setting->key == "out"; };
    if (std::ranges::any_of(options.given, is_out)) {
      return fail("--out does not go with --resume: the run stays in its folder");
    }
    MW_ASSIGN(train::TrainConfig config, train::run_config(options.resume));
    MW_TRY(apply_flags(options, config));
    return train::resume_run(options.resume, config, run_options);
  }
  train::TrainConfig config;
  if (!options.config_file.empty()) MW_TRY(train::read_config_file(options.config_file, config));
  MW_TRY(apply_flags(options, config));
  MW_TRY(train::validate(config));
  return train::start_run(config, run_options);
}

// JSON has no NaN: a loss that was never measured is null.
nlohmann::ordered_json number_or_null(double value) {
  return std::isfinite(value) ? nlohmann::ordered_json(value) : nlohmann::ordered_json(nullptr);
}

nlohmann::ordered_json summary_json(const train::RunSummary& summary) {
  return {{"run", summary.run.string()},
          {"checkpoint", summary.checkpoint.string()},
          {"updates", summary.updates},
          {"planned_updates", summary.planned_updates},
          {"interrupted", summary.interrupted},
          {"loss", number_or_null(summary.loss)},
          {"validation_loss", number_or_null(summary.validation_loss)},
          {"best_validation_loss", number_or_null(summary.best_validation_loss)},
          {"best_update", summary.best_update},
          {"epochs", summary.epochs},
          {"parameters", summary.parameters},
          {"tokens", summary.tokens},
          {"seconds", summary.seconds}};
}

// Where to find what was made, also after a resume that found nothing left to do.
void print_outcome(const train::RunSummary& summary) {
  const std::string line = fmt::format("{}: update {} of {} done; the model is {}, the loss curve {}\n",
                                       summary.run.string(), summary.updates, summary.planned_updates,
                                       summary.checkpoint.string(), (summary.run / train::kReportFileName).string());
  std::fputs(line.c_str(), stderr);
}

// How the process is called that goes on when this one has no compile budget left: the settings are in the run folder.
std::vector<std::string> successor_arguments(const TrainCommand& options, const Path& run) {
  std::vector<std::string> arguments = {"train", "--resume", run.string()};
  if (options.json) arguments.emplace_back("--json");
  if (!options.trace.empty()) arguments.insert(arguments.end(), {"--trace", options.trace});
  for (std::string& flag : options.verbosity.flags()) arguments.push_back(std::move(flag));
  for (const auto& [setting, values] : options.given) {
    if (setting->effect == train::Setting::Effect::numbers || setting->key == "out") continue;
    for (const std::string& value : values) {
      arguments.push_back(train::flag_name(*setting));
      if (!setting->value.empty()) arguments.push_back(value);
    }
  }
  return arguments;
}

Status run_train(const TrainCommand& options) {
  options.verbosity.apply();
  install_interrupt_handler();
  MW_ASSIGN(const train::RunSummary summary, start_or_resume(options));
  if (summary.handover) return replace_process(successor_arguments(options, summary.run), *summary.handover);
  if (options.json) print_json(summary_json(summary));
  if (summary.interrupted) {
    return fail(ErrorKind::interrupted, "interrupted after update {} of {}; go on with: millwright train --resume {}",
                summary.updates, summary.planned_updates, summary.run.string());
  }
  if (!options.verbosity.quiet) print_outcome(summary);
  return {};
}

}  // namespace

void add_train(CommandTree& tree) {
  Command& command = tree.add("train", "Train a model on text, or resume a run", kExamples);
  auto options = std::make_shared<TrainCommand>();
  command.text("--config", options->config_file, "FILE",
               "Settings from a file like a run's run.toml; flags override it");
  command.option("--resume", "DIR", "Go on with a run from its newest checkpoint",
                 [options](const Command::Values& values) -> Status {
                   options->resume = values.back();
                   if (options->resume.empty()) return fail("--resume: expected the folder of a run, found \"\"");
                   return {};
                 });
  command.text("--trace", options->trace, "FILE",
               "Write the timeline of the first 10 updates as a trace for Perfetto or chrome://tracing");
  command.flag("--json", options->json, "Print a summary as JSON at the end");
  options->verbosity.add_to(command);
  add_settings(command, *options);
  command.on_run([options] { return run_train(*options); });
}

}  // namespace millwright::app
