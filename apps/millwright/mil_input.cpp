#include "mil_input.h"

#include <unistd.h>

#include <cerrno>

#include "mil/blob/program_blobs.h"

namespace millwright::app {
namespace {

constexpr size_t kMostInputBytes = size_t{1} << 32;

}  // namespace

Result<std::string> read_standard_input() {
  std::string text;
  std::string buffer(size_t{1} << 16, '\0');
  for (;;) {
    const ssize_t count = ::read(STDIN_FILENO, buffer.data(), buffer.size());
    if (count == 0) return text;
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", kStandardInput, errno);
    text.append(buffer, 0, static_cast<size_t>(count));
    if (text.size() > kMostInputBytes) {
      return fail("{}: expected at most {} bytes; pass the path of a file", kStandardInput, kMostInputBytes);
    }
  }
}

Result<mil::ProgramSource> read_program(const std::string& path, const std::string& weights) {
  mil::ProgramSource source;
  if (path == kStandardInputPath) {
    MW_ASSIGN(const std::string bytes, read_standard_input());
    MW_ASSIGN(source, mil::read_program_source(bytes, kStandardInput, "."));
  } else {
    MW_ASSIGN(source, mil::read_program_source(path));
  }
  if (!weights.empty()) source.folder = weights;
  return source;
}

void ProgramInput::add_to(Command& command) {
  command.text("PROGRAM", path, "PATH", "An .mlpackage, .mlmodelc, .mlmodel or .mil; -: standard input").required =
      true;
}

void ProgramInput::add_weights_to(Command& command) {
  command.text("--weights", weights, "DIR", "Folder that @model_path stands for, where it is not the program's own");
}

Result<mil::ProgramSource> ProgramInput::read() const { return read_program(path, weights); }

Result<mil::ProgramSource> ProgramInput::read_correct() const {
  MW_ASSIGN(mil::ProgramSource source, read());
  if (!source.diagnostics.empty()) return mil::fail_with(source.diagnostics, source.name);
  return source;
}

Status load_weights(mil::ProgramSource& source) {
  mil::WeightFiles files(source.folder);
  return mil::load_blobs(*source.program, files);
}

}  // namespace millwright::app
