// Attributes of functions and programs, whose texts may name inputs and results.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "mil/diff.h"
#include "mil/diff/literal_contents.h"

namespace millwright::mil {

// What values of the one function are called in the other.
using Renaming = std::unordered_map<std::string, std::string, TextHash>;

// Texts of `a` are renamed before they are compared. The order of attributes and of dictionaries does not count.
std::vector<Change> compare_attributes(const std::vector<Attribute>& a, const LiteralContents& a_contents,
                                       const std::vector<Attribute>& b, const LiteralContents& b_contents,
                                       const Renaming& renaming);

// "uint64(64)"; long constants by their type.
std::string constant_text(const Literal& constant);

// A change of a constant. Where both have one type and long contents: how much of it differs.
Change constant_change(std::string what, const Literal& a, const LiteralContents& a_contents, const Literal& b,
                       const LiteralContents& b_contents);

}  // namespace millwright::mil
