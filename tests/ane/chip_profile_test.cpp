// Profiles: the facts of the built-in ones against the fact base's tables, and everything that can be wrong with a
// user's own.
#include "ane/chip_profile.h"

#include <gmock/gmock.h>

#include <fstream>
#include <sstream>

#include "ane/profile_fields.h"
#include "ane/profile_text.h"
#include "base/temporary_folder.h"
#include "source_dir.h"

namespace millwright::ane {
namespace {

ChipProfile found(std::string_view name) {
  auto profile = find_profile(name);
  EXPECT_TRUE(profile.has_value()) << profile.error().message;
  return profile ? std::move(*profile) : ChipProfile{};
}

TEST(ChipProfile, ThereIsOneForEveryGenerationAndItsLargerChips) {
  EXPECT_THAT(profile_names(),
              testing::ElementsAre("m1", "m1-max", "m1-pro", "m1-ultra", "m2", "m2-max", "m2-pro", "m3", "m3-max",
                                   "m3-pro", "m3-ultra", "m4", "m4-max", "m4-pro", "m5", "m5-max", "m5-pro"));
}

// Every profile under every variant, as a file of its own: all that is known of it survives.
TEST(ChipProfile, EveryProfileAndVariantReadsBackAsItIsWritten) {
  for (const std::string& name : profile_names()) {
    std::vector<std::string> names = {name};
    for (const std::string& variant : variant_names()) names.push_back(name + "+" + variant);
    for (const std::string& full : names) {
      const ChipProfile profile = found(full);
      EXPECT_EQ(profile.name, full);
      const std::string text = profile_json(profile);
      const auto back = parse_profile(text, full);
      ASSERT_TRUE(back.has_value()) << back.error().message;
      EXPECT_EQ(profile_json(*back), text);
    }
  }
}

// The table of chips at a glance.
struct Glance {
  const char* name;
  const char* family;
  int64_t axis;
  int64_t kernel_width;
  std::optional<bool> slice_overflow;
  std::optional<bool> flushes_denormals;
  bool native_sin_cos;
  bool int8_streams;
  int64_t operand_bytes;
};

TEST(ChipProfile, TheGenerationsDifferAsTheTableSays) {
  const Glance table[] = {
      {"m1", "H13", 16384, 13, true, true, false, false, 2097152},
      {"m2", "H14", 16384, 13, true, std::nullopt, false, true, 2097152},
      {"m3", "H15", 16384, 13, false, std::nullopt, true, true, 2097152},
      {"m4", "H16", 65536, 15, false, std::nullopt, true, true, 2097152},
      {"m5", "H17", 65536, 15, false, false, true, true, 4720000},
  };
  for (const Glance& chip : table) {
    const ChipProfile profile = found(chip.name);
    EXPECT_EQ(profile.family, chip.family);
    EXPECT_EQ(*profile.limits.axis, chip.axis) << chip.name;
    EXPECT_EQ(*profile.limits.channel_axis, 65536) << chip.name;
    EXPECT_EQ(*profile.limits.kernel_width, chip.kernel_width) << chip.name;
    EXPECT_EQ(profile.numerics.width_slice_overflow.value, chip.slice_overflow) << chip.name;
    EXPECT_EQ(profile.numerics.flushes_denormal_products.value, chip.flushes_denormals) << chip.name;
    EXPECT_EQ(*profile.limits.native_sin_cos, chip.native_sin_cos) << chip.name;
    EXPECT_EQ(*profile.memory.int8_weights_stream, chip.int8_streams) << chip.name;
    EXPECT_EQ(*profile.memory.operand_bytes, chip.operand_bytes) << chip.name;
    EXPECT_EQ(*profile.limits.rank, 5) << chip.name;
    EXPECT_EQ(*profile.lifecycle.compile_budget, 119) << chip.name;
    EXPECT_EQ(*profile.lifecycle.loaded_programs, 127) << chip.name;
    EXPECT_EQ(*profile.surfaces.rows, SurfaceRows::padded) << chip.name;
    EXPECT_EQ(*profile.surfaces.binding, Binding::alphabetical) << chip.name;
  }
}

TEST(ChipProfile, LargerChipsKeepTheRulesOfTheirGeneration) {
  for (const std::string& name : profile_names()) {
    const ChipProfile profile = found(name);
    const ChipProfile generation = found(name.substr(0, 2));
    EXPECT_EQ(*profile.limits.axis, *generation.limits.axis) << name;
    EXPECT_EQ(*profile.limits.kernel_width, *generation.limits.kernel_width) << name;
    EXPECT_EQ(profile.numerics.width_slice_overflow.value, generation.numerics.width_slice_overflow.value) << name;
  }
}

TEST(ChipProfile, VariantsChangeWhatTheirNamesSay) {
  EXPECT_EQ(*found("m4+macos26").lifecycle.compile_budget, kNoLimit);
  EXPECT_EQ(*found("m4+e5").rules.route, Route::e5);
  EXPECT_EQ(*found("m4+capacity32").memory.on_chip_model, OnChipModel::capacity);
  EXPECT_EQ(*found("m4").memory.capacity_bytes, 32 << 20);
  EXPECT_EQ(*found("m4+packed").surfaces.rows, SurfaceRows::packed);
  EXPECT_EQ(*found("m4+declaration").surfaces.binding, Binding::declaration);
  EXPECT_EQ(*found("m4+zeros").surfaces.narrow, NarrowSurfaces::zeros);
  EXPECT_EQ(*found("m4+orion").rules.concat, Acceptance::reject);
  EXPECT_EQ(*found("m4").lifecycle.identity, Identity::content);
  EXPECT_EQ(*found("m4+textkey").lifecycle.identity, Identity::text);
  EXPECT_TRUE(*found("m1+im").surfaces.m1_order);
  const ChipProfile both = found("m4+macos26+e5");
  EXPECT_EQ(both.name, "m4+macos26+e5");
  EXPECT_EQ(*both.lifecycle.compile_budget, kNoLimit);
  EXPECT_EQ(*both.rules.route, Route::e5);
}

std::string read_document(const char* name) {
  std::ifstream stream(std::filesystem::path(kSourceDirectory) / "docs" / name, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

// "or" of "or #5", "guide" of "guide ch9, ch12".
std::string_view key_of(std::string_view source) {
  source.remove_prefix(std::min(source.find_first_not_of(' '), source.size()));
  return source.substr(0, source.find_first_of(" #"));
}

TEST(ChipProfile, EverySourceIsInTheDocument) {
  const std::string document = read_document("chip-profiles.md");
  const auto expect_listed = [&](const std::string& sources, const std::string& fact) {
    std::istringstream parts(sources);
    for (std::string source; std::getline(parts, source, ';');) {
      EXPECT_NE(document.find(fmt::format("\n| {} |", key_of(source))), std::string::npos) << fact << ": " << source;
    }
  };
  for (const std::string& name : profile_names()) {
    for (const FactText& fact : fact_texts(found(name))) {
      EXPECT_NE(fact.source, "") << name << " " << fact.key;
      expect_listed(fact.source, name + " " + fact.key);
      for (const auto& other : fact.alternatives) expect_listed(other.source, name + " " + fact.key);
      // A contradiction is decided for a reason.
      EXPECT_TRUE(fact.alternatives.empty() || !fact.reason.empty()) << name << " " << fact.key;
      EXPECT_NE(fact.help, "") << fact.key;
    }
  }
}

std::string number(double value) {
  return value == std::floor(value) && std::abs(value) < 1e15 ? fmt::format("{}", static_cast<int64_t>(value))
                                                              : fmt::format("{}", value);
}

std::string values_of(const ProfileField& field) {
  std::string text = std::visit(
      [&]<class T>(FactOf<T>) -> std::string {
        if constexpr (std::is_same_v<T, bool>) return "true, false";
        if constexpr (std::is_same_v<T, std::vector<std::string>>) return "list of operations";
        if constexpr (std::is_enum_v<T>) return fmt::format("\"{}\"", fmt::join(words_of(T{}), "\", \""));
        return fmt::format("{} to {}", number(field.minimum), number(field.maximum));
      },
      field.fact);
  if (field.may_be_none) text += ", \"none\"";
  if (field.may_be_unknown) text += ", \"unknown\"";
  return text;
}

std::string fields_markdown() {
  std::string text = "| fact | unit | values | meaning |\n|---|---|---|---|\n";
  for (const ProfileField& field : profile_fields()) {
    text +=
        fmt::format("| `{}.{}` | {} | {} | {} |\n", field.section, field.key, field.unit, values_of(field), field.help);
  }
  return text;
}

TEST(ChipProfile, TheDocumentListsEveryFact) {
  EXPECT_TRUE(read_document("chip-profiles.md").ends_with(fields_markdown()))
      << "docs/chip-profiles.md must end with:\n"
      << fields_markdown();
}

TEST(ChipProfile, TheDocumentsExampleIsAProfile) {
  const std::string document = read_document("chip-profiles.md");
  const size_t begin = document.find("```json\n") + 8;
  const auto profile = parse_profile(document.substr(begin, document.find("```", begin) - begin), "example");
  ASSERT_TRUE(profile.has_value()) << profile.error().message;
  EXPECT_EQ(*profile->cost.weight_gbps, 58);
}

// A file of the user's that changes one thing of m4, or is wrong.
std::string own(std::string_view sections) {
  return fmt::format(R"({{"name": "mine", "base": "m4"{}{}}})", sections.empty() ? "" : ", ", sections);
}

std::string error_of(const std::string& text) {
  const auto profile = parse_profile(text, "p.json");
  EXPECT_FALSE(profile.has_value()) << text;
  return profile ? "" : profile.error().message;
}

TEST(OwnProfile, ChangesWhatItNames) {
  const auto profile = parse_profile(
      own(R"("memory": {"weight_gbps": {"value": 70, "source": "measured here", "reason": "a quiet machine",
             "alternatives": [{"value": "unknown", "source": "nobody"}]}},
             "lifecycle": {"compile_budget": {"value": "none", "source": "patience"}})"),
      "p.json");
  ASSERT_TRUE(profile.has_value()) << profile.error().message;
  EXPECT_EQ(profile->name, "mine");
  EXPECT_EQ(profile->title, "M4");
  EXPECT_EQ(*profile->memory.weight_gbps, 70);
  EXPECT_EQ(profile->memory.weight_gbps.source, "measured here");
  EXPECT_EQ(profile->memory.weight_gbps.reason, "a quiet machine");
  ASSERT_EQ(profile->memory.weight_gbps.alternatives.size(), 1u);
  EXPECT_EQ(profile->memory.weight_gbps.alternatives[0].value, std::nullopt);
  EXPECT_EQ(*profile->lifecycle.compile_budget, kNoLimit);
  EXPECT_EQ(*profile->memory.dram_gbps, 120);
}

TEST(OwnProfile, MayBeUnknownWhereNoRuleNeedsIt) {
  const auto profile =
      parse_profile(own(R"("power": {"compute_w": {"value": "unknown", "source": "none"}})"), "p.json");
  ASSERT_TRUE(profile.has_value()) << profile.error().message;
  EXPECT_FALSE(profile->power.compute_w.known());
}

TEST(OwnProfile, StandsOnVariantsToo) {
  const auto profile = parse_profile(R"({"name": "mine", "base": "m4+macos26"})", "p.json");
  ASSERT_TRUE(profile.has_value()) << profile.error().message;
  EXPECT_EQ(*profile->lifecycle.compile_budget, kNoLimit);
}

TEST(OwnProfile, SaysWhatIsWrongWithTheFile) {
  EXPECT_EQ(error_of("[1]"), "p.json: expected a JSON object, found [1]");
  EXPECT_THAT(error_of("{"), testing::StartsWith("p.json:1:2: not valid JSON: "));
  EXPECT_EQ(error_of(R"({"base": "m4"})"), "p.json: \"name\" is missing; expected a string");
  EXPECT_EQ(error_of(R"({"name": "M 4", "base": "m4"})"),
            "p.json: \"name\": expected 1 to 40 of the letters a to z, 0 to 9, \"-\", \"_\" and \".\", found \"M 4\"");
  EXPECT_EQ(error_of(R"({"name": 4, "base": "m4"})"), "p.json: \"name\": expected a string, found 4");
  EXPECT_EQ(
      error_of(R"({"name": "mine", "base": "zebra"})"),
      fmt::format("p.json: \"base\": unknown chip \"zebra\"; the chips are {}", fmt::join(profile_names(), ", ")));
  EXPECT_EQ(error_of(R"({"name": "mine"})"), "p.json: \"title\" is missing; expected a string");
  EXPECT_EQ(error_of(R"({"name": "mine", "title": "Mine", "family": "H99"})"),
            "p.json: \"throughput.fp16_tflops\" is missing: highest rate of deep convolution chains; a profile without "
            "\"base\" names every fact");
}

TEST(OwnProfile, SaysWhichKeyIsUnknown) {
  EXPECT_EQ(error_of(own(R"("memori": {})")), "p.json: unknown key \"memori\"; did you mean \"memory\"?");
  EXPECT_EQ(error_of(own(R"("zebra": {})")), "p.json: unknown key \"zebra\"");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbs": {}})")),
            "p.json: \"memory\": unknown key \"weight_gbs\"; did you mean \"weight_gbps\"?");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": 1, "sorce": "x"}})")),
            "p.json: \"memory.weight_gbps\": unknown key \"sorce\"; did you mean \"source\"?");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": 1, "source": "x",
                                       "alternatives": [{"value": 1, "source": "x", "reason": "y"}]}})")),
            "p.json: \"memory.weight_gbps.alternatives\": unknown key \"reason\"");
}

TEST(OwnProfile, SaysWhichKeyIsMissing) {
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"source": "x"}})")),
            "p.json: \"memory.weight_gbps.value\" is missing; give a value, or \"unknown\"");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": 1}})")),
            "p.json: \"memory.weight_gbps.source\" is missing; say where the value comes from");
}

TEST(OwnProfile, SaysWhichTypeIsWrong) {
  EXPECT_EQ(error_of(own(R"("memory": 4)")), "p.json: \"memory\": expected an object of facts, found 4");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": 4})")),
            "p.json: \"memory.weight_gbps\": expected an object with \"value\" and \"source\", found 4");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": "4", "source": "x"}})")),
            "p.json: \"memory.weight_gbps\": expected a number from 0.1 to 100000 (GB/s), found \"4\"");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": 4, "source": 5}})")),
            "p.json: \"memory.weight_gbps.source\": expected a string, found 5");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": 4, "source": ""}})")),
            "p.json: \"memory.weight_gbps.source\": expected a string of 1 to 1000 bytes, found \"\"");
  EXPECT_EQ(error_of(own(R"("memory": {"int8_weights_stream": {"value": 1, "source": "x"}})")),
            "p.json: \"memory.int8_weights_stream\": expected true or false, found 1");
  EXPECT_EQ(error_of(own(R"("rules": {"route": {"value": "espresso", "source": "x"}})")),
            "p.json: \"rules.route\": expected \"in-memory\" or \"e5\", found \"espresso\"");
  EXPECT_EQ(error_of(own(R"("limits": {"operations": {"value": "all", "source": "x"}})")),
            "p.json: \"limits.operations\": expected a list of operations, found \"all\"");
  EXPECT_EQ(error_of(own(R"("limits": {"operations": {"value": [1], "source": "x"}})")),
            "p.json: \"limits.operations\": expected a list of operations, found 1");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": 4, "source": "x", "alternatives": {}}})")),
            "p.json: \"memory.weight_gbps.alternatives\": expected a list of objects, found {}");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": 4, "source": "x", "alternatives": [1]}})")),
            "p.json: \"memory.weight_gbps.alternatives\": expected objects with \"value\" and \"source\", found 1");
}

// Half the published rate is half the predicted one, unless the file says what predictions go by.
TEST(OwnProfile, ScalesTheConstantsThatPredictionsGoBy) {
  const ChipProfile base = *find_profile("m4");
  const auto with = [](const std::string& facts) { return *parse_profile(own(facts), "p.json"); };
  const ChipProfile slow = with(R"("throughput": {"fp16_tflops": {"value": 9.5, "source": "mine"}})");
  EXPECT_DOUBLE_EQ(*slow.cost.peak_tflops, *base.cost.peak_tflops / 2);
  EXPECT_EQ(slow.cost.peak_tflops.source, "mine");
  EXPECT_EQ(slow.cost.peak_tflops.reason, "scaled with throughput.fp16_tflops, 9.5 instead of 19");
  EXPECT_EQ(slow.cost.peak_tflops.profile, slow.name);
  EXPECT_EQ(*slow.cost.weight_gbps, *base.cost.weight_gbps);
  const ChipProfile narrow = with(R"("memory": {"weight_gbps": {"value": 27.5, "source": "mine"},
                                                "activation_gbps": {"value": 100, "source": "mine"}})");
  EXPECT_DOUBLE_EQ(*narrow.cost.weight_gbps, *base.cost.weight_gbps / 2);
  EXPECT_DOUBLE_EQ(*narrow.cost.activation_gbps, *base.cost.activation_gbps * 2);
  const ChipProfile late = with(R"("dispatch": {"floor_ms": {"value": 0.19, "source": "mine"}},
                                   "lifecycle": {"compile_ms": {"value": 108, "source": "mine"}})");
  EXPECT_DOUBLE_EQ(*late.cost.floor_ms, *base.cost.floor_ms * 2);
  EXPECT_DOUBLE_EQ(*late.cost.compile_ms, *base.cost.compile_ms * 2);
  EXPECT_DOUBLE_EQ(*late.cost.compile_operation_ms, *base.cost.compile_operation_ms * 2);
  EXPECT_DOUBLE_EQ(*late.cost.compile_megabyte_ms, *base.cost.compile_megabyte_ms * 2);
  const ChipProfile stated = with(R"("throughput": {"fp16_tflops": {"value": 9.5, "source": "mine"}},
                                     "cost": {"peak_tflops": {"value": 18, "source": "mine"}})");
  EXPECT_EQ(*stated.cost.peak_tflops, 18);
  const ChipProfile same = with(R"("throughput": {"fp16_tflops": {"value": 19, "source": "mine"}})");
  EXPECT_EQ(same.cost.peak_tflops.source, "fit");
  const ChipProfile unknown = with(R"("throughput": {"fp16_tflops": {"value": "unknown", "source": "none"}})");
  EXPECT_EQ(*unknown.cost.peak_tflops, *base.cost.peak_tflops);
}

TEST(OwnProfile, RefusesNumbersThatNothingGoesBy) {
  EXPECT_EQ(
      error_of(own(R"("throughput": {"matmul_tflops": {"value": 3, "source": "x"}})")),
      "p.json: \"throughput.matmul_tflops\": no prediction goes by it under \"memory.on_chip_model\" \"operand\"; "
      "leave it out, or set the model to \"capacity\"");
  EXPECT_EQ(error_of(own(R"("memory": {"capacity_bytes": {"value": 4096, "source": "x"}})")),
            "p.json: \"memory.capacity_bytes\": no prediction goes by it under \"memory.on_chip_model\" \"operand\"; "
            "leave it out, or set the model to \"capacity\"");
  const auto capacity = parse_profile(own(R"("throughput": {"matmul_tflops": {"value": 3, "source": "x"}},
                                             "memory": {"on_chip_model": {"value": "capacity", "source": "x"}})"),
                                      "p.json");
  EXPECT_TRUE(capacity.has_value()) << capacity.error().message;
}

TEST(OwnProfile, SaysWhichNumberIsImpossible) {
  EXPECT_EQ(error_of(own(R"("throughput": {"fp16_tflops": {"value": 0, "source": "x"}})")),
            "p.json: \"throughput.fp16_tflops\": expected a number from 0.001 to 10000 (TFLOPS), found 0");
  EXPECT_EQ(error_of(own(R"("dispatch": {"floor_ms": {"value": -1, "source": "x"}})")),
            "p.json: \"dispatch.floor_ms\": expected a number from 0 to 10000 (ms), found -1");
  EXPECT_EQ(error_of(own(R"("limits": {"rank": {"value": 5.5, "source": "x"}})")),
            "p.json: \"limits.rank\": expected an integer from 1 to 16, found 5.5");
  EXPECT_EQ(error_of(own(R"("limits": {"rank": {"value": 0, "source": "x"}})")),
            "p.json: \"limits.rank\": expected an integer from 1 to 16, found 0");
  EXPECT_EQ(error_of(own(R"("lifecycle": {"compile_budget": {"value": 1e300, "source": "x"}})")),
            "p.json: \"lifecycle.compile_budget\": expected an integer from 1 to 1000000000000000, or \"none\", found "
            "1e+300");
  EXPECT_EQ(error_of(own(R"("limits": {"rank": {"value": "unknown", "source": "x"}})")),
            "p.json: \"limits.rank\": may not be \"unknown\": the rules need a value");
  EXPECT_EQ(error_of(own(R"("limits": {"rank": {"value": "none", "source": "x"}})")),
            "p.json: \"limits.rank\": expected an integer from 1 to 16, found \"none\"");
  EXPECT_EQ(error_of(own(R"("memory": {"weight_gbps": {"value": 500, "source": "x"}})")),
            "p.json: \"memory.weight_gbps\": expected at most \"memory.dram_gbps\", 120, because weights come from "
            "DRAM; found 500");
  EXPECT_EQ(error_of(own(R"("power": {"idle_w": {"value": 3, "source": "x"}})")),
            "p.json: \"power.idle_w\": expected at most \"power.dispatch_w\", 0.9, because work needs power; found 3");
  EXPECT_EQ(
      error_of(own(R"("power": {"streaming_w": {"value": 0.5, "source": "x"},
                                      "idle_w": {"value": 0.6, "source": "x"}})")),
      "p.json: \"power.idle_w\": expected at most \"power.streaming_w\", 0.5, because work needs power; found 0.6");
  EXPECT_EQ(error_of(own(R"("power": {"compute_w": {"value": 0.5, "source": "x"},
                                      "idle_w": {"value": 0.6, "source": "x"}})")),
            "p.json: \"power.idle_w\": expected at most \"power.compute_w\", 0.5, because work needs power; found 0.6");
  EXPECT_EQ(
      error_of(own(R"("memory": {"strided_staging_gbps": {"value": 91, "source": "x"}})")),
      "p.json: \"memory.strided_staging_gbps\": expected at most \"memory.staging_gbps\", 90, because interleaving "
      "is copying; found 91");
}

TEST(OwnProfile, SaysWhichNumberIsNone) {
  EXPECT_EQ(error_of(own(R"("power": {"compute_w": {"value": 1e999, "source": "x"}})")),
            "p.json: not valid JSON: number overflow parsing '1e999'");
  EXPECT_EQ(
      error_of(own(R"("power": {"compute_w": {"value": NaN, "source": "x"}})")),
      "p.json:1:65: not valid JSON: syntax error while parsing value - invalid literal; last read: '\"value\": N'");
  EXPECT_EQ(error_of(own(R"("cost": {"peak_tflops": {"value": 1e-400, "source": "x"}})")),
            "p.json: \"cost.peak_tflops\": expected a number from 0.001 to 10000 (TFLOPS), found 0.0");
  EXPECT_EQ(error_of(own(R"("limits": {"rank": {"value": null, "source": "x"}})")),
            "p.json: \"limits.rank\": expected an integer from 1 to 16, found null");
  EXPECT_EQ(error_of(own(R"("limits": {"rank": {"value": true, "source": "x"}})")),
            "p.json: \"limits.rank\": expected an integer from 1 to 16, found true");
  EXPECT_EQ(error_of(own(R"("limits": {"axis": {"value": 99999999999999999999999, "source": "x"}})")),
            "p.json: \"limits.axis\": expected an integer from 1 to 1000000000000000, found 9.999999999999999e+22");
  EXPECT_EQ(error_of(own(R"("limits": {"rank": {"value": 3, "source": "x", "alternatives": [
                                       {"value": -4, "source": "x"}]}})")),
            "p.json: \"limits.rank.alternatives\": expected an integer from 1 to 16, found -4");
}

TEST(OwnProfile, SaysWhatStandsTwice) {
  EXPECT_EQ(error_of(own(R"("limits": {"rank": {"value": 3, "source": "x"}, "rank": {"value": 4, "source": "x"}})")),
            "p.json: the key \"rank\" stands twice in one object; keep one");
  EXPECT_EQ(error_of(own(R"("limits": {}, "memory": {}, "limits": {})")),
            "p.json: the key \"limits\" stands twice in one object; keep one");
  EXPECT_EQ(error_of(own(R"("limits": {"operations": {"value": ["add", "mul", "add"], "source": "x"}})")),
            "p.json: \"limits.operations\": add stands twice; keep one");
}

TEST(OwnProfile, SaysWhichOperationIsUnknown) {
  EXPECT_EQ(error_of(own(R"("limits": {"operations": {"value": ["add", "matmull"], "source": "x"}})")),
            "p.json: \"limits.operations\": MIL has no operation \"matmull\"; did you mean \"matmul\"?");
}

// One number just outside its range, of every fact that is a number: one line that names file, fact and range.
TEST(OwnProfile, RefusesEveryNumberOutsideItsRange) {
  size_t refused = 0;
  for (const ProfileField& field : profile_fields()) {
    const bool is_number = std::holds_alternative<FactOf<double>>(field.fact);
    if (!is_number && !std::holds_alternative<FactOf<int64_t>>(field.fact)) continue;
    const std::string unit = field.unit.empty() ? "" : fmt::format(" ({})", field.unit);
    const std::string expected = fmt::format("p.json: \"{}.{}\": expected {} from {} to {}{}{}, found ", field.section,
                                             field.key, is_number ? "a number" : "an integer", number(field.minimum),
                                             number(field.maximum), unit, field.may_be_none ? ", or \"none\"" : "");
    const double below = is_number && field.minimum > 0 ? field.minimum / 2 : field.minimum - 1;
    for (const double wrong : {below, 2 * field.maximum + 1, -1e300, 1e300}) {
      const std::string error = error_of(
          own(fmt::format(R"("{}": {{"{}": {{"value": {}, "source": "x"}}}})", field.section, field.key, wrong)));
      EXPECT_THAT(error, testing::StartsWith(expected)) << wrong;
      EXPECT_EQ(error.find('\n'), std::string::npos) << error;
      ++refused;
    }
  }
  EXPECT_GT(refused, 200u);
}

TEST(OwnProfile, IsReadFromAFile) {
  const TemporaryFolder folder;
  ASSERT_TRUE(write_file_atomically(folder / "mine.json", own("")).has_value());
  EXPECT_TRUE(read_profile(folder / "mine.json").has_value());
  const auto missing = read_profile(folder / "other.json");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, ErrorKind::io);
}

TEST(ProfileNames, ThatAreMisspelledAreNamedRight) {
  const std::string chips = fmt::format("{}", fmt::join(profile_names(), ", "));
  const std::string variants = fmt::format("{}", fmt::join(variant_names(), ", "));
  const auto message = [](std::string_view name) { return find_profile(name).error().message; };
  EXPECT_EQ(message("m4-mx"), "unknown chip \"m4-mx\"; did you mean m4-max?; the chips are " + chips);
  EXPECT_EQ(message(""), "unknown chip \"\"; the chips are " + chips);
  EXPECT_EQ(message("variant-e5"), "unknown chip \"variant-e5\"; the chips are " + chips);
  EXPECT_EQ(message("m4+macos62"),
            "unknown variant \"macos62\" of chip m4; did you mean macos26?; the variants are " + variants);
  EXPECT_EQ(message("m4+"), "unknown variant \"\" of chip m4; the variants are " + variants);
}

}  // namespace
}  // namespace millwright::ane
