// JSON from users: parsing with located one-line errors, and typed access to the members of an object. A heavy header
// (nlohmann/json): include it in .cpp files only.
#pragma once

#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millwright {

using Json = nlohmann::json;

constexpr int kMaxJsonDepth = 100;

// `source` names the text in errors, usually a path. The caller limits the size. A key may stand once in an object.
Result<Json> parse_json(std::string_view text, const std::string& source);

// Members of `object`. Missing, or of another type, or out of range: an error that names source and key.
// An integer may be written as 12 or 12.0, not as 12.5 or "12".
Result<int64_t> json_integer(const Json& object, const std::string& key, const std::string& source,
                             int64_t minimum = std::numeric_limits<int64_t>::min(),
                             int64_t maximum = std::numeric_limits<int64_t>::max());
Result<double> json_number(const Json& object, const std::string& key, const std::string& source);
Result<bool> json_boolean(const Json& object, const std::string& key, const std::string& source);
Result<std::string> json_string(const Json& object, const std::string& key, const std::string& source);
// Valid as long as `object` is.
Result<const Json*> json_array(const Json& object, const std::string& key, const std::string& source);
Result<const Json*> json_object(const Json& object, const std::string& key, const std::string& source);

}  // namespace millwright
