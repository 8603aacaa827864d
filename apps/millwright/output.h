// Standard output, where results go. A reader that closes it early (`| head`) ends the output quietly; any other
// failure to write, such as a full disk, is an error of the command.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>

#include "base/result.h"

namespace millwright::app {

// Writes at once, without waiting for a line to fill. False when nothing more can be written.
bool print(std::string_view text);

// One JSON value and a line break. Text that is not UTF-8 (a file name) is written with U+FFFD in its place.
bool print_json(const nlohmann::ordered_json& value);

// "key  value" lines of a JSON object, nested objects indented, for people.
bool print_facts(const nlohmann::ordered_json& object);

// An error if any print failed for another reason than a reader that has gone.
Status output_status();

}  // namespace millwright::app
