// Standard output, where results go. A reader that closes it early (`| head`) ends the output quietly; any other
// failure to write, such as a full disk, is an error of the command.
#pragma once

#include <initializer_list>
#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace millwright::app {

// Writes at once, without waiting for a line to fill. False when nothing more can be written.
bool print(std::string_view text);

// One JSON value and a line break. Text that is not UTF-8 (a file name) is written with U+FFFD in its place.
bool print_json(const nlohmann::ordered_json& value);

// "key  value" lines of a JSON object, nested objects indented, for people: keys with spaces for underscores. Those
// inside of the objects `named` are names that somebody gave, and stay as they are.
bool print_facts(const nlohmann::ordered_json& object, std::initializer_list<std::string_view> named = {});

// An error if any print failed for another reason than a reader that has gone.
Status output_status();

}  // namespace millwright::app
