#include "mil/diff.h"

#include <fmt/format.h>

#include <algorithm>

#include "mil/diff/attribute_comparison.h"
#include "mil/diff/function_comparison.h"

namespace millwright::mil {
namespace {

constexpr std::string_view kBuildInfo = "buildInfo";

using Kind = Difference::Kind;
using Subject = Difference::Subject;

std::vector<Attribute> compared_attributes(const Program& program, const DiffOptions& options) {
  std::vector<Attribute> attributes = program.attributes();
  if (!options.compare_build_info) std::erase_if(attributes, [](const auto& one) { return one.name == kBuildInfo; });
  return attributes;
}

// The contents of both programs; `note` says why those in weight files are compared by their references.
struct Contents {
  LiteralContents a{WeightComparison::ignored};
  LiteralContents b{WeightComparison::ignored};
  std::string note;
};

Contents read_contents(const Program& a, const Program& b, const DiffOptions& options) {
  if (options.ignore_weights) return {};
  Contents contents{LiteralContents(WeightComparison::contents), LiteralContents(WeightComparison::contents), {}};
  WeightFiles no_files{Path()};
  const auto read = [&](LiteralContents& side, const Program& program, WeightFiles* files) {
    const Status status = side.read_weights(program, files != nullptr ? *files : no_files);
    if (!status && contents.note.empty()) contents.note = status.error().message;
  };
  read(contents.a, a, options.a_weights);
  read(contents.b, b, options.b_weights);
  if (contents.note.empty()) return contents;
  return {LiteralContents(WeightComparison::references), LiteralContents(WeightComparison::references), contents.note};
}

struct FunctionPair {
  const Function* a = nullptr;
  const Function* b = nullptr;
};

// By name; where each program has one function left, these two belong together.
std::vector<FunctionPair> pair_functions(const Program& a, const Program& b) {
  std::vector<FunctionPair> pairs;
  std::vector<const Function*> b_left;
  for (const auto& function : b.functions()) b_left.push_back(function.get());
  for (const auto& function : a.functions()) {
    FunctionPair& pair = pairs.emplace_back(FunctionPair{function.get(), nullptr});
    const auto found = std::ranges::find_if(b_left, [&](const auto* one) { return one->name() == function->name(); });
    if (found == b_left.end()) continue;
    pair.b = *found;
    b_left.erase(found);
  }
  const auto is_alone = [](const FunctionPair& pair) { return pair.b == nullptr; };
  if (b_left.size() == 1 && std::ranges::count_if(pairs, is_alone) == 1) {
    std::ranges::find_if(pairs, is_alone)->b = b_left.front();
    return pairs;
  }
  for (const Function* function : b_left) pairs.push_back({nullptr, function});
  return pairs;
}

std::string_view sign(Kind kind) {
  switch (kind) {
    case Kind::added:
      return "+";
    case Kind::removed:
      return "-";
    case Kind::moved:
      return "^";
    case Kind::changed:
      return "~";
  }
  return {};
}

std::string where(const Difference::Place& place) {
  return place.line > 0 ? fmt::format("line {}", place.line) : fmt::format("operation {}", place.number);
}

// "line 12", or "line 12 -> line 14".
std::string where(const Difference::Place& a, const Difference::Place& b) {
  if (a.text.empty()) return where(b);
  if (b.text.empty() || where(a) == where(b)) return where(a);
  return fmt::format("{} -> {}", where(a), where(b));
}

std::string heading(const Difference& difference) {
  const std::string& name = difference.a.text.empty() ? difference.b.text : difference.a.text;
  switch (difference.subject) {
    case Subject::program:
      return "program";
    case Subject::function:
      return "function " + name;
    case Subject::operation:
      return fmt::format("{}, {}", where(difference.a, difference.b), name);
  }
  return {};
}

}  // namespace

ProgramDiff diff(const Program& a, const Program& b, const DiffOptions& options) {
  const Contents contents = read_contents(a, b, options);
  ProgramDiff result{{}, contents.note};
  Difference whole;
  if (a.version() != b.version()) whole.changes.push_back({"version", a.version(), b.version()});
  const auto attributes =
      compare_attributes(compared_attributes(a, options), contents.a, compared_attributes(b, options), contents.b, {});
  whole.changes.insert(whole.changes.end(), attributes.begin(), attributes.end());
  if (!whole.changes.empty()) result.differences.push_back(std::move(whole));

  for (const FunctionPair& pair : pair_functions(a, b)) {
    if (pair.a == nullptr) {
      result.differences.push_back({Kind::added, Subject::function, pair.b->name(), {}, {pair.b->name()}, {}});
    } else if (pair.b == nullptr) {
      result.differences.push_back({Kind::removed, Subject::function, pair.a->name(), {pair.a->name()}, {}, {}});
    } else {
      std::ranges::move(compare_functions(*pair.a, contents.a, *pair.b, contents.b),
                        std::back_inserter(result.differences));
    }
  }
  return result;
}

std::string difference_text(const Difference& difference) {
  std::string text = fmt::format("{} {}\n", sign(difference.kind), heading(difference));
  for (const Change& change : difference.changes) {
    text += fmt::format("    {}: {} -> {}\n", change.what, change.before, change.after);
  }
  return text;
}

}  // namespace millwright::mil
