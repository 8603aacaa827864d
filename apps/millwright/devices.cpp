// `millwright devices`: where programs can run, and what is known of the chips that the emulator knows.

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "ane/profile_text.h"
#include "chip_choice.h"
#include "commands.h"
#include "device/open_device.h"
#include "output.h"

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kExamples =
    "  millwright devices\n"
    "  millwright devices m4\n"
    "  millwright devices m4+macos26 --json > mine.json\n"
    "  millwright devices --profile mine.json\n";

struct DevicesCommand {
  ChipChoice choice;
  bool json = false;
};

struct DeviceLine {
  std::string_view name;
  std::string_view meaning;
};

constexpr std::array kDevices = {
    DeviceLine{"cpu", "this machine's CPU, without rules"},
    DeviceLine{"emulated", "a chip's engine on any machine, by what is published of it"},
    DeviceLine{"apple", "the engine of this Mac"},
};

bool is_built(const DeviceLine& line) {
  return std::ranges::find(device::device_names(), line.name) != device::device_names().end();
}

const ane::FactText& find_fact(const std::vector<ane::FactText>& facts, std::string_view section,
                               std::string_view key) {
  return *std::ranges::find_if(facts, [&](const auto& fact) { return fact.section == section && fact.key == key; });
}

// The facts by which people tell chips apart.
constexpr std::array<std::array<const char*, 3>, 4> kColumns = {{
    {"fp16", "throughput", "fp16_tflops"},
    {"weights", "memory", "weight_gbps"},
    {"dispatch", "dispatch", "floor_ms"},
    {"compiles", "lifecycle", "compile_budget"},
}};

Result<Json> chips_json() {
  Json chips = Json::array();
  for (const std::string& name : ane::profile_names()) {
    MW_ASSIGN(const ane::ChipProfile profile, ane::find_profile(name));
    chips.push_back({{"name", name}, {"title", profile.title}, {"family", profile.family}});
  }
  return chips;
}

Status list_as_json() {
  Json devices = Json::array();
  for (const DeviceLine& line : kDevices) {
    devices.push_back({{"name", line.name}, {"meaning", line.meaning}, {"built", is_built(line)}});
  }
  MW_ASSIGN(Json chips, chips_json());
  print_json({{"devices", std::move(devices)}, {"chips", std::move(chips)}, {"variants", ane::variant_names()}});
  return {};
}

Status list() {
  for (const DeviceLine& line : kDevices) {
    print(fmt::format("{:<9} {}{}\n", line.name, line.meaning, is_built(line) ? "" : " (not in this build)"));
  }
  std::string head = fmt::format("\n{:<9} {:<9} {:<7}", "chip", "", "family");
  for (const auto& column : kColumns) head += fmt::format(" {:<14}", column[0]);
  print(head.substr(0, head.find_last_not_of(' ') + 1) + "\n");
  for (const std::string& name : ane::profile_names()) {
    MW_ASSIGN(const ane::ChipProfile profile, ane::find_profile(name));
    const std::vector<ane::FactText> facts = ane::fact_texts(profile);
    std::string row = fmt::format("{:<9} {:<9} {:<7}", name, profile.title, profile.family);
    for (const auto& column : kColumns) row += fmt::format(" {:<14}", find_fact(facts, column[1], column[2]).value);
    print(row.substr(0, row.find_last_not_of(' ') + 1) + "\n");
  }
  print(fmt::format("\nvariants, behind a chip's name with +: {}\n", fmt::join(ane::variant_names(), ", ")));
  return {};
}

// "m4: M4 (H16)", then a block per section: value, source, another profile that states it, reason, and what other
// sources say.
void print_profile(const ane::ChipProfile& profile) {
  print(fmt::format("{}: {} ({})\n", profile.name, profile.title, profile.family));
  const std::vector<ane::FactText> facts = ane::fact_texts(profile);
  size_t width = 0;
  for (const ane::FactText& fact : facts) width = std::max(width, fact.key.size());
  const std::string indent(width + 4, ' ');
  std::string_view section;
  for (const ane::FactText& fact : facts) {
    if (section != fact.section) print(fmt::format("\n{}\n", fact.section));
    section = fact.section;
    const std::string from = fact.taken_from.empty() ? "" : fmt::format("  from {}", fact.taken_from);
    print(fmt::format("  {:<{}}  {}  [{}]{}\n", fact.key, width, fact.value, fact.source, from));
    if (!fact.reason.empty()) print(fmt::format("{}{}\n", indent, fact.reason));
    for (const auto& other : fact.alternatives)
      print(fmt::format("{}or {}  [{}]\n", indent, other.value, other.source));
  }
}

Status run_devices(const DevicesCommand& command) {
  if (!command.choice.is_given()) return command.json ? list_as_json() : list();
  MW_ASSIGN(const ane::ChipProfile profile, command.choice.read());
  if (command.json) {
    print(ane::profile_json(profile));
  } else {
    print_profile(profile);
  }
  return {};
}

}  // namespace

void add_devices(CommandTree& tree) {
  Command& command = tree.add("devices", "List devices and chips, or show what is known of one chip", kExamples);
  auto options = std::make_shared<DevicesCommand>();
  options->choice.add_to(command, "CHIP", "A chip, with variants behind +; none: a list");
  command.flag("--json", options->json, "Print JSON; of a chip: a profile to start from");
  command.on_run([options] { return run_devices(*options); });
}

}  // namespace millwright::app
