// The documents against the code: lists that stand in both must be the same.
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "apps/command.h"
#include "apps/millwright/exit_codes.h"
#include "model/llama_config.h"
#include "source_dir.h"
#include "train/train_config.h"

namespace millwright::app {
namespace {

std::string file(const std::string& name) {
  const std::string text = read_whole_file(std::filesystem::path(kSourceDirectory) / name);
  EXPECT_FALSE(text.empty()) << name;
  return text;
}

TEST(Documentation, ListsTheSettingsOfTheTable) {
  EXPECT_NE(file("docs/training.md").find(train::settings_markdown()), std::string::npos)
      << "docs/training.md must end with:\n"
      << train::settings_markdown();
}

// "2,048"
std::string with_commas(int64_t value) {
  std::string digits = fmt::format("{}", value);
  for (auto i = static_cast<int>(digits.size()) - 3; i > 0; i -= 3) digits.insert(static_cast<size_t>(i), ",");
  return digits;
}

TEST(Documentation, ListsThePresets) {
  const std::string text = file("docs/training.md");
  for (const model::Preset& preset : model::presets()) {
    const model::LlamaConfig& config = preset.config;
    const double millions = static_cast<double>(model::parameter_count(config)) / 1e6;
    const std::string row = fmt::format("| `{}` | {:.{}f}M | {} | {} | {} | {} |\n", preset.name, millions,
                                        millions < 1 ? 2 : 1, with_commas(config.vocabulary_size), config.layers,
                                        config.dim, with_commas(config.sequence_length));
    EXPECT_NE(text.find(row), std::string::npos) << row;
  }
}

TEST(Documentation, ListsTheExitCodes) {
  std::string table = "| code | meaning |\n|---|---|\n";
  for (const ExitCode& exit : kExitCodes) table += fmt::format("| {} | {} |\n", exit.code, exit.meaning);
  EXPECT_NE(file("docs/cli.md").find(table), std::string::npos) << table;
}

TEST(Documentation, ListsThePackagesThatAreInstalled) {
  const std::string script = file("scripts/install-dependencies");
  const size_t begin = script.find("APT_PACKAGES=\"") + 14;
  std::istringstream packages(script.substr(begin, script.find('"', begin) - begin));
  const std::string text = file("docs/dependencies.md");
  int libraries = 0;
  for (std::string package; packages >> package;) {
    if (package.find("-dev") == std::string::npos) continue;
    EXPECT_NE(text.find("`" + package + "`"), std::string::npos) << package;
    ++libraries;
  }
  EXPECT_GT(libraries, 10);
}

// Flags behind "millwright COMMAND" in a document are flags of that command.
TEST(Documentation, UsesOnlyFlagsThatExist) {
  int lines = 0;
  for (const char* name : {"README.md", "docs/cli.md", "docs/probes.md", "docs/training.md", "quickstart"}) {
    std::istringstream text(file(name));
    for (std::string line; std::getline(text, line);) {
      const size_t begin = line.find("millwright ");
      if (line.rfind("    millwright ", 0) != 0 && line.rfind("  build/release/millwright ", 0) != 0) continue;
      std::istringstream words(line.substr(begin, line.find('#', begin) - begin));
      std::string word;
      std::string command;
      words >> word >> command;
      const std::string help = run({command, "--help"}).out;
      EXPECT_NE(help.find("Usage: millwright " + command), std::string::npos) << name << ": " << line;
      while (words >> word) {
        if (word.rfind("--", 0) != 0) continue;
        EXPECT_NE(help.find("\n  " + word + " "), std::string::npos) << name << ": " << line;
      }
      ++lines;
    }
  }
  EXPECT_GT(lines, 8);
}

}  // namespace
}  // namespace millwright::app
