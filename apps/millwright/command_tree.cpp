#include "command_tree.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <span>

#include "base/check.h"
#include "base/spelling.h"
#include "exit_codes.h"

namespace millwright::app {
namespace {

constexpr size_t kHelpColumn = 36;

Result<int64_t> read_integer(const std::string& name, const std::string& text) {
  char* end = nullptr;
  errno = 0;
  const long long value = std::strtoll(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0') return fail("{}: expected an integer, found \"{}\"", name, text);
  if (errno == ERANGE) return fail("{}: expected an integer of at most 63 bits, found {}", name, text);
  return value;
}

Result<double> read_number(const std::string& name, const std::string& text) {
  char* end = nullptr;
  const double value = std::strtod(text.c_str(), &end);
  if (text.empty() || *end != '\0') return fail("{}: expected a number, found \"{}\"", name, text);
  return value;
}

Status check_range(const std::string& name, int64_t value, int64_t minimum, int64_t maximum) {
  if (value >= minimum && value <= maximum) return {};
  if (maximum == std::numeric_limits<int64_t>::max()) {
    return fail("{}: expected {} or more, found {}", name, minimum, value);
  }
  return fail("{}: expected {} to {}, found {}", name, minimum, maximum, value);
}

std::vector<std::string> option_names(const CLI::App& parser) {
  std::vector<std::string> names;
  for (const CLI::Option* option : parser.get_options()) {
    for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
  }
  return names;
}

std::vector<std::string> subcommand_names(const CLI::App& parser) {
  std::vector<std::string> names;
  for (const CLI::App* child : parser.get_subcommands([](const CLI::App*) { return true; })) {
    names.push_back(child->get_name());
  }
  return names;
}

std::string suggestion(std::string_view word, const std::vector<std::string>& candidates) {
  const std::vector<std::string_view> views(candidates.begin(), candidates.end());
  const std::string_view name = nearest_spelling(word, views);
  return name.empty() ? "" : fmt::format("; did you mean {}?", name);
}

std::string exit_codes_help() {
  std::string text = "Exit codes:\n";
  for (const ExitCode& exit : kExitCodes) text += fmt::format("  {:<4} {}\n", exit.code, exit.meaning);
  return text;
}

// "--prompt=" as the two words "--prompt" and "", which CLI11 takes for a value that is missing. Behind "--" nothing is
// an option.
std::vector<std::string> separate_empty_values(int argc, const char* const* argv) {
  std::vector<std::string> words;
  bool has_options = true;
  for (const std::string word : std::span(argv, static_cast<size_t>(argc))) {
    has_options = has_options && word != "--";
    const bool is_empty = has_options && word.starts_with("--") && word.size() > 3 && word.find('=') == word.size() - 1;
    words.push_back(is_empty ? word.substr(0, word.size() - 1) : word);
    if (is_empty) words.emplace_back();
  }
  return words;
}

}  // namespace

Command::Option& Command::option(const std::string& name, const std::string& shown, const std::string& help,
                                 std::function<Status(const Values&)> set) {
  CLI::Option* parsed = nullptr;
  if (shown.empty()) {
    parsed = parser_->add_flag(name, help);
  } else {
    parsed = parser_->add_option(name, CLI::callback_t([](const CLI::results_t&) { return true; }), help);
    parsed->expected(1)->type_name(shown);
  }
  parsed->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  options_.push_back({parsed, std::move(set), false, {}});
  return options_.back();
}

Command::Option& Command::list_option(const std::string& name, const std::string& shown, const std::string& help,
                                      std::function<Status(const Values&)> set) {
  Option& added = option(name, shown, help, std::move(set));
  added.parsed->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)->expected(-1);
  return added;
}

Command::Option& Command::text(const std::string& name, std::string& value, const std::string& shown,
                               const std::string& help) {
  Option& added = option(name, shown, help, [&value](const Values& values) -> Status {
    value = values.back();
    return {};
  });
  if (!value.empty()) added.parsed->default_str(value);
  return added;
}

Command::Option& Command::texts(const std::string& name, Values& values, const std::string& shown,
                                const std::string& help) {
  return list_option(name, shown, help, [&values](const Values& given) -> Status {
    values = given;
    return {};
  });
}

Command::Option& Command::integer(const std::string& name, int64_t& value, const std::string& help, int64_t minimum,
                                  int64_t maximum) {
  Option& added = option(name, "N", help, [&value, name, minimum, maximum](const Values& values) -> Status {
    MW_ASSIGN(value, read_integer(name, values.back()));
    return check_range(name, value, minimum, maximum);
  });
  added.parsed->default_str(fmt::format("{}", value));
  return added;
}

Command::Option& Command::number(const std::string& name, double& value, const std::string& help) {
  Option& added = option(name, "X", help, [&value, name](const Values& values) -> Status {
    MW_ASSIGN(value, read_number(name, values.back()));
    return {};
  });
  added.parsed->default_str(fmt::format("{}", value));
  return added;
}

Command::Option& Command::flag(const std::string& name, bool& value, const std::string& help) {
  return option(name, "", help, [&value](const Values& values) -> Status {
    value = values.back() == "true";
    return {};
  });
}

Status Command::take_values() const {
  for (const Option& option : options_) {
    if (option.parsed->count() > 0) {
      MW_TRY(option.set(option.parsed->reduced_results()));
    } else if (option.required) {
      return fail("{} is missing; {} --help shows how to call it", option.parsed->get_name(), path_);
    }
  }
  return {};
}

CommandTree::CommandTree()
    : app_("Trains transformers that are written, differentiated and run as MIL programs.", "millwright") {
  app_.get_formatter()->column_width(kHelpColumn);
  app_.set_version_flag("--version", "millwright " MILLWRIGHT_VERSION, "Print the version");
  app_.allow_extras();
  app_.require_subcommand(0, 1);
  app_.footer("millwright COMMAND --help explains a command and gives examples.\n\n" + exit_codes_help());
  commands_.push_back(std::make_unique<Command>("millwright", &app_));
}

Command& CommandTree::add(const std::string& words, const std::string& summary, const std::string& examples) {
  const size_t cut = words.rfind(' ');
  const std::string parent_path = cut == std::string::npos ? "millwright" : "millwright " + words.substr(0, cut);
  const auto parent = std::ranges::find(commands_, parent_path, [](const auto& command) { return command->path(); });
  MW_CHECK(parent != commands_.end(), "no command {} for {}", parent_path, words);
  const std::string name = cut == std::string::npos ? words : words.substr(cut + 1);
  CLI::App* parser = (*parent)->parser().add_subcommand(name, summary);
  parser->allow_extras();
  parser->require_subcommand(0, 1);
  parser->footer("Examples:\n" + examples);
  commands_.push_back(std::make_unique<Command>("millwright " + words, parser));
  return *commands_.back();
}

Command& CommandTree::find(const CLI::App* parser) const {
  const auto found = std::ranges::find_if(commands_, [&](const auto& command) { return &command->parser() == parser; });
  MW_CHECK(found != commands_.end(), "the parser of {} has no command", parser->get_name());
  return **found;
}

Status CommandTree::check_no_extras(const Command& command) const {
  // A word that belongs nowhere stops every command around it too.
  for (const CLI::App* parser = &command.parser(); parser != nullptr; parser = parser->get_parent()) {
    const Command& owner = find(parser);
    for (const std::string& extra : parser->remaining()) {
      const bool is_option = extra.size() > 1 && extra.front() == '-';
      if (is_option) {
        const std::string flag = extra.substr(0, extra.find('='));
        return fail("unknown option {}{}", flag, suggestion(flag, option_names(*parser)));
      }
      if (owner.can_run()) return fail("unexpected argument \"{}\"", extra);
      return fail("unknown command \"{}\"{}", extra, suggestion(extra, subcommand_names(*parser)));
    }
  }
  return {};
}

Result<CommandTree::Parsed> CommandTree::parse(int argc, const char* const* argv, std::string& name) {
  const std::vector<std::string> words = separate_empty_values(argc, argv);
  std::vector<const char*> pointers;
  for (const std::string& word : words) pointers.push_back(word.c_str());
  std::string complaint;
  bool help = false;
  try {
    app_.parse(static_cast<int>(pointers.size()), pointers.data());
  } catch (const CLI::CallForHelp&) {
    help = true;
  } catch (const CLI::CallForVersion& version) {
    return Parsed{nullptr, std::string(version.what()) + "\n"};
  } catch (const CLI::Error& error) {
    complaint = error.what();
  }
  const CLI::App* parser = &app_;
  while (!parser->get_subcommands().empty()) parser = parser->get_subcommands().front();
  const Command& command = find(parser);
  name = command.path();
  if (help) return Parsed{nullptr, app_.help()};
  MW_TRY(check_no_extras(command));
  if (!complaint.empty()) return fail("{}", complaint);
  if (!command.can_run()) {
    return fail("expected one of the commands {}", fmt::join(subcommand_names(*parser), ", "));
  }
  MW_TRY(command.take_values());
  return Parsed{&command, ""};
}

}  // namespace millwright::app
