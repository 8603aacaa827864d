// `millwright completion`: scripts for shells, derived from the tree of commands and their options.

#include <fmt/format.h>

#include <memory>
#include <string>
#include <vector>

#include "commands.h"
#include "output.h"

namespace millwright::app {
namespace {

constexpr const char* kExamples =
    "  source <(millwright completion bash)\n"
    "  millwright completion zsh > ~/.zfunc/_millwright\n"
    "  millwright completion fish > ~/.config/fish/completions/millwright.fish\n";

// What shells know about one command.
struct Words {
  std::string path;  // "millwright tokenize train"
  std::vector<std::string> subcommands;
  std::vector<const CLI::App*> parsers;  // of the subcommands
  std::vector<const CLI::Option*> options;
};

bool takes_path(const CLI::Option& option) {
  const std::string shown = option.get_type_name();
  return shown.find("FILE") != std::string::npos || shown.find("PATH") != std::string::npos ||
         shown.find("DIR") != std::string::npos;
}

bool takes_value(const CLI::Option& option) { return option.get_expected_max() > 0; }

std::string long_name(const CLI::Option& option) {
  return option.get_lnames().empty() ? "" : "--" + option.get_lnames().front();
}

const std::vector<std::string>& value_words(const Command& command, const CLI::Option& option) {
  static const std::vector<std::string> none;
  for (const Command::Option& known : command.options()) {
    if (known.parsed == &option) return known.words;
  }
  return none;
}

Words words_of(const Command& command) {
  Words words;
  words.path = command.path();
  for (const CLI::App* child : std::as_const(command.parser()).get_subcommands([](const CLI::App*) { return true; })) {
    words.subcommands.push_back(child->get_name());
    words.parsers.push_back(child);
  }
  for (const CLI::Option* option : std::as_const(command.parser()).get_options()) {
    if (!long_name(*option).empty()) words.options.push_back(option);
  }
  return words;
}

// Values of options: known words, file names, or nothing to offer. Of positional arguments likewise.
std::string bash_values(const Command& command) {
  std::string cases;
  for (const CLI::Option* option : words_of(command).options) {
    if (!takes_value(*option)) continue;
    const std::vector<std::string>& words = value_words(command, *option);
    std::string reply = ":";
    if (!words.empty()) {
      reply = fmt::format("COMPREPLY=($(compgen -W \"{}\" -- \"$current\"))", fmt::join(words, " "));
    } else if (takes_path(*option)) {
      reply = "compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- \"$current\"))";
    }
    cases += fmt::format("        {}) {}; return ;;\n", long_name(*option), reply);
  }
  return cases;
}

std::vector<std::string> positional_words(const Command& command) {
  for (const Command::Option& option : command.options()) {
    if (option.parsed->get_positional()) return option.words;
  }
  return {};
}

bool has_path_argument(const Command& command) {
  for (const Command::Option& option : command.options()) {
    if (option.parsed->get_positional() && takes_path(*option.parsed)) return true;
  }
  return false;
}

std::string bash_script(const CommandTree& tree) {
  std::string cases;
  std::string paths;
  for (const auto& command : tree.commands()) {
    const Words words = words_of(*command);
    std::vector<std::string> offered = words.subcommands;
    for (const std::string& word : positional_words(*command)) offered.push_back(word);
    for (const CLI::Option* option : words.options) offered.push_back(long_name(*option));
    cases += fmt::format("    \"{}\")\n", words.path);
    if (const std::string values = bash_values(*command); !values.empty()) {
      cases += "      case \"$previous\" in\n" + values + "      esac\n";
    }
    cases += fmt::format("      COMPREPLY=($(compgen -W \"{}\" -- \"$current\"))\n", fmt::join(offered, " "));
    if (has_path_argument(*command)) {
      cases +=
          "      [ -n \"$COMPREPLY\" ] || { compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "
          "\"$current\")); }\n";
    }
    cases += "      ;;\n";
    if (words.path != "millwright") paths += (paths.empty() ? "" : "|") + fmt::format("\"{}\"", words.path);
  }
  return fmt::format(R"(# bash completion for millwright
_millwright() {{
  local current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}" command=millwright i
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$command ${{COMP_WORDS[i]}}" in
      {}) command="$command ${{COMP_WORDS[i]}}" ;;
    esac
  done
  COMPREPLY=()
  case "$command" in
{}  esac
}}
complete -F _millwright millwright
)",
                     paths, cases);
}

// Inside single quotes of zsh and fish.
std::string quoted(const std::string& text, const std::string& escaped_quote) {
  std::string out;
  for (const char c : text) {
    if (c == '\'') {
      out += escaped_quote;
    } else {
      out += c;
    }
  }
  return out;
}

// In a _arguments specification brackets and colons have a meaning.
std::string zsh_text(const std::string& text) {
  std::string out;
  for (const char c : quoted(text, "'\\''")) {
    if (c == '[' || c == ']' || c == ':') out += '\\';
    out += c;
  }
  return out;
}

std::string zsh_value(const Command& command, const CLI::Option& option) {
  if (!takes_value(option)) return "";
  const std::vector<std::string>& words = value_words(command, option);
  std::string action;
  if (!words.empty()) {
    action = fmt::format("({})", fmt::join(words, " "));
  } else if (takes_path(option)) {
    action = "_files";
  }
  return fmt::format(":{}:{}", zsh_text(option.get_type_name()), action);
}

std::string function_name(const std::string& path) {
  std::string name = "_" + path;
  for (char& c : name) {
    if (c == ' ') c = '_';
  }
  return name;
}

std::string zsh_function(const Command& command) {
  const Words words = words_of(command);
  std::string lines;
  for (const CLI::Option* option : words.options) {
    lines += fmt::format("    '{}[{}]{}' \\\n", long_name(*option), zsh_text(option->get_description()),
                         zsh_value(command, *option));
  }
  if (words.subcommands.empty()) {
    std::string argument = "    && return\n";
    if (const auto offered = positional_words(command); !offered.empty()) {
      argument = fmt::format("    ':argument:({})' && return\n", fmt::join(offered, " "));
    } else if (has_path_argument(command)) {
      argument = "    ':path:_files' && return\n";
    }
    return fmt::format("{}() {{\n  _arguments -s \\\n{}{}}}\n", function_name(words.path), lines, argument);
  }
  std::string described;
  std::string calls;
  for (size_t i = 0; i < words.subcommands.size(); ++i) {
    const std::string& name = words.subcommands[i];
    described += fmt::format("      '{}:{}'\n", name, zsh_text(words.parsers[i]->get_description()));
    calls += fmt::format("        {}) {} ;;\n", name, function_name(words.path + " " + name));
  }
  return fmt::format(R"({}() {{
  local context state line
  _arguments -C \
{}    '1: :->command' '*:: :->rest' && return
  case $state in
    command)
      local -a commands=(
{}      )
      _describe command commands ;;
    rest)
      case $line[1] in
{}      esac ;;
  esac
}}
)",
                     function_name(words.path), lines, described, calls);
}

std::string zsh_script(const CommandTree& tree) {
  std::string script = "#compdef millwright\n# zsh completion for millwright\n";
  for (const auto& command : tree.commands()) script += zsh_function(*command);
  // Loaded by compinit the file is the function's body; sourced, it registers the function.
  return script +
         "if [ \"$funcstack[1]\" = \"_millwright\" ]; then\n  _millwright \"$@\"\nelse\n"
         "  compdef _millwright millwright\nfi\n";
}

// True on the command line of exactly this command.
std::string fish_condition(const Words& words) {
  std::string condition;
  size_t begin = words.path.find(' ');
  while (begin != std::string::npos) {
    const size_t end = words.path.find(' ', begin + 1);
    const std::string word = words.path.substr(begin + 1, end == std::string::npos ? end : end - begin - 1);
    condition += (condition.empty() ? "" : "; and ") + fmt::format("__fish_seen_subcommand_from {}", word);
    begin = end;
  }
  if (!words.subcommands.empty()) {
    condition += (condition.empty() ? "" : "; and ") +
                 fmt::format("not __fish_seen_subcommand_from {}", fmt::join(words.subcommands, " "));
  }
  return condition.empty() ? "true" : condition;
}

std::string fish_lines(const Command& command) {
  const Words words = words_of(command);
  const std::string condition = fish_condition(words);
  std::string lines;
  for (size_t i = 0; i < words.subcommands.size(); ++i) {
    lines += fmt::format("complete -c millwright -f -n '{}' -a {} -d '{}'\n", condition, words.subcommands[i],
                         quoted(words.parsers[i]->get_description(), "\\'"));
  }
  for (const std::string& word : positional_words(command)) {
    lines += fmt::format("complete -c millwright -f -n '{}' -a {}\n", condition, word);
  }
  for (const CLI::Option* option : words.options) {
    lines += fmt::format("complete -c millwright -n '{}' -l {} -d '{}'", condition, option->get_lnames().front(),
                         quoted(option->get_description(), "\\'"));
    if (takes_value(*option)) {
      const std::vector<std::string>& offered = value_words(command, *option);
      lines += takes_path(*option) && offered.empty() ? " -r -F" : " -x";
      if (!offered.empty()) lines += fmt::format(" -a '{}'", fmt::join(offered, " "));
    }
    lines += "\n";
  }
  return lines;
}

std::string fish_script(const CommandTree& tree) {
  std::string script = "# fish completion for millwright\n";
  for (const auto& command : tree.commands()) script += fish_lines(*command);
  return script;
}

struct Shell {
  std::string name;
  std::string (*script)(const CommandTree&);
};

const std::vector<Shell>& shells() {
  static const std::vector<Shell> table = {{"bash", bash_script}, {"zsh", zsh_script}, {"fish", fish_script}};
  return table;
}

std::vector<std::string> shell_names() {
  std::vector<std::string> names;
  for (const Shell& shell : shells()) names.push_back(shell.name);
  return names;
}

Status run_completion(const CommandTree& tree, const std::string& wanted) {
  for (const Shell& shell : shells()) {
    if (shell.name != wanted) continue;
    print(shell.script(tree));
    return {};
  }
  return fail("unknown shell \"{}\"; expected one of {}", wanted, fmt::join(shell_names(), ", "));
}

}  // namespace

void add_completion(CommandTree& tree) {
  Command& command = tree.add("completion", "Print a script that completes commands and options in a shell", kExamples);
  auto shell = std::make_shared<std::string>();
  Command::Option& option = command.text("shell", *shell, "SHELL", "bash, zsh or fish");
  option.required = true;
  option.words = shell_names();
  command.on_run([shell, &tree] { return run_completion(tree, *shell); });
}

}  // namespace millwright::app
