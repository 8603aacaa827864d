// The catalogue of what the engine refuses or gets wrong, as a table: each rule has an id (C30), the place where the
// real stack reports it, and one small check. docs/emulator-rules.md is printed from this table.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "ane/chip_profile.h"
#include "mil/blob/weight_files.h"
#include "mil/ir.h"

namespace millwright::ane {

// Where the real stack reports it; silent: nowhere, the results are wrong.
enum class Stage : uint8_t { compile, load, evaluate, silent };
std::string_view stage_name(Stage stage);

// A warning is for what stays silent, and for what sources do not agree on.
enum class Verdict : uint8_t { error, warning };
std::string_view verdict_name(Verdict verdict);

struct Finding {
  std::string_view rule;  // "C30"
  Stage stage = Stage::compile;
  Verdict verdict = Verdict::error;
  mil::Location location;
  std::string subject;  // "scores (softmax)", "input x", "surface 2"
  std::string problem;  // what was found, and what would be right
  std::string effect;   // what the engine does
  std::string remedy;
};

// One surface of an evaluation.
struct SurfaceUse {
  int64_t bytes = 0;
  int64_t start_offset = 0;
  int64_t address = 0;  // of its first byte; only its alignment counts
};

// An evaluation: the surfaces of a function in the order in which the caller lists them.
struct Request {
  const mil::Function& function;
  std::span<const SurfaceUse> inputs;
  std::span<const SurfaceUse> outputs;
};

// What a process is about to do with a program, and what it has done before.
struct LifecycleEvent {
  enum class Kind : uint8_t { compile, load, seeded_load, evaluate };
  Kind kind = Kind::compile;
  int64_t compiles = 0;                        // successful ones of this process
  int64_t system_compiles = 0;                 // of all processes since the machine started
  int64_t loaded_programs = 0;                 // of this process
  int64_t waiting_evaluations = 0;             // of this program
  bool compiled_before = false;                // this very object, not its text
  bool directory_is_ready = true;              // model.mil and the weight files stand in the temporary folder
  bool files_changed = false;                  // since the program was compiled under its identity
  bool slot_just_freed = false;                // a program was unloaded, and no load tried since
  bool known_text_with_other_weights = false;  // compile: what the identity by text takes for the same program
  bool text_is_donors = true;                  // seeded_load: text and shapes equal those of the donor
  int64_t seeded_weight_files = 1;             // seeded_load: weight files of the program
};

struct Rule;

// Takes the findings of one rule.
class Report {
 public:
  Report(const Rule& rule, std::vector<Finding>& findings) : rule_(rule), findings_(findings) {}

  // The finding with the rule's own place, effect and remedy; it may be changed.
  Finding& add(std::string subject, std::string problem, mil::Location location = {});
  Finding& add(const mil::Operation& operation, std::string problem);

 private:
  const Rule& rule_;
  std::vector<Finding>& findings_;
};

using OperationCheck = void (*)(const mil::Operation& operation, const ChipProfile& profile, Report& report);
using FunctionCheck = void (*)(const mil::Function& function, const ChipProfile& profile, Report& report);
using ProgramCheck = void (*)(const mil::Program& program, const ChipProfile& profile, Report& report);
// Of weight files that are there.
using WeightCheck = void (*)(const mil::Program& program, mil::WeightFiles& files, const ChipProfile& profile,
                             Report& report);
using RequestCheck = void (*)(const Request& request, const ChipProfile& profile, Report& report);
using LifecycleCheck = void (*)(const LifecycleEvent& event, const ChipProfile& profile, Report& report);

struct Rule {
  std::string_view id;
  Stage stage = Stage::compile;
  Verdict verdict = Verdict::error;
  std::string_view statement;  // for people, one line
  std::string_view option;     // the profile's fact that decides, "limits.rank"; empty: the rule always holds
  std::string_view sources;
  std::string_view effect;
  std::string_view remedy;
  std::variant<OperationCheck, FunctionCheck, ProgramCheck, WeightCheck, RequestCheck, LifecycleCheck> check;
};

// The sections of the catalogue, one file each.
std::span<const Rule> text_rules();
std::span<const Rule> shape_rules();
std::span<const Rule> lifecycle_rules();
std::span<const Rule> surface_rules();
std::span<const Rule> weight_rules();
std::span<const Rule> numeric_rules();

struct RuleSection {
  std::string_view title;
  std::span<const Rule> rules;
};

std::span<const RuleSection> rule_sections();

}  // namespace millwright::ane
