// The catalogue as a whole: every entry is a rule or has a reason not to be one, every rule's option is a fact of the
// profile, and docs/emulator-rules.md shows both tables.
#include <gmock/gmock.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "ane/profile_text.h"
#include "ane/rule_testing.h"
#include "mil/program_files.h"
#include "source_dir.h"

namespace millwright::ane {
namespace {

struct Entry {
  const char* id;
  const char* reason;
};

// Entries of the catalogue that no program and no evaluation can break.
const std::vector<Entry> kWithoutRule = {
    {"C04", "the language itself refuses two values of one name"},
    {"C0B", "one report of a compile that failed, without the program"},
    {"C1A", "costs time only: the cost model's"},
    {"C28", "costs time only: the clock's"},
    {"C2B", "says what a program's identity is (U3); C24 is how it is broken"},
    {"C2C", "costs time only: the cost model's"},
    {"C36", "follows from C30"},
    {"C39", "C30 for outputs"},
    {"C3E", "says how tensors lie in surfaces"},
    {"C45", "costs time only: the cost model's"},
    {"C46", "costs time only: the cost model's"},
    {"C52", "depends on the numbers: the emulator's arithmetic"},
    {"C56", "rounding: the emulator's arithmetic"},
    {"C57", "rounding: the emulator's arithmetic"},
    {"C58", "depends on the numbers: the emulator's arithmetic"},
    {"C59", "depends on the numbers: the emulator's arithmetic"},
    {"C5A", "depends on the numbers: the emulator's arithmetic"},
    {"C5B", "tables of activations: the emulator's arithmetic"},
    {"C5C", "depends on the numbers: the emulator's arithmetic"},
    {"C5D", "results are the same bits every time; nothing can break that"},
    {"C5E", "chips differ by a unit in the last place; below what is modelled"},
    {"C5F", "depends on the numbers: the emulator's arithmetic"},
    {"C60", "follows from C56"},
    {"C61", "follows from C56"},
    {"C62", "costs time only: the cost model's"},
    {"C63", "costs time only: the cost model's"},
    {"C64", "costs time only: the cost model's"},
    {"C65", "costs time only: the cost model's"},
    {"C66", "costs time only: the cost model's"},
    {"C67", "costs time only: the cost model's"},
    {"C68", "costs time only: the clock's"},
    {"C69", "about terminals, not engines"},
    {"C6A", "costs time only: the cost model's"},
    {"C6B", "costs time only: the clock's"},
    {"C6C", "costs time only, and too little to model"},
};

// The ids that the catalogue has, section by section.
std::set<std::string> catalogue_ids() {
  std::set<std::string> ids;
  const std::pair<int, int> ranges[] = {{0x01, 0x0F}, {0x10, 0x1C}, {0x20, 0x2C}, {0x30, 0x3F},
                                        {0x40, 0x46}, {0x50, 0x61}, {0x62, 0x6C}};
  for (const auto& [first, last] : ranges) {
    for (int id = first; id <= last; ++id) ids.insert(fmt::format("C{:02X}", id));
  }
  return ids;
}

template <class Visit>
void for_each_rule(Visit&& visit) {
  for (const RuleSection& section : rule_sections()) {
    for (const Rule& rule : section.rules) visit(rule);
  }
}

TEST(Catalogue, EveryEntryIsARuleOrHasAReasonNotToBe) {
  std::set<std::string> rules;
  for_each_rule([&](const Rule& rule) { rules.emplace(rule.id); });
  std::set<std::string> all = rules;
  for (const Entry& entry : kWithoutRule) {
    EXPECT_FALSE(rules.contains(entry.id)) << entry.id;
    all.insert(entry.id);
  }
  EXPECT_EQ(all, catalogue_ids());
}

TEST(Catalogue, EveryRuleSaysWhatHappensAndWhatToDo) {
  for_each_rule([](const Rule& rule) {
    EXPECT_NE(rule.statement, "") << rule.id;
    EXPECT_NE(rule.sources, "") << rule.id;
    EXPECT_NE(rule.effect, "") << rule.id;
    EXPECT_NE(rule.remedy, "") << rule.id;
    // What stays silent on the hardware is a warning; --strict makes it an error.
    EXPECT_TRUE(rule.stage != Stage::silent || rule.verdict == Verdict::warning) << rule.id;
  });
}

TEST(Catalogue, StrictnessMakesWarningsErrors) {
  const mil::Program program = testing::parsed(testing::program_text(
      "tensor<fp16, [1, 4, 1, 32]> x", "tensor<fp16, [1, 4, 1, 32]> y = softplus(x = x)[name = string(\"y\")];", "y"));
  std::vector<Finding> findings = check_program(program, testing::chip("m4"));
  EXPECT_EQ(findings.size(), 1u);
  EXPECT_FALSE(has_errors(findings));
  make_strict(findings);
  EXPECT_TRUE(has_errors(findings));
}

TEST(Catalogue, FindingsStandInTheOrderOfTheText) {
  const mil::Program program =
      testing::parsed(testing::program_text("tensor<fp16, [1, 4, 1, 32]> x",
                                            "tensor<fp16, [1, 4, 1, 32]> a = softplus(x = x)[name = string(\"a\")];\n"
                                            "tensor<fp16, [1, 4, 1, 32]> b = tan(x = a)[name = string(\"b\")];\n"
                                            "tensor<fp16, [1, 4, 1, 32]> y = softplus(x = b)[name = string(\"y\")];",
                                            "y"));
  const std::vector<Finding> findings = check_program(program, testing::chip("m4"));
  ASSERT_EQ(findings.size(), 3u);
  EXPECT_EQ(findings[0].subject, "a (softplus)");
  EXPECT_EQ(findings[0].location.line, 4);
  EXPECT_EQ(findings[1].subject, "b (tan)");
  EXPECT_EQ(findings[2].subject, "y (softplus)");
}

// Programs of any origin, most of which no engine takes: every rule looks at each, and none stumbles.
TEST(Catalogue, EveryRuleTakesEveryCorrectProgram) {
  const std::vector<ChipProfile> profiles = {testing::chip("m1+im+zeros"), testing::chip("m5+e5+orion"),
                                             testing::chip("m4 rules.espresso_limits=true")};
  size_t checked = 0;
  for (const char* folder : {"exact", "reprinted", "types"}) {
    for (const auto& file : mil::testing::program_files(folder)) {
      const mil::ParseResult result = mil::parse(file.text);
      if (!result.program || !mil::verify(*result.program)) continue;
      for (const ChipProfile& profile : profiles) {
        for (const Finding& finding : check_program(*result.program, profile)) {
          EXPECT_NE(finding.problem, "") << file.path << ": " << finding_text(finding);
        }
      }
      ++checked;
    }
  }
  EXPECT_GT(checked, 10u);
}

// The fact behind an option on each generation: "m1, m2: yes; m3, m4, m5: no", and the reasons for it.
struct Default {
  std::string values;
  std::string reasons;
};

Default default_of(std::string_view option) {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups;
  std::vector<std::string> reasons;
  for (const std::string name : {"m1", "m2", "m3", "m4", "m5"}) {
    for (const FactText& fact : fact_texts(testing::chip(name))) {
      if (fact.section + "." + fact.key != option) continue;
      const bool is_list = fact.key.ends_with("operations") && fact.value.find(", ") != std::string::npos;
      const std::string value = is_list ? "a list" : fact.value;
      const auto group = std::ranges::find(groups, value, [](const auto& entry) { return entry.first; });
      if (group == groups.end()) {
        groups.push_back({value, {name}});
      } else {
        group->second.push_back(name);
      }
      if (!fact.reason.empty() && std::ranges::find(reasons, fact.reason) == reasons.end()) {
        reasons.push_back(fact.reason);
      }
    }
  }
  std::vector<std::string> values;
  for (const auto& [value, names] : groups) {
    values.push_back(groups.size() == 1 ? value : fmt::format("{} {}", fmt::join(names, ", "), value));
  }
  return {fmt::format("{}", fmt::join(values, "; ")), fmt::format("{}", fmt::join(reasons, "; "))};
}

std::string rules_markdown() {
  std::string text;
  for (const RuleSection& section : rule_sections()) {
    text += fmt::format("## {}\n\n", section.title);
    text += "| rule | reported | statement | option and default | why so | sources |\n|---|---|---|---|---|---|\n";
    for (const Rule& rule : section.rules) {
      std::string option = "always";
      std::string reasons;
      if (!rule.option.empty()) {
        const Default found = default_of(rule.option);
        option = fmt::format("`{}`: {}", rule.option, found.values);
        reasons = found.reasons;
      }
      const std::string place = rule.stage == Stage::silent || rule.verdict == Verdict::error
                                    ? std::string(stage_name(rule.stage))
                                    : fmt::format("{}, warning", stage_name(rule.stage));
      text += fmt::format("| {} | {} | {} | {} | {} | {} |\n", rule.id, place, rule.statement, option, reasons,
                          rule.sources);
    }
    text += "\n";
  }
  text += "## Entries without a rule\n\n| entry | why |\n|---|---|\n";
  for (const Entry& entry : kWithoutRule) text += fmt::format("| {} | {} |\n", entry.id, entry.reason);
  return text;
}

TEST(Catalogue, EveryOptionIsAFactOfTheProfile) {
  for_each_rule([](const Rule& rule) {
    EXPECT_EQ(rule.option.empty(), default_of(rule.option).values.empty()) << rule.id << " " << rule.option;
  });
}

TEST(Catalogue, TheDocumentListsEveryRule) {
  std::ifstream stream(std::filesystem::path(kSourceDirectory) / "docs" / "emulator-rules.md", std::ios::binary);
  std::ostringstream document;
  document << stream.rdbuf();
  EXPECT_TRUE(document.str().ends_with(rules_markdown())) << "docs/emulator-rules.md must end with:\n"
                                                          << rules_markdown();
}

}  // namespace
}  // namespace millwright::ane
