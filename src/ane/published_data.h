// The texts of src/ane/published/, put into the binary by cmake/EmbedText.cmake.
#pragma once

#include <span>
#include <string_view>

namespace millwright::ane {

struct PublishedText {
  std::string_view name;  // "measurements" of published/measurements.csv
  std::string_view text;
};

std::span<const PublishedText> published_texts();

}  // namespace millwright::ane
