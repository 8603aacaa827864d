#include "ane/profile_text.h"

#include "ane/profile_fields.h"
#include "base/json.h"

namespace millwright::ane {

namespace {

using OrderedJson = nlohmann::ordered_json;

OrderedJson json_of(double value) { return value; }
OrderedJson json_of(int64_t value) { return value == kNoLimit ? OrderedJson("none") : OrderedJson(value); }
OrderedJson json_of(bool value) { return value; }
OrderedJson json_of(const std::vector<std::string>& value) { return value; }
template <class E>
requires std::is_enum_v<E> OrderedJson json_of(E value) { return word_of(value); }

template <class T>
OrderedJson json_of(const std::optional<T>& value) {
  return value ? json_of(*value) : OrderedJson("unknown");
}

template <class T>
OrderedJson json_of(const Fact<T>& fact) {
  OrderedJson json = {{"value", json_of(fact.value)}, {"source", fact.source}};
  if (!fact.reason.empty()) json["reason"] = fact.reason;
  for (const auto& alternative : fact.alternatives) {
    json["alternatives"].push_back({{"value", json_of(alternative.value)}, {"source", alternative.source}});
  }
  return json;
}

std::string text_of(double value) { return fmt::format("{:.6g}", value); }
std::string text_of(int64_t value) { return value == kNoLimit ? "none" : fmt::format("{}", value); }
std::string text_of(bool value) { return value ? "yes" : "no"; }
std::string text_of(const std::vector<std::string>& value) { return fmt::format("{}", fmt::join(value, ", ")); }
template <class E>
requires std::is_enum_v<E> std::string text_of(E value) { return std::string(word_of(value)); }

template <class T>
std::string text_of(const std::optional<T>& value, std::string_view unit) {
  if (!value) return "unknown";
  const std::string text = text_of(*value);
  return unit.empty() || text == "none" ? text : fmt::format("{} {}", text, unit);
}

// The table's accessors give members to change; reading through them changes nothing.
template <class T>
const Fact<T>& read(FactOf<T> access, const ChipProfile& profile) {
  return access(const_cast<ChipProfile&>(profile));
}

}  // namespace

std::vector<FactText> fact_texts(const ChipProfile& profile) {
  const std::string own = profile.name.substr(0, profile.name.find('+'));
  std::vector<FactText> texts;
  for (const ProfileField& field : profile_fields()) {
    std::visit(
        [&]<class T>(FactOf<T> access) {
          const Fact<T>& fact = read(access, profile);
          FactText& text = texts.emplace_back();
          text.section = field.section;
          text.key = field.key;
          text.value = text_of(fact.value, field.unit);
          text.source = fact.source;
          text.reason = fact.reason;
          if (fact.profile != own && fact.profile != "common") text.taken_from = fact.profile;
          for (const auto& alternative : fact.alternatives) {
            text.alternatives.push_back({text_of(alternative.value, field.unit), alternative.source});
          }
          text.help = field.help;
        },
        field.fact);
  }
  return texts;
}

std::string profile_json(const ChipProfile& profile) {
  // A variant's name is no name for a file of its own.
  std::string name = profile.name;
  for (char& c : name) {
    if (c == '+') c = '-';
  }
  OrderedJson json = {{"name", name}, {"title", profile.title}, {"family", profile.family}};
  for (const ProfileField& field : profile_fields()) {
    std::visit(
        [&]<class T>(FactOf<T> access) {
          json[std::string(field.section)][std::string(field.key)] = json_of(read(access, profile));
        },
        field.fact);
  }
  return json.dump(2, ' ', false, OrderedJson::error_handler_t::replace) + "\n";
}

}  // namespace millwright::ane
