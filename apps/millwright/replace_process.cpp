#include "replace_process.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "base/files.h"

#if defined(__APPLE__)
#include <mach-o/dyld.h>
#endif

namespace millwright::app {
namespace {

constexpr const char* kVariable = "MILLWRIGHT_HANDOVER";

std::string own_path() {
#if defined(__APPLE__)
  uint32_t size = 0;
  _NSGetExecutablePath(nullptr, &size);
  std::string path(size, '\0');
  _NSGetExecutablePath(path.data(), &size);
  return path.c_str();
#else
  return "/proc/self/exe";
#endif
}

}  // namespace

std::optional<int> inherited_handover() {
  const char* text = std::getenv(kVariable);
  if (text == nullptr) return std::nullopt;
  char* end = nullptr;
  const long descriptor = std::strtol(text, &end, 10);
  const bool is_number = *text != '\0' && *end == '\0' && descriptor > 2 && descriptor < (1L << 20);
  ::unsetenv(kVariable);
  return is_number ? std::optional<int>(static_cast<int>(descriptor)) : std::nullopt;
}

Status replace_process(const std::vector<std::string>& arguments, int handover) {
  std::fflush(nullptr);
  ::setenv(kVariable, std::to_string(handover).c_str(), 1);
  std::vector<std::string> words = {"millwright"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const std::string path = own_path();
  ::execv(path.c_str(), pointers.data());
  return fail(ErrorKind::exhausted, "cannot start {} anew: {}; go on from the last checkpoint with train --resume",
              path, std::strerror(errno));
}

}  // namespace millwright::app
