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
#include <vector>

#include "base/result.h"

namespace millwright::device {

// Virtual time and energy, predicted by the cost model of the chip profile; never measured.
struct EngineMeter {
  double compile_seconds = 0;
  double load_seconds = 0;
  double evaluate_seconds = 0;
  double idle_seconds = 0;  // that pass_time() let pass
  double joules = 0;
  int64_t compiles = 0;  // successful ones; a known identity is not compiled again
  int64_t loads = 0;
  int64_t evaluations = 0;

  double seconds() const { return compile_seconds + load_seconds + evaluate_seconds + idle_seconds; }
};

struct EngineLimits {
  std::optional<int64_t> compiles;           // per process (C21); nothing: no limit
  std::optional<int64_t> system_compiles;    // of all processes of the machine (C22)
  std::optional<int64_t> resident_programs;  // loaded at a time (C20)
  bool load_fails_after_unload = false;      // once (C29)
  double failure_pause_seconds = 0;          // a compile so soon after a failed one …
  double failure_penalty_seconds = 0;        // … takes this longer (C28)
  double compile_slowdown = 1;               // of evaluations while the process compiles (C6B)
};

// What processes share until the machine restarts: the compiles of all of them (C22).
class EngineMachine {
 public:
  // One more, unless `limit` are done.
  bool take_compile(std::optional<int64_t> limit);
  void give_back_compile();

 private:
  std::mutex mutex_;
  int64_t compiles_ = 0;
};

// What the daemon keeps under an identity: the program with the weights that were compiled into it (U3).
class CompiledProgram;

class EngineProcess {
 public:
  explicit EngineProcess(EngineLimits limits, std::shared_ptr<EngineMachine> machine = nullptr);

  // Whether this identity was compiled or seeded before: then nothing is compiled and the budget stays (C2B).
  bool knows(const std::string& identity) const;
  // The program of a known identity, as long as somebody holds it.
  std::shared_ptr<const CompiledProgram> find(const std::string& identity) const;
  // Reserves one compile of the budget; an error where none is left.
  Status begin_compile(const std::string& name);
  // Only successful compiles count (C21): a failed one gives its place back.
  void abandon_compile();
  // A compile was refused: those that follow soon are slow (C28).
  void note_failed_compile();
  // `text` identifies the program without its weights; recompiling such a text is quicker (C2C).
  void keep(const std::string& identity, const std::string& text, std::shared_ptr<const CompiledProgram> program);
  // A program that came without a compile (C25, C2B).
  void keep_uncompiled(const std::string& identity, std::shared_ptr<const CompiledProgram> program);
  // Holds the program of an identity from now on: its weights are gone elsewhere.
  void hold(std::shared_ptr<const CompiledProgram> program);

  // One resident program more, or the error that the stack gives.
  Status load(const std::string& name, double seconds);
  void unload(double seconds);

  // An evaluation that takes `seconds` where nothing compiles beside it.
  void evaluated(double seconds, double joules);
  // Virtual time in which the engine has nothing to do.
  void pass_time(double seconds);
  // Virtual seconds since the last evaluation ended.
  double seconds_without_evaluation() const;

  EngineMeter meter() const;
  std::optional<int64_t> compiles_left() const;
  int64_t resident_programs() const;
  const EngineLimits& limits() const { return limits_; }
  // The engine runs one program at a time, whichever thread asks (C23).
  std::mutex& queue() { return queue_; }

 private:
  double pay_for_failures();

  EngineLimits limits_;
  std::shared_ptr<EngineMachine> machine_;
  mutable std::mutex mutex_;
  std::mutex queue_;
  std::unordered_map<std::string, std::weak_ptr<const CompiledProgram>> programs_;  // by identity
  std::vector<std::shared_ptr<const CompiledProgram>> held_;
  std::unordered_set<std::string> texts_;  // compiled before
  EngineMeter meter_;
  std::vector<double> failures_;  // virtual times of failed compiles that nobody has paid for
  double last_evaluation_ = 0;    // virtual time of its end
  int64_t compiles_ = 0;
  int64_t running_compiles_ = 0;  // begun, and neither kept nor abandoned
  int64_t resident_ = 0;
  bool slot_was_just_freed_ = false;
};

}  // namespace millwright::device
