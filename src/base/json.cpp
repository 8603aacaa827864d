// parse_json and the typed getters. The library's exceptions end here.
#include "base/json.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <unordered_set>
#include <vector>

namespace millwright {

namespace {

struct Location {
  size_t line;
  size_t column;  // in bytes, from 1
};

Location locate(std::string_view text, size_t offset) {
  const std::string_view before = text.substr(0, std::min(offset, text.size()));
  const size_t line_start = before.rfind('\n');
  return {1 + static_cast<size_t>(std::count(before.begin(), before.end(), '\n')),
          before.size() - (line_start == std::string_view::npos ? 0 : line_start + 1) + 1};
}

// The offset of the bracket that nests too deeply, or npos. Counted before parsing: the library recurses when it
// destroys.
size_t find_too_deep(std::string_view text) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kMaxJsonDepth) return i;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return std::string_view::npos;
}

// "syntax error while parsing value - unexpected end of input" out of the library's "[…] parse error at …: …".
std::string reason_of(const nlohmann::json::exception& exception) {
  std::string reason = exception.what();
  if (const size_t bracket = reason.find("] "); bracket != std::string::npos) reason = reason.substr(bracket + 2);
  if (reason.starts_with("parse error")) reason = reason.substr(reason.find(": ") + 2);
  std::replace(reason.begin(), reason.end(), '\n', ' ');
  return reason;
}

// For a message: short, and on one line.
std::string shown(const Json& value) {
  std::string text = value.dump(-1, ' ', true, Json::error_handler_t::replace);
  if (text.size() > 40) text = text.substr(0, 40) + "...";
  return text;
}

// Remembers the keys of the objects around the place that the parser is at, and the first key that stands twice in one.
class KeyWatch {
 public:
  bool see(nlohmann::json::parse_event_t event, const Json& parsed) {
    using Event = nlohmann::json::parse_event_t;
    if (event == Event::object_start) keys_.emplace_back();
    if (event == Event::object_end) keys_.pop_back();
    if (event == Event::key && !keys_.back().insert(parsed.get<std::string>()).second && !twice_) {
      twice_ = shown(parsed);
    }
    return true;
  }
  const std::optional<std::string>& twice() const { return twice_; }

 private:
  std::vector<std::unordered_set<std::string>> keys_;
  std::optional<std::string> twice_;
};

Result<const Json*> member(const Json& object, const std::string& key, const std::string& source,
                           std::string_view expected) {
  if (!object.is_object()) return fail("{}: expected a JSON object, found {}", source, object.type_name());
  const auto found = object.find(key);
  if (found == object.end()) return fail("{}: \"{}\" is missing; expected {}", source, key, expected);
  return &*found;
}

tl::unexpected<Error> wrong_type(const Json& value, const std::string& key, const std::string& source,
                                 std::string_view expected) {
  return fail("{}: \"{}\": expected {}, found {}", source, key, expected, shown(value));
}

}  // namespace

Result<Json> parse_json(std::string_view text, const std::string& source) {
  if (const size_t offset = find_too_deep(text); offset != std::string_view::npos) {
    const Location at = locate(text, offset);
    return fail("{}:{}:{}: not accepted as JSON: nested deeper than {} levels", source, at.line, at.column,
                kMaxJsonDepth);
  }
  try {
    KeyWatch watch;
    Json json = Json::parse(text.begin(), text.end(), [&](int, Json::parse_event_t event, const Json& parsed) {
      return watch.see(event, parsed);
    });
    if (watch.twice()) return fail("{}: the key {} stands twice in one object; keep one", source, *watch.twice());
    return json;
  } catch (const Json::parse_error& error) {
    const Location at = locate(text, error.byte == 0 ? 0 : error.byte - 1);
    return fail("{}:{}:{}: not valid JSON: {}", source, at.line, at.column, reason_of(error));
  } catch (const Json::exception& error) {  // e.g. a number that overflows a double
    return fail("{}: not valid JSON: {}", source, reason_of(error));
  } catch (const std::bad_alloc&) {
    return fail(ErrorKind::exhausted, "{}: not enough memory to read {} bytes of JSON", source, text.size());
  }
}

Result<int64_t> json_integer(const Json& object, const std::string& key, const std::string& source, int64_t minimum,
                             int64_t maximum) {
  const bool ranged = minimum != std::numeric_limits<int64_t>::min() || maximum != std::numeric_limits<int64_t>::max();
  const std::string expected = ranged ? fmt::format("an integer in [{}, {}]", minimum, maximum) : "an integer";
  MW_ASSIGN(const Json* value, member(object, key, source, expected));
  int64_t integer = 0;
  if (value->is_number_unsigned()) {
    const auto found = value->get<uint64_t>();
    if (found > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()))
      return wrong_type(*value, key, source, expected);
    integer = static_cast<int64_t>(found);
  } else if (value->is_number_integer()) {
    integer = value->get<int64_t>();
  } else if (value->is_number_float()) {
    const auto found = value->get<double>();
    if (!(std::abs(found) <= 0x1p53) || found != std::floor(found)) return wrong_type(*value, key, source, expected);
    integer = static_cast<int64_t>(found);
  } else {
    return wrong_type(*value, key, source, expected);
  }
  if (integer < minimum || integer > maximum) return wrong_type(*value, key, source, expected);
  return integer;
}

Result<double> json_number(const Json& object, const std::string& key, const std::string& source) {
  MW_ASSIGN(const Json* value, member(object, key, source, "a number"));
  if (!value->is_number()) return wrong_type(*value, key, source, "a number");
  return value->get<double>();
}

Result<bool> json_boolean(const Json& object, const std::string& key, const std::string& source) {
  MW_ASSIGN(const Json* value, member(object, key, source, "true or false"));
  if (!value->is_boolean()) return wrong_type(*value, key, source, "true or false");
  return value->get<bool>();
}

Result<std::string> json_string(const Json& object, const std::string& key, const std::string& source) {
  MW_ASSIGN(const Json* value, member(object, key, source, "a string"));
  if (!value->is_string()) return wrong_type(*value, key, source, "a string");
  return value->get<std::string>();
}

Result<const Json*> json_array(const Json& object, const std::string& key, const std::string& source) {
  MW_ASSIGN(const Json* value, member(object, key, source, "an array"));
  if (!value->is_array()) return wrong_type(*value, key, source, "an array");
  return value;
}

Result<const Json*> json_object(const Json& object, const std::string& key, const std::string& source) {
  MW_ASSIGN(const Json* value, member(object, key, source, "an object"));
  if (!value->is_object()) return wrong_type(*value, key, source, "an object");
  return value;
}

}  // namespace millwright
