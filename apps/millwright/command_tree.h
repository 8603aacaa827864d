// The tree of subcommands and their options. Options are read as text and checked here, so that every message is one
// line of our own; help and shell completion are derived from the same tree.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millwright::app {

// One subcommand: its options and what it does.
class Command {
 public:
  using Values = std::vector<std::string>;

  struct Option {
    CLI::Option* parsed = nullptr;
    std::function<Status(const Values&)> set;
    bool required = false;
    std::vector<std::string> words;  // that shells offer for its value
  };

  Command(std::string path, CLI::App* parser) : path_(std::move(path)), parser_(parser) {}

  // `name` is "--flag", or a plain word for a positional argument. `shown` stands behind the flag in the help: "N", or
  // DIR, FILE or PATH where shells complete file names; empty for a switch. References stay valid until the next call.
  Option& option(const std::string& name, const std::string& shown, const std::string& help,
                 std::function<Status(const Values&)> set);
  Option& list_option(const std::string& name, const std::string& shown, const std::string& help,
                      std::function<Status(const Values&)> set);

  Option& text(const std::string& name, std::string& value, const std::string& shown, const std::string& help);
  Option& texts(const std::string& name, Values& values, const std::string& shown, const std::string& help);
  Option& integer(const std::string& name, int64_t& value, const std::string& help, int64_t minimum,
                  int64_t maximum = std::numeric_limits<int64_t>::max());
  Option& number(const std::string& name, double& value, const std::string& help);
  Option& flag(const std::string& name, bool& value, const std::string& help);

  void on_run(std::function<Status()> body) { body_ = std::move(body); }
  Status run() const { return body_(); }
  bool can_run() const { return static_cast<bool>(body_); }

  // Hands the values that were parsed to their options.
  Status take_values() const;

  const std::string& path() const { return path_; }  // "millwright tokenize train"
  CLI::App& parser() const { return *parser_; }
  const std::vector<Option>& options() const { return options_; }

 private:
  std::string path_;
  CLI::App* parser_;
  std::vector<Option> options_;
  std::function<Status()> body_;
};

class CommandTree {
 public:
  CommandTree();

  // `words` is "tokenize" or "tokenize train"; the words before the last are there already. The examples, one per line,
  // end the command's help.
  Command& add(const std::string& words, const std::string& summary, const std::string& examples);

  // What the arguments ask for: a command to run, or text to print (help, version).
  struct Parsed {
    const Command* command = nullptr;
    std::string text;
  };
  // Fails on an unknown command or option, naming the one that is spelled most like it, and on values that do not fit.
  // `name` becomes "millwright train", for the front of error lines.
  Result<Parsed> parse(int argc, const char* const* argv, std::string& name);

  // Every command; the first is `millwright` itself.
  const std::vector<std::unique_ptr<Command>>& commands() const { return commands_; }

 private:
  Command& find(const CLI::App* parser) const;
  Status check_no_extras(const Command& command) const;

  CLI::App app_;
  std::vector<std::unique_ptr<Command>> commands_;
};

}  // namespace millwright::app
