// The name that a misspelled word was probably meant to be, for "did you mean".
#pragma once

#include <span>
#include <string_view>

namespace millwright {

// The candidate with the fewest letters to change, insert or remove (Levenshtein's distance), the first of equally near
// ones; empty where even that one is another word rather than a misspelling.
std::string_view nearest_spelling(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace millwright
