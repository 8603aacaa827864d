// The texts of src/ane/profiles/, put into the binary by cmake/EmbedText.cmake.
#pragma once

#include <span>
#include <string_view>

namespace millwright::ane {

struct ProfileText {
  std::string_view name;  // "m4" of profiles/m4.json
  std::string_view text;
};

std::span<const ProfileText> profile_texts();

}  // namespace millwright::ane
