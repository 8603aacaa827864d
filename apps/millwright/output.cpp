#include "output.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>
#include <string>

namespace millwright::app {
namespace {

using Json = nlohmann::ordered_json;

int failure = 0;  // errno of the first failed write

std::string with_separators(int64_t value) {
  std::string digits = fmt::format("{}", value);
  const size_t first = value < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) digits.insert(i -= 3, ",");
  return digits;
}

std::string fact_text(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return with_separators(value.get<int64_t>());
  if (value.is_number_float()) return fmt::format("{:.6g}", value.get<double>());
  if (value.is_null()) return "none";
  if (!value.is_array()) return value.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string joined;
  for (const Json& item : value) joined += (joined.empty() ? "" : ", ") + fact_text(item);
  return joined;
}

using Names = std::initializer_list<std::string_view>;

std::string fact_lines(const Json& object, size_t indent, Names named, bool has_names = false) {
  size_t width = 0;
  for (const auto& [key, value] : object.items()) width = std::max(width, key.size());
  std::string lines;
  for (const auto& [key, value] : object.items()) {
    std::string label = key;
    if (!has_names) std::ranges::replace(label, '_', ' ');
    lines.append(indent, ' ');
    if (value.is_object()) {
      lines += label + "\n" + fact_lines(value, indent + 2, {}, std::ranges::find(named, key) != named.end());
    } else {
      lines += fmt::format("{:<{}}  {}\n", label, width, fact_text(value));
    }
  }
  return lines;
}

}  // namespace

bool print(std::string_view text) {
  while (failure == 0 && !text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written >= 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      failure = errno;
    }
  }
  return failure == 0;
}

bool print_json(const Json& value) { return print(value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"); }

bool print_facts(const Json& object, Names named) { return print(fact_lines(object, 0, named)); }

Status output_status() {
  if (failure == 0 || failure == EPIPE) return {};
  return fail(ErrorKind::io, "cannot write to standard output: {}", std::strerror(failure));
}

}  // namespace millwright::app
