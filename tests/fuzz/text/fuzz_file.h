// A file of a fuzz target, written anew for each input, for code that takes paths. Removed when the target ends.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <string>
#include <string_view>

namespace millwright {

class FuzzFolder {
 public:
  FuzzFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "millwright-fuzz-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) std::abort();
    path_ = pattern;
  }
  FuzzFolder(const FuzzFolder&) = delete;
  FuzzFolder& operator=(const FuzzFolder&) = delete;
  ~FuzzFolder() {
    std::error_code error;
    std::filesystem::remove_all(path_, error);
  }

  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const char* name, std::string_view content) const {
    const std::filesystem::path file = path_ / name;
    std::FILE* out = std::fopen(file.c_str(), "wb");
    if (out == nullptr || std::fwrite(content.data(), 1, content.size(), out) != content.size()) std::abort();
    std::fclose(out);
    return file;
  }

 private:
  std::filesystem::path path_;
};

// Stops the target: the code under test gave something it must not.
inline void require(bool condition) {
  if (!condition) __builtin_trap();
}

}  // namespace millwright
