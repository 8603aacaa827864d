// What differs between two programs, whatever their values are called: functions, inputs, results, attributes, and the
// operations that were added, removed, moved or changed.
// Names of values, labels (the `name` attribute), the order of parameters, attributes and dictionaries, and whether a
// constant stands inline, in a const operation or in a weight file do not count; unused constants do not either.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "mil/blob/weight_files.h"
#include "mil/ir.h"

namespace millwright::mil {

struct DiffOptions {
  // Where the constants of each program are that are not in it. Without a file they are compared by path and offset.
  WeightFiles* a_weights = nullptr;
  WeightFiles* b_weights = nullptr;
  // Constants in weight files and those of more than kStrippedElements elements need only have one type.
  bool ignore_weights = false;
  // The program attribute that names compilers and their versions is part of the comparison.
  bool compare_build_info = false;
};

// One thing that is not the same on both sides, such as "y" or "result 0"; "none" stands for what is missing.
struct Change {
  std::string what;
  std::string before;
  std::string after;
  bool operator==(const Change&) const = default;
};

struct Difference {
  enum class Kind { added, removed, moved, changed };
  enum class Subject { program, function, operation };

  // An operation or function in one of the programs.
  struct Place {
    std::string text;   // "scores (matmul)", or the name of the function; empty where it is missing
    int line = 0;       // 0 where the program has no text
    size_t number = 0;  // of an operation in its function, from 1, constants not counted

    bool operator==(const Place&) const = default;
  };

  Kind kind = Kind::changed;
  Subject subject = Subject::program;
  std::string function;  // that it is in, by its name in `a` where it has two; empty for the program
  Place a;
  Place b;
  std::vector<Change> changes;  // of what is on both sides

  bool operator==(const Difference&) const = default;
};

struct ProgramDiff {
  std::vector<Difference> differences;  // by function, in the order of the text
  // Why constants in weight files were compared by path and offset; empty where they were compared by their elements.
  std::string weights_note;

  bool equal() const { return differences.empty(); }
};

ProgramDiff diff(const Program& a, const Program& b, const DiffOptions& options = {});

// For people: one line and an indented one for each change. "~ line 12, scores (matmul)"; "line 12 -> 14" where the two
// sides differ.
std::string difference_text(const Difference& difference);

}  // namespace millwright::mil
