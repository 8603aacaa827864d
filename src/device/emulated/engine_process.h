// What the engine's stack remembers about one process: compiles spent, programs resident, identities it has seen, and
// the virtual clock and energy meter. One per process on hardware; tests make their own.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>

#include "base/result.h"

namespace millwright::device {

// Virtual time and energy, predicted by the cost model of the chip profile; never measured.
struct EngineMeter {
  double compile_seconds = 0;
  double load_seconds = 0;
  double evaluate_seconds = 0;
  double joules = 0;
  int64_t compiles = 0;  // successful ones; a known identity is not compiled again
  int64_t loads = 0;
  int64_t evaluations = 0;

  double seconds() const { return compile_seconds + load_seconds + evaluate_seconds; }
};

struct EngineLimits {
  std::optional<int64_t> compiles;           // per process (C21); nothing: no limit
  std::optional<int64_t> resident_programs;  // loaded at a time (C20)
};

// What the daemon keeps under an identity: the program with the weights that were compiled into it (U3).
class CompiledProgram;

class EngineProcess {
 public:
  explicit EngineProcess(EngineLimits limits) : limits_(limits) {}

  // The program compiled under this identity, if any: then nothing is compiled and the budget stays (C2B).
  std::shared_ptr<const CompiledProgram> find(const std::string& identity) const;
  // Reserves one compile of the budget; an error where none is left.
  Status begin_compile(const std::string& name);
  // Only successful compiles count (C21): a failed one gives its place back.
  void abandon_compile();
  // `text` identifies the program without its weights; recompiling such a text is quicker (C2C).
  void keep(const std::string& identity, const std::string& text, std::shared_ptr<const CompiledProgram> program);
  // A program that came without a compile (C25).
  void keep_seeded(const std::string& identity, std::shared_ptr<const CompiledProgram> program);

  // One resident program more, or the error that the stack gives.
  Status load(const std::string& name, double seconds);
  void unload(double seconds);

  void evaluated(double seconds, double joules);

  EngineMeter meter() const;
  std::optional<int64_t> compiles_left() const;
  int64_t resident_programs() const;
  const EngineLimits& limits() const { return limits_; }
  // The engine runs one program at a time, whichever thread asks (C23).
  std::mutex& queue() { return queue_; }

 private:
  EngineLimits limits_;
  mutable std::mutex mutex_;
  std::mutex queue_;
  std::unordered_map<std::string, std::shared_ptr<const CompiledProgram>> programs_;  // by identity
  std::unordered_set<std::string> texts_;                                             // compiled before
  EngineMeter meter_;
  int64_t compiles_ = 0;
  int64_t resident_ = 0;
};

}  // namespace millwright::device
