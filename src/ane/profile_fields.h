// The table of a profile's facts: key, unit, meaning and range. The reader, the printers and the docs go by it, so a
// fact is added here and in chip_profile.h, and nowhere else.
#pragma once

#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "ane/chip_profile.h"

namespace millwright::ane {

template <class T>
using FactOf = Fact<T>& (*)(ChipProfile&);

using FactAccess =
    std::variant<FactOf<double>, FactOf<int64_t>, FactOf<bool>, FactOf<std::vector<std::string>>, FactOf<Route>,
                 FactOf<Acceptance>, FactOf<SurfaceRows>, FactOf<NarrowSurfaces>, FactOf<Binding>,
                 FactOf<BlobValidation>, FactOf<OnChipModel>, FactOf<Ties>, FactOf<Identity>>;

struct ProfileField {
  std::string_view section;  // "memory"
  std::string_view key;      // "weight_gbps"
  FactAccess fact;
  std::string_view unit;  // "GB/s", or empty
  std::string_view help;
  double minimum = 0;  // of numbers
  double maximum = 0;
  bool may_be_unknown = true;
  bool may_be_none = false;  // "none" is no limit
};

std::span<const ProfileField> profile_fields();

// The words of a choice, in the order of its enumerators.
std::span<const std::string_view> words_of(Route);
std::span<const std::string_view> words_of(Acceptance);
std::span<const std::string_view> words_of(SurfaceRows);
std::span<const std::string_view> words_of(NarrowSurfaces);
std::span<const std::string_view> words_of(Binding);
std::span<const std::string_view> words_of(BlobValidation);
std::span<const std::string_view> words_of(OnChipModel);
std::span<const std::string_view> words_of(Ties);
std::span<const std::string_view> words_of(Identity);

template <class E>
std::string_view word_of(E value) {
  return words_of(value)[static_cast<size_t>(value)];
}

}  // namespace millwright::ane
