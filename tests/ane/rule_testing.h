// Small programs as MIL text, profiles with one option changed, and the findings that rules give.
#pragma once

#include <fmt/format.h>
#include <gmock/gmock.h>

#include <string>
#include <string_view>
#include <vector>

#include "ane/chip_profile.h"
#include "ane/rules/check.h"
#include "mil/parser.h"
#include "mil/verifier.h"

namespace millwright::ane::testing {

inline std::string program_text(std::string_view inputs, std::string_view body, std::string_view outputs) {
  return fmt::format("program(1.3)\n{{\n  func main<ios18>({}) {{\n{}\n  }} -> ({});\n}}\n", inputs, body, outputs);
}

// `tensor<fp16, SHAPE> NAME = const(…)` with its numbers in a weight file.
inline std::string weight(std::string_view name, std::string_view shape, std::string_view element = "fp16",
                          std::string_view path = "@model_path/w.bin", uint64_t offset = 64) {
  return fmt::format(
      "tensor<{0}, {1}> {2} = const()[name = string(\"{2}\"), val = tensor<{0}, {1}>(BLOBFILE(path = string(\"{3}\"), "
      "offset = uint64({4})))];\n",
      element, shape, name, path, offset);
}

// TYPE NAME = const()[… val = VALUE].
inline std::string constant(std::string_view type, std::string_view name, std::string_view value) {
  return fmt::format("{0} {1} = const()[name = string(\"{1}\"), val = {0}({2})];\n", type, name, value);
}

// A program that the verifier passes.
inline mil::Program parsed(const std::string& text) {
  mil::ParseResult result = mil::parse(text);
  for (const mil::Diagnostic& diagnostic : result.diagnostics) {
    ADD_FAILURE() << mil::diagnostic_text(diagnostic, "program") << "\n" << text.substr(0, 2000);
  }
  if (!result.program) return mil::Program();
  const Status status = mil::verify(*result.program);
  EXPECT_TRUE(status.has_value()) << status.error().message << "\n" << text.substr(0, 2000);
  return std::move(*result.program);
}

// "m4", "m4+e5"; or "m4 rules.attention_group=true" for one fact of another value.
inline ChipProfile chip(std::string_view words) {
  const size_t space = words.find(' ');
  if (space == std::string_view::npos) {
    auto profile = find_profile(words);
    EXPECT_TRUE(profile.has_value()) << profile.error().message;
    return *profile;
  }
  const std::string_view option = words.substr(space + 1);
  const size_t dot = option.find('.');
  const size_t equals = option.find('=');
  const std::string text =
      fmt::format(R"({{"name": "changed", "base": "{}", "{}": {{"{}": {{"value": {}, "source": "test"}}}}}})",
                  words.substr(0, space), option.substr(0, dot), option.substr(dot + 1, equals - dot - 1),
                  option.substr(equals + 1));
  auto profile = parse_profile(text, "changed.json");
  EXPECT_TRUE(profile.has_value()) << profile.error().message;
  return *profile;
}

inline std::vector<std::string> texts(const std::vector<Finding>& findings) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings) lines.push_back(finding_text(finding));
  return lines;
}

inline std::vector<std::string> texts(const std::vector<Finding>& findings, std::string_view rule) {
  std::vector<std::string> lines;
  for (const Finding& finding : findings) {
    if (finding.rule == rule) lines.push_back(finding_text(finding));
  }
  return lines;
}

}  // namespace millwright::ane::testing
