// Random programs, written as text in two ways: what only the writing differs in is no difference, and one mutation is
// reported as just that.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/random.h"
#include "mil/diff.h"
#include "mil/parser.h"

namespace millwright::mil {
namespace {

constexpr size_t kInputs = 3;

// kind(x = value[, y = value][, alpha = number][, flag = number]). Values are inputs, then results, by number.
struct Step {
  std::string kind;
  std::vector<size_t> operands;
  std::optional<int> alpha;
  std::optional<int> flag;
  std::string type = "tensor<fp32, [2, 3]>";
};

struct Design {
  std::vector<Step> steps;
  std::vector<size_t> results;
  std::string input_type = "tensor<fp32, [2, 3]>";

  size_t values() const { return kInputs + steps.size(); }
  bool is_used(size_t value) const {
    const auto uses = [value](const Step& step) { return std::ranges::count(step.operands, value) > 0; };
    return std::ranges::count(results, value) > 0 || std::ranges::any_of(steps, uses);
  }
};

// `distinct`: no two steps compute the same, so that a mutation can be told from any other.
Design random_design(RandomStream& random, bool distinct) {
  constexpr const char* kUnary[] = {"elu", "leaky_relu", "thresholded_relu"};
  constexpr const char* kBinary[] = {"add", "mul", "sub", "maximum"};
  Design design;
  const size_t count = 3 + random.below(30);
  for (size_t i = 0; i < count; ++i) {
    Step step;
    const auto recent = [&] { return design.values() - 1 - random.below(std::min<size_t>(design.values(), 6)); };
    if (random.below(2) == 0) {
      step = {kUnary[random.below(3)], {recent()}, distinct ? static_cast<int>(i) : 1, {}};
    } else {
      step = {kBinary[random.below(4)], {recent(), recent()}, {}, {}};
      if (distinct) step.flag = static_cast<int>(i);
    }
    design.steps.push_back(step);
  }
  for (size_t i = 0; i < 2; ++i) design.results.push_back(kInputs + random.below(count));
  return design;
}

// Writes a design with names, order of parameters, labels and places of constants of its own.
class Writer {
 public:
  Writer(const Design& design, uint64_t seed) : design_(design), random_(seed), prefix_(fmt::format("v{}_", seed)) {}

  std::string name(size_t value) const { return fmt::format("{}{}", prefix_, (value * 7 + 3) % 1009); }

  std::string write() {
    for (size_t i = 0; i < design_.steps.size(); ++i) write_step(design_.steps[i], kInputs + i);
    std::string inputs;
    for (size_t i = 0; i < kInputs; ++i) {
      inputs +=
          fmt::format("{}{} {}", i > 0 ? ", " : "", i == 0 ? design_.input_type : "tensor<fp32, [2, 3]>", name(i));
    }
    std::vector<std::string> results;
    for (const size_t result : design_.results) results.push_back(name(result));
    return fmt::format(
        "program(1.3)\n[buildInfo = dict<string, string>({{{{\"tool\", \"{}\"}}}})]\n{{\n"
        "func main<ios18>({}) {{\n{}{}}} -> ({});\n}}\n",
        prefix_, inputs, constants_, body_, fmt::join(results, ", "));
  }

 private:
  // The number itself, or the name of a const operation above.
  std::string constant(int number) {
    const std::string literal = fmt::format("fp32({})", number);
    if (random_.below(3) == 0) return literal;
    const std::string place = fmt::format("{}c{}", prefix_, ++constants_written_);
    const std::string text =
        random_.below(2) == 0
            ? fmt::format("fp32 {} = const()[name = string(\"{}\"), val = {}];\n", place, place, literal)
            : fmt::format("tensor<fp32, []> {} = const()[val = {}];\n", place, literal);
    (random_.below(2) == 0 ? constants_ : body_) += text;
    return place;
  }

  void write_step(const Step& step, size_t value) {
    std::vector<std::string> arguments;
    for (size_t i = 0; i < step.operands.size(); ++i) {
      arguments.push_back(fmt::format("{} = {}", i == 0 ? "x" : "y", name(step.operands[i])));
    }
    if (step.alpha) arguments.push_back("alpha = " + constant(*step.alpha));
    if (random_.below(2) == 0) std::ranges::reverse(arguments);
    std::vector<std::string> attributes;
    if (step.flag) attributes.push_back(fmt::format("flag = int32({})", *step.flag));
    if (random_.below(2) == 0) attributes.push_back(fmt::format("name = string(\"{}\")", random_.below(5)));
    if (random_.below(2) == 0) std::ranges::reverse(attributes);
    body_ += fmt::format("{} {} = {}({})[{}];\n", step.type, name(value), step.kind, fmt::join(arguments, ", "),
                         fmt::join(attributes, ", "));
  }

  const Design& design_;
  RandomStream random_;
  std::string prefix_;
  std::string constants_;
  std::string body_;
  int constants_written_ = 0;
};

Program written(const Design& design, uint64_t seed) {
  const std::string text = Writer(design, seed).write();
  auto program = parse_program(text, "test");
  EXPECT_TRUE(program) << program.error().message << "\n" << text;
  return program ? std::move(*program) : Program();
}

// "~ v1_10 (elu): alpha, type" for a difference whose changes are of these.
std::string summary(const Difference& difference) {
  std::string text(1, "+-^~"[static_cast<size_t>(difference.kind)]);
  text += " " + (difference.a.text.empty() ? difference.b.text : difference.a.text);
  for (const Change& change : difference.changes) text += ", " + change.what;
  return text;
}

std::vector<std::string> summaries(const Design& a, const Design& b) {
  std::vector<std::string> texts;
  for (const Difference& difference : diff(written(a, 1), written(b, 2)).differences) {
    texts.push_back(summary(difference));
  }
  return texts;
}

// Numbers of values behind `value` grow by `by`.
void shift_values(Design& design, size_t value, size_t by) {
  const auto shift = [&](size_t& number) {
    if (number >= value) number += by;
  };
  for (Step& step : design.steps) std::ranges::for_each(step.operands, shift);
  std::ranges::for_each(design.results, shift);
}

struct Mutation {
  Design design;
  std::vector<std::string> expected;
};

// A change of step `index`, and the summaries that it must give; nothing where it cannot be made.
std::optional<Mutation> mutated(const Design& design, size_t index, size_t choice, RandomStream& random) {
  Mutation mutation{design, {}};
  Step& step = mutation.design.steps[index];
  const Writer a(design, 1);
  const Writer b(design, 2);
  const std::string name = fmt::format("{} ({})", a.name(kInputs + index), step.kind);
  switch (choice) {
    case 0:
      if (!step.alpha) return std::nullopt;
      step.alpha = 1000;
      mutation.expected = {"~ " + name + ", alpha"};
      return mutation;
    case 1: {
      size_t& operand = step.operands.back();
      const size_t other = random.below(kInputs + index);
      if (other == operand) return std::nullopt;
      operand = other;
      mutation.expected = {"~ " + name + (step.operands.size() == 1 ? ", x" : ", y")};
      return mutation;
    }
    case 2:
      step.kind = "other";
      mutation.expected = {"~ " + name + ", kind"};
      return mutation;
    case 3:
      step.type = "tensor<fp16, [2, 3]>";
      mutation.expected = {"~ " + name + ", type"};
      return mutation;
    case 4:
      if (step.flag) return std::nullopt;
      step.flag = 5;
      mutation.expected = {"~ " + name + ", flag"};
      return mutation;
    case 5:
      mutation.design.input_type = "tensor<fp32, [9]>";
      mutation.expected = {"~ main, input " + a.name(0)};
      return mutation;
    case 6: {
      const size_t result = kInputs + random.below(design.steps.size());
      if (result == design.results[1]) return std::nullopt;
      mutation.design.results[1] = result;
      mutation.expected = {"~ main, result 1"};
      return mutation;
    }
    case 7:
      if (design.is_used(kInputs + index)) return std::nullopt;
      mutation.design.steps.erase(mutation.design.steps.begin() + static_cast<ptrdiff_t>(index));
      shift_values(mutation.design, kInputs + index, static_cast<size_t>(-1));
      mutation.expected = {"- " + name};
      return mutation;
    default: {
      // Between the step and its first operand.
      const size_t place = kInputs + index;
      const Step added{"sigmoid", {step.operands[0]}, {}, {}};
      shift_values(mutation.design, place, 1);
      mutation.design.steps[index].operands[0] = place;
      mutation.design.steps.insert(mutation.design.steps.begin() + static_cast<ptrdiff_t>(index), added);
      mutation.expected = {fmt::format("+ {} (sigmoid)", b.name(place)), "~ " + name + ", x"};
      return mutation;
    }
  }
}

TEST(DiffOfRandomPrograms, FindsNothingWhereOnlyTheWritingDiffers) {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    RandomStream random(seed);
    const Design design = random_design(random, seed % 2 == 0);
    EXPECT_EQ(summaries(design, design), std::vector<std::string>()) << "seed " << seed;
  }
}

TEST(DiffOfRandomPrograms, ReportsOneMutationAsJustThat) {
  size_t made = 0;
  for (uint64_t seed = 0; seed < 120; ++seed) {
    RandomStream random(seed);
    const Design design = random_design(random, true);
    for (size_t choice = 0; choice < 9; ++choice) {
      const std::optional<Mutation> mutation = mutated(design, random.below(design.steps.size()), choice, random);
      if (!mutation) continue;
      ++made;
      EXPECT_EQ(summaries(design, mutation->design), mutation->expected) << "seed " << seed << ", mutation " << choice;
    }
  }
  EXPECT_GT(made, 600u);
}

// Here operations that compute the same make it a matter of choice which of them has changed, but not whether one has.
TEST(DiffOfRandomPrograms, MissesNoMutationAmongEqualOperations) {
  for (uint64_t seed = 0; seed < 120; ++seed) {
    RandomStream random(seed);
    const Design design = random_design(random, false);
    for (size_t choice = 0; choice < 9; ++choice) {
      const std::optional<Mutation> mutation = mutated(design, random.below(design.steps.size()), choice, random);
      if (!mutation) continue;
      const size_t found = summaries(design, mutation->design).size();
      EXPECT_GT(found, 0u) << "seed " << seed << ", mutation " << choice;
      EXPECT_LE(found, 6u) << "seed " << seed << ", mutation " << choice;
    }
  }
}

}  // namespace
}  // namespace millwright::mil
