// The built-in profiles and variants by name.
#include "ane/chip_profile.h"

#include <algorithm>

#include "ane/profile_data.h"
#include "ane/profile_file.h"
#include "base/spelling.h"

namespace millwright::ane {

namespace {

// Files whose names begin so are variants; "common" is what the profiles of all chips stand on.
constexpr std::string_view kVariantPrefix = "variant-";
constexpr std::string_view kCommon = "common";

const ProfileText* find_text(std::string_view name) {
  const auto texts = profile_texts();
  const auto found = std::ranges::find(texts, name, &ProfileText::name);
  return found == texts.end() ? nullptr : &*found;
}

std::string listed(const std::vector<std::string>& names) { return fmt::format("{}", fmt::join(names, ", ")); }

std::string nearest(std::string_view name, const std::vector<std::string>& names) {
  if (name.empty()) return "";  // nothing that could be misspelled
  const std::vector<std::string_view> views(names.begin(), names.end());
  const std::string_view found = nearest_spelling(name, views);
  return found.empty() ? "" : fmt::format("; did you mean {}?", found);
}

// A name of the user's for a message.
std::string shown(std::string_view name) { return std::string(name.substr(0, 40)) + (name.size() > 40 ? "..." : ""); }

std::string source_of(std::string_view name) { return fmt::format("built-in {}.json", name); }

}  // namespace

const std::vector<std::string>& profile_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const ProfileText& text : profile_texts()) {
      if (text.name != kCommon && !text.name.starts_with(kVariantPrefix)) found.emplace_back(text.name);
    }
    // "m1" before "m1-max" before "m2".
    std::ranges::sort(found);
    return found;
  }();
  return names;
}

const std::vector<std::string>& variant_names() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> found;
    for (const ProfileText& text : profile_texts()) {
      if (text.name.starts_with(kVariantPrefix)) found.emplace_back(text.name.substr(kVariantPrefix.size()));
    }
    std::ranges::sort(found);
    return found;
  }();
  return names;
}

Result<ChipProfile> find_profile(std::string_view name) {
  const std::string_view chip = name.substr(0, name.find('+'));
  const ProfileText* text = chip.starts_with(kVariantPrefix) ? nullptr : find_text(chip);
  if (text == nullptr) {
    return fail("unknown chip \"{}\"{}; the chips are {}", shown(chip), nearest(chip, profile_names()),
                listed(profile_names()));
  }
  auto profile = parse_built_in(text->text, source_of(chip));
  MW_CHECK(profile.has_value(), "{}", profile.error().message);
  for (size_t plus = chip.size(); plus < name.size();) {
    const size_t end = std::min(name.find('+', plus + 1), name.size());
    const std::string_view variant = name.substr(plus + 1, end - plus - 1);
    const std::string stem = std::string(kVariantPrefix) + std::string(variant);
    const ProfileText* layer = find_text(stem);
    if (layer == nullptr) {
      return fail("unknown variant \"{}\" of chip {}{}; the variants are {}", shown(variant), chip,
                  nearest(variant, variant_names()), listed(variant_names()));
    }
    MW_TRY(lay_over(layer->text, source_of(stem), stem, *profile));
    profile->name += "+" + std::string(variant);
    plus = end;
  }
  return profile;
}

}  // namespace millwright::ane
