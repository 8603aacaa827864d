#include "ane/profile_file.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>

#include "ane/profile_fields.h"
#include "base/json.h"
#include "base/spelling.h"
#include "mil/registry.h"

namespace millwright::ane {

namespace {

constexpr size_t kLargestProfile = size_t{1} << 20;
constexpr size_t kLongestText = 1000;
constexpr std::string_view kHeadKeys[] = {"name", "title", "family", "base"};
constexpr std::string_view kFactKeys[] = {"value", "source", "reason", "alternatives"};

std::string suggestion(std::string_view word, std::span<const std::string_view> candidates) {
  const std::string_view nearest = nearest_spelling(word, candidates);
  return nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest);
}

// A JSON value for a message: short and on one line.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  return text;
}

// A key of the user's for a message.
std::string shown_key(const std::string& key) { return shown(Json(key)); }

// Where a value stands: the file, and the fact's name as section.key.
struct Place {
  const std::string& source;
  std::string key;

  tl::unexpected<Error> wrong(std::string_view expected, const Json& found) const {
    return fail("{}: \"{}\": expected {}, found {}", source, key, expected, shown(found));
  }
};

std::string number_text(double number) {
  return std::abs(number) < 1e15 && number == std::floor(number) ? fmt::format("{}", static_cast<int64_t>(number))
                                                                 : fmt::format("{}", number);
}

std::string range_text(const ProfileField& field, std::string_view what) {
  std::string text = fmt::format("{} from {} to {}", what, number_text(field.minimum), number_text(field.maximum));
  if (!field.unit.empty()) text += fmt::format(" ({})", field.unit);
  if (field.may_be_none) text += ", or \"none\"";
  return text;
}

// What the file says of one fact, by the fact's type.
struct ValueReader {
  const ProfileField& field;
  const Place& place;
  const Json& json;

  Result<double> operator()(double) const {
    if (!json.is_number()) return place.wrong(range_text(field, "a number"), json);
    const double number = json.get<double>();
    if (!(number >= field.minimum && number <= field.maximum)) {
      return place.wrong(range_text(field, "a number"), json);
    }
    return number;
  }
  Result<int64_t> operator()(int64_t) const {
    if (field.may_be_none && json == "none") return kNoLimit;
    const double number = json.is_number() ? json.get<double>() : std::nan("");
    if (!(number >= field.minimum && number <= field.maximum) || number != std::floor(number)) {
      return place.wrong(range_text(field, "an integer"), json);
    }
    return static_cast<int64_t>(number);
  }
  Result<bool> operator()(bool) const {
    if (!json.is_boolean()) return place.wrong("true or false", json);
    return json.get<bool>();
  }
  Result<std::vector<std::string>> operator()(const std::vector<std::string>&) const {
    if (!json.is_array()) return place.wrong("a list of operations", json);
    std::vector<std::string> names;
    for (const Json& name : json) {
      if (!name.is_string() || name.get_ref<const std::string&>().empty() ||
          name.get_ref<const std::string&>().size() > kLongestText) {
        return place.wrong("a list of operations", name);
      }
      names.push_back(name.get<std::string>());
      if (mil::find_definition(names.back()) == nullptr) return unknown_operation(name);
    }
    std::ranges::sort(names);
    if (const auto twice = std::ranges::adjacent_find(names); twice != names.end()) {
      return fail("{}: \"{}\": {} stands twice; keep one", place.source, place.key, *twice);
    }
    return names;
  }
  tl::unexpected<Error> unknown_operation(const Json& name) const {
    std::vector<std::string_view> known;
    for (const mil::OperationDefinition& definition : mil::all_definitions()) known.push_back(definition.name);
    return fail("{}: \"{}\": MIL has no operation {}{}", place.source, place.key, shown(name),
                suggestion(name.get_ref<const std::string&>(), known));
  }
  template <class E>
  requires std::is_enum_v<E> Result<E>
  operator()(E any) const {
    const auto words = words_of(any);
    for (size_t i = 0; i < words.size(); ++i) {
      if (json == words[i]) return static_cast<E>(i);
    }
    return place.wrong(fmt::format("\"{}\"", fmt::join(words, "\" or \"")), json);
  }
};

Result<std::string> read_text(const Json& object, std::string_view key, const Place& place, bool required) {
  const Place inner{place.source, fmt::format("{}.{}", place.key, key)};
  const auto found = object.find(std::string(key));
  if (found == object.end()) {
    if (!required) return std::string();
    return fail("{}: \"{}\" is missing; say where the value comes from", place.source, inner.key);
  }
  if (!found->is_string()) return inner.wrong("a string", *found);
  auto text = found->get<std::string>();
  if (text.empty() || text.size() > kLongestText) {
    return inner.wrong(fmt::format("a string of 1 to {} bytes", kLongestText), *found);
  }
  return text;
}

template <class T>
Result<std::optional<T>> read_value(const Json& object, const ProfileField& field, const Place& place) {
  const auto found = object.find("value");
  if (found == object.end()) {
    return fail("{}: \"{}.value\" is missing; give a value, or \"unknown\"", place.source, place.key);
  }
  if (*found == "unknown") {
    if (field.may_be_unknown) return std::optional<T>();
    return fail("{}: \"{}\": may not be \"unknown\": the rules need a value", place.source, place.key);
  }
  MW_ASSIGN(T value, (ValueReader{field, place, *found}(T{})));
  return std::optional<T>(std::move(value));
}

Status check_keys(const Json& object, std::span<const std::string_view> known, const Place& place) {
  for (const auto& [key, value] : object.items()) {
    if (std::ranges::find(known, key) != known.end()) continue;
    return fail("{}: \"{}\": unknown key {}{}", place.source, place.key, shown_key(key), suggestion(key, known));
  }
  return {};
}

template <class T>
Result<Fact<T>> read_fact(const Json& json, const ProfileField& field, const Place& place) {
  if (!json.is_object()) return place.wrong("an object with \"value\" and \"source\"", json);
  MW_TRY(check_keys(json, kFactKeys, place));
  Fact<T> fact;
  MW_ASSIGN(fact.value, read_value<T>(json, field, place));
  MW_ASSIGN(fact.source, read_text(json, "source", place, true));
  MW_ASSIGN(fact.reason, read_text(json, "reason", place, false));
  const auto alternatives = json.find("alternatives");
  if (alternatives == json.end()) return fact;
  if (!alternatives->is_array()) {
    return Place{place.source, place.key + ".alternatives"}.wrong("a list of objects", *alternatives);
  }
  for (const Json& alternative : *alternatives) {
    const Place inner{place.source, place.key + ".alternatives"};
    if (!alternative.is_object()) return inner.wrong("objects with \"value\" and \"source\"", alternative);
    MW_TRY(check_keys(alternative, std::span(kFactKeys).first(2), inner));
    typename Fact<T>::Alternative added;
    MW_ASSIGN(added.value, read_value<T>(alternative, field, inner));
    MW_ASSIGN(added.source, read_text(alternative, "source", inner, true));
    fact.alternatives.push_back(std::move(added));
  }
  return fact;
}

Status set_fact(const Json& json, const ProfileField& field, const Place& place, const std::string& name,
                ChipProfile& profile) {
  return std::visit(
      [&]<class T>(FactOf<T> access) -> Status {
        MW_ASSIGN(access(profile), read_fact<T>(json, field, place));
        access(profile).profile = name;
        return {};
      },
      field.fact);
}

std::vector<std::string_view> section_names() {
  std::vector<std::string_view> names;
  for (const ProfileField& field : profile_fields()) {
    if (names.empty() || names.back() != field.section) names.push_back(field.section);
  }
  return names;
}

std::vector<std::string_view> keys_of(std::string_view section) {
  std::vector<std::string_view> keys;
  for (const ProfileField& field : profile_fields()) {
    if (field.section == section) keys.push_back(field.key);
  }
  return keys;
}

// The facts that the object of the profile or variant `name` states; returns which.
Result<std::set<const ProfileField*>> read_sections(const Json& object, const std::string& source,
                                                    const std::string& name, ChipProfile& profile) {
  const std::vector<std::string_view> sections = section_names();
  std::vector<std::string_view> known(std::begin(kHeadKeys), std::end(kHeadKeys));
  known.insert(known.end(), sections.begin(), sections.end());
  std::set<const ProfileField*> named;
  for (const auto& [section, facts] : object.items()) {
    if (std::ranges::find(kHeadKeys, section) != std::end(kHeadKeys)) continue;
    if (std::ranges::find(sections, section) == sections.end()) {
      return fail("{}: unknown key {}{}", source, shown_key(section), suggestion(section, known));
    }
    if (!facts.is_object()) return Place{source, section}.wrong("an object of facts", facts);
    MW_TRY(check_keys(facts, keys_of(section), Place{source, section}));
    for (const ProfileField& field : profile_fields()) {
      const auto fact = field.section == section ? facts.find(std::string(field.key)) : facts.end();
      if (fact == facts.end()) continue;
      MW_TRY(set_fact(*fact, field, Place{source, fmt::format("{}.{}", section, field.key)}, name, profile));
      named.insert(&field);
    }
  }
  return named;
}

Status check_every_fact(const std::set<const ProfileField*>& named, const std::string& source) {
  for (const ProfileField& field : profile_fields()) {
    if (named.contains(&field)) continue;
    return fail("{}: \"{}.{}\" is missing: {}; a profile without \"base\" names every fact", source, field.section,
                field.key, field.help);
  }
  return {};
}

// `low` may not be above `high` where both are known.
struct Order {
  std::string_view low_key;
  FactOf<double> low;
  std::string_view high_key;
  FactOf<double> high;
  std::string_view why;
};

Status check_consistency(ChipProfile& profile, const std::string& source) {
  static const Order orders[] = {
      {"memory.weight_gbps", [](ChipProfile& p) -> Fact<double>& { return p.memory.weight_gbps; }, "memory.dram_gbps",
       [](ChipProfile& p) -> Fact<double>& { return p.memory.dram_gbps; }, "weights come from DRAM"},
      {"memory.activation_gbps", [](ChipProfile& p) -> Fact<double>& { return p.memory.activation_gbps; },
       "memory.dram_gbps", [](ChipProfile& p) -> Fact<double>& { return p.memory.dram_gbps; },
       "activations come from DRAM"},
      {"memory.strided_staging_gbps", [](ChipProfile& p) -> Fact<double>& { return p.memory.strided_staging_gbps; },
       "memory.staging_gbps", [](ChipProfile& p) -> Fact<double>& { return p.memory.staging_gbps; },
       "interleaving is copying"},
      {"power.idle_w", [](ChipProfile& p) -> Fact<double>& { return p.power.idle_w; }, "power.dispatch_w",
       [](ChipProfile& p) -> Fact<double>& { return p.power.dispatch_w; }, "work needs power"},
      {"power.idle_w", [](ChipProfile& p) -> Fact<double>& { return p.power.idle_w; }, "power.streaming_w",
       [](ChipProfile& p) -> Fact<double>& { return p.power.streaming_w; }, "work needs power"},
      {"power.idle_w", [](ChipProfile& p) -> Fact<double>& { return p.power.idle_w; }, "power.compute_w",
       [](ChipProfile& p) -> Fact<double>& { return p.power.compute_w; }, "work needs power"},
  };
  for (const Order& order : orders) {
    const Fact<double>& low = order.low(profile);
    const Fact<double>& high = order.high(profile);
    if (!low.known() || !high.known() || *low <= *high) continue;
    return fail("{}: \"{}\": expected at most \"{}\", {}, because {}; found {}", source, order.low_key, order.high_key,
                *high, order.why, *low);
  }
  return {};
}

Result<std::string> read_head(const Json& object, std::string_view key, const std::string& source) {
  MW_ASSIGN(std::string text, json_string(object, std::string(key), source));
  if (text.empty() || text.size() > kLongestText) {
    return Place{source, std::string(key)}.wrong(fmt::format("a string of 1 to {} bytes", kLongestText), text);
  }
  return text;
}

Status check_name(const std::string& name, const std::string& source) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz0123456789-_.";
  if (name.size() <= 40 && name.find_first_not_of(kLetters) == std::string::npos) return {};
  return Place{source, "name"}.wrong("1 to 40 of the letters a to z, 0 to 9, \"-\", \"_\" and \".\"", name);
}

Result<Json> parse_object(std::string_view text, const std::string& source) {
  MW_ASSIGN(Json object, parse_json(text, source));
  if (!object.is_object()) return fail("{}: expected a JSON object, found {}", source, shown(object));
  return object;
}

// What a file says, and which of its facts are its own.
struct Stated {
  ChipProfile profile;
  std::optional<ChipProfile> base;
  std::set<const ProfileField*> named;
};

Result<Stated> read_stated(std::string_view text, const std::string& source) {
  MW_ASSIGN(const Json object, parse_object(text, source));
  Stated stated;
  if (object.contains("base")) {
    MW_ASSIGN(const std::string base, read_head(object, "base", source));
    auto found = find_profile(base);
    if (!found) return tl::unexpected<Error>(with_context(std::move(found.error()), source + ": \"base\""));
    stated.base = std::move(*found);
    stated.profile = *stated.base;
  }
  ChipProfile& profile = stated.profile;
  MW_ASSIGN(profile.name, read_head(object, "name", source));
  MW_TRY(check_name(profile.name, source));
  if (!stated.base || object.contains("title")) {
    MW_ASSIGN(profile.title, read_head(object, "title", source));
  }
  if (!stated.base || object.contains("family")) {
    MW_ASSIGN(profile.family, read_head(object, "family", source));
  }
  MW_ASSIGN(stated.named, read_sections(object, source, profile.name, profile));
  if (!stated.base) MW_TRY(check_every_fact(stated.named, source));
  MW_TRY(check_consistency(profile, source));
  return stated;
}

// A fact of one source, and the constant of the cost model that is fitted to the same thing.
struct Twin {
  std::string_view section;
  std::string_view key;
  std::string_view constant;
};

constexpr Twin kTwins[] = {
    {"throughput", "fp16_tflops", "peak_tflops"},       {"dispatch", "floor_ms", "floor_ms"},
    {"memory", "weight_gbps", "weight_gbps"},           {"memory", "activation_gbps", "activation_gbps"},
    {"lifecycle", "compile_ms", "compile_ms"},          {"lifecycle", "compile_ms", "compile_operation_ms"},
    {"lifecycle", "compile_ms", "compile_megabyte_ms"},
};

const ProfileField& field_of(std::string_view section, std::string_view key) {
  const auto fields = profile_fields();
  const auto found = std::ranges::find_if(
      fields, [&](const ProfileField& field) { return field.section == section && field.key == key; });
  MW_CHECK(found != fields.end(), "{}.{} is no fact", section, key);
  return *found;
}

Fact<double>& number_of(const ProfileField& field, ChipProfile& profile) {
  return std::get<FactOf<double>>(field.fact)(profile);
}

// Who changes a published number and leaves the constant that is fitted to it alone expects other predictions: the
// constant changes in the same proportion.
void scale_constants(Stated& stated) {
  for (const Twin& twin : kTwins) {
    const ProfileField& field = field_of(twin.section, twin.key);
    const ProfileField& constant_field = field_of("cost", twin.constant);
    if (!stated.named.contains(&field) || stated.named.contains(&constant_field)) continue;
    const Fact<double>& own = number_of(field, stated.profile);
    const Fact<double>& before = number_of(field, *stated.base);
    Fact<double>& constant = number_of(constant_field, stated.profile);
    if (!own.known() || own.value == before.value) continue;
    const bool is_scaled = constant.known() && before.value_or(0) > 0;
    if (!is_scaled && twin.key != twin.constant && twin.section != "throughput") continue;  // other things
    if (!is_scaled && twin.section == "lifecycle") continue;  // a whole layer's compile tells no part of it
    const double scaled = is_scaled ? *constant * *own / *before : *own;
    constant.value = std::clamp(scaled, constant_field.minimum, constant_field.maximum);
    constant.source = own.source;
    constant.reason =
        is_scaled ? fmt::format("scaled with {}.{}, {:.6g} instead of {:.6g}", twin.section, twin.key, *own, *before)
                  : fmt::format("{}.{}", twin.section, twin.key);
    constant.alternatives.clear();
    constant.profile = stated.profile.name;
  }
}

// Numbers of the capacity model alone: a change of them would change nothing under the other one.
Status check_capacity_facts(Stated& stated, const std::string& source) {
  if (stated.profile.memory.on_chip_model.value == OnChipModel::capacity) return {};
  const auto is_changed = [&](std::string_view section, std::string_view key, auto ChipProfile::*part, auto member) {
    return stated.named.contains(&field_of(section, key)) &&
           (stated.profile.*part.*member).value != ((*stated.base).*part.*member).value;
  };
  std::string_view changed;
  if (is_changed("throughput", "matmul_tflops", &ChipProfile::throughput, &Throughput::matmul_tflops)) {
    changed = "throughput.matmul_tflops";
  } else if (is_changed("memory", "capacity_bytes", &ChipProfile::memory, &Memory::capacity_bytes)) {
    changed = "memory.capacity_bytes";
  }
  if (changed.empty()) return {};
  return fail(
      "{}: \"{}\": no prediction goes by it under \"memory.on_chip_model\" \"operand\"; leave it out, or set the model "
      "to "
      "\"capacity\"",
      source, changed);
}

}  // namespace

Result<ChipProfile> parse_profile(std::string_view text, const std::string& source) {
  MW_ASSIGN(Stated stated, read_stated(text, source));
  if (stated.base) {
    MW_TRY(check_capacity_facts(stated, source));
    scale_constants(stated);
  }
  return std::move(stated.profile);
}

Result<ChipProfile> parse_built_in(std::string_view text, const std::string& source) {
  MW_ASSIGN(Stated stated, read_stated(text, source));
  return std::move(stated.profile);
}

Result<ChipProfile> read_profile(const Path& path) {
  MW_ASSIGN(const std::string text, read_text_file(path, kLargestProfile));
  return parse_profile(text, path.string());
}

Status lay_over(std::string_view text, const std::string& source, const std::string& name, ChipProfile& profile) {
  MW_ASSIGN(const Json object, parse_object(text, source));
  MW_ASSIGN(const auto named, read_sections(object, source, name, profile));
  MW_CHECK(!named.empty(), "the variant {} changes nothing", source);
  return check_consistency(profile, source);
}

}  // namespace millwright::ane
