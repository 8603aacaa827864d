// Options, help, version, completion: what needs no model.
#include <gtest/gtest.h>

#include <sstream>

#include "apps/command.h"
#include "train/train_config.h"

namespace millwright::app {
namespace {

const Arguments kCommands = {"tokenize", "train", "eval", "generate", "info", "devices", "mil", "completion"};
const Arguments kTokenizeCommands = {"train", "inspect", "encode", "decode", "shards"};

TEST(CommandLine, PrintsItsVersion) {
  const Outcome outcome = run({"--version"});
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(outcome.out, "millwright " MILLWRIGHT_VERSION "\n");
  EXPECT_EQ(outcome.err, "");
}

TEST(CommandLine, HelpNamesEveryCommandAndExitCode) {
  const Outcome outcome = run({"--help"});
  EXPECT_EQ(outcome.exit_code, 0);
  for (const std::string& command : kCommands) EXPECT_NE(outcome.out.find("\n  " + command), std::string::npos);
  for (const char* code : {"0 ", "1 ", "2 ", "3 ", "4 ", "70 ", "130 "}) {
    EXPECT_NE(outcome.out.find("\n  " + std::string(code)), std::string::npos) << code;
  }
}

TEST(CommandLine, HelpOfEveryCommandGivesExamples) {
  std::vector<Arguments> commands;
  for (const std::string& command : kCommands) commands.push_back({command});
  for (const std::string& command : kTokenizeCommands) commands.push_back({"tokenize", command});
  for (Arguments command : commands) {
    command.emplace_back("--help");
    const Outcome outcome = run(command);
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_NE(outcome.out.find("Examples:\n"), std::string::npos) << command.front();
    EXPECT_NE(outcome.out.find("millwright " + command.front()), std::string::npos) << command.front();
  }
}

// The words of a line of shell, quotes left as they are.
Arguments words_of(const std::string& line) {
  std::istringstream stream(line);
  Arguments words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

// Every flag in an example is one that the help of its command lists.
void expect_known_flags(const std::string& example) {
  const Arguments words = words_of(example);
  Arguments command(words.begin() + 1, words.begin() + 2);
  if (command.front() == "tokenize") command.push_back(words.at(2));
  command.emplace_back("--help");
  const std::string help = run(command).out;
  for (const std::string& word : words) {
    if (word.rfind("--", 0) != 0) continue;
    EXPECT_NE(help.substr(0, help.find("Examples:")).find("\n  " + word + " "), std::string::npos) << example;
  }
}

TEST(CommandLine, ExamplesUseOnlyFlagsThatExist) {
  std::vector<Arguments> commands;
  for (const std::string& command : kCommands) commands.push_back({command, "--help"});
  for (const std::string& command : kTokenizeCommands) commands.push_back({"tokenize", command, "--help"});
  int examples = 0;
  for (const Arguments& command : commands) {
    std::istringstream help(run(command).out);
    for (std::string line; std::getline(help, line);) {
      if (line.rfind("  millwright ", 0) != 0) continue;
      expect_known_flags(line);
      ++examples;
    }
  }
  EXPECT_GT(examples, 20);
}

TEST(CommandLine, OffersEverySettingOfTrainingAsAFlag) {
  const std::string help = run({"train", "--help"}).out;
  for (const train::Setting& setting : train::settings()) {
    EXPECT_NE(help.find("\n  " + train::flag_name(setting)), std::string::npos) << setting.key;
  }
}

TEST(CommandLine, NamesTheNearestOptionOfAnUnknownOne) {
  expect_refused({"train", "--larning-rate", "1"}, 2,
                 "millwright train: unknown option --larning-rate; did you mean --learning-rate?");
  expect_refused({"generate", "--temprature=1"}, 2,
                 "millwright generate: unknown option --temprature; did you mean --temperature?");
  expect_refused({"info", "--zzzzzzzz"}, 2, "millwright info: unknown option --zzzzzzzz");
  expect_refused({"--verison"}, 2, "millwright: unknown option --verison; did you mean --version?");
}

TEST(CommandLine, NamesTheNearestCommandOfAnUnknownOne) {
  expect_refused({"trian"}, 2, "millwright: unknown command \"trian\"; did you mean train?");
  expect_refused({"tokenize", "encod"}, 2, "millwright tokenize: unknown command \"encod\"; did you mean encode?");
  expect_refused({"xylophone"}, 2, "millwright: unknown command \"xylophone\"");
}

TEST(CommandLine, SaysWhichCommandsThereAreWhereNoneIsGiven) {
  expect_refused({}, 2,
                 "millwright: expected one of the commands tokenize, train, eval, generate, info, devices, probe, "
                 "plan, simulate, mil, completion");
  expect_refused({"tokenize"}, 2,
                 "millwright tokenize: expected one of the commands train, inspect, encode, decode, shards");
}

TEST(CommandLine, RefusesArgumentsThatBelongNowhere) {
  expect_refused({"train", "extra"}, 2, "millwright train: unexpected argument \"extra\"");
  expect_refused({"info", "one", "two"}, 2, "millwright info: unexpected argument \"two\"");
}

TEST(CommandLine, AsksForOptionsThatACommandNeeds) {
  expect_refused({"generate"}, 2,
                 "millwright generate: --model is missing; millwright generate --help shows how to call it");
  expect_refused({"info"}, 2, "millwright info: path is missing; millwright info --help shows how to call it");
}

TEST(CommandLine, RefusesValuesThatDoNotFit) {
  expect_refused({"train", "--steps", "many"}, 2, "millwright train: --steps: expected an integer, found \"many\"");
  expect_refused({"train", "--learning-rate", "fast"}, 2,
                 "millwright train: --learning-rate: expected a number, found \"fast\"");
  expect_refused({"generate", "--model", "m", "--tokens", "12x"}, 2,
                 "millwright generate: --tokens: expected an integer, found \"12x\"");
  expect_refused({"generate", "--model", "m", "--tokens", "0"}, 2,
                 "millwright generate: --tokens: expected 1 or more, found 0");
  expect_refused({"generate", "--model", "m", "--tokens", "99999999999999999999"}, 2,
                 "millwright generate: --tokens: expected an integer of at most 63 bits, found 99999999999999999999");
  expect_refused({"eval", "--model", "m", "--threads", "-1"}, 2,
                 "millwright eval: --threads: expected 0 to 4096, found -1");
  EXPECT_EQ(run({"generate", "--model"}).exit_code, 2);
}

TEST(CommandLine, KeepsAnErrorOnOneLineWhateverAPathHolds) {
  const Outcome outcome = run({"info", "no\nsuch\x1b[31mfile"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "millwright info: cannot open no?such?[31mfile: No such file or directory; check the path\n");
}

TEST(Completion, OfBashIsAValidScriptThatKnowsEveryFlag) {
  const Outcome outcome = run_shell("\"$0\" completion bash | bash -n && \"$0\" completion bash", {});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.err, "");
  for (const train::Setting& setting : train::settings()) {
    EXPECT_NE(outcome.out.find(train::flag_name(setting)), std::string::npos) << setting.key;
  }
}

// What bash would offer behind the words so far.
std::string completed(const std::string& words) {
  const std::string script =
      "eval \"$(\"$0\" completion bash)\"; COMP_WORDS=(" + words +
      " '') ; COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _millwright; printf '%s ' \"${COMPREPLY[@]}\"";
  const Outcome outcome = run_shell("exec bash -c \"$1\" \"$0\"", {script});
  EXPECT_EQ(outcome.err, "");
  return outcome.out;
}

TEST(Completion, OfBashOffersCommandsOptionsAndTheirValues) {
  const std::string commands = completed("millwright");
  for (const std::string& command : kCommands) EXPECT_NE((" " + commands).find(" " + command + " "), std::string::npos);
  EXPECT_NE(completed("millwright tokenize").find("shards "), std::string::npos);
  EXPECT_NE(completed("millwright train").find("--learning-rate "), std::string::npos);
  EXPECT_NE(completed("millwright tokenize encode").find("--text "), std::string::npos);
  EXPECT_NE(completed("millwright train --model").find("stories15m "), std::string::npos);
  EXPECT_EQ(completed("millwright completion").substr(0, 14), "bash zsh fish ");
}

TEST(Completion, OfZshAndFishKnowsEveryFlag) {
  const std::string zsh = run({"completion", "zsh"}).out;
  const std::string fish = run({"completion", "fish"}).out;
  EXPECT_EQ(zsh.substr(0, 19), "#compdef millwright");
  for (const train::Setting& setting : train::settings()) {
    const std::string flag = train::flag_name(setting);
    EXPECT_NE(zsh.find("'" + flag + "["), std::string::npos) << flag;
    EXPECT_NE(fish.find(" -l " + flag.substr(2) + " "), std::string::npos) << flag;
  }
}

TEST(Completion, RefusesAnUnknownShell) {
  expect_refused({"completion", "tcsh"}, 2,
                 "millwright completion: unknown shell \"tcsh\"; expected one of bash, zsh, fish");
}

}  // namespace
}  // namespace millwright::app
