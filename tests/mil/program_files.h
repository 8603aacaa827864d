// The text programs that the MIL tests read: tests/mil/programs/<folder>/NAME.mil, and what is expected beside them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "source_dir.h"

namespace millwright::mil::testing {

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  EXPECT_TRUE(stream.good()) << path;
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

struct ProgramFile {
  std::filesystem::path path;
  std::string text;

  std::string beside(std::string_view extension) const {
    std::filesystem::path other = path;
    return read_file(other.replace_extension(extension));
  }
};

inline std::vector<ProgramFile> program_files(std::string_view folder) {
  const std::filesystem::path directory =
      std::filesystem::path(kSourceDirectory) / "tests" / "mil" / "programs" / folder;
  std::vector<ProgramFile> files;
  for (const auto& entry : std::filesystem::directory_iterator(directory)) {
    if (entry.path().extension() == ".mil") files.push_back({entry.path(), read_file(entry.path())});
  }
  std::ranges::sort(files, {}, &ProgramFile::path);
  EXPECT_FALSE(files.empty()) << directory;
  return files;
}

}  // namespace millwright::mil::testing
