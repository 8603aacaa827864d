// toml++ ends here: its exceptions and its types go no further.
#include "train/config_file.h"

#include <fmt/format.h>

#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace millwright::train {

namespace {

constexpr size_t kLargestConfigFile = size_t{1} << 20;

using C = TrainConfig;

std::string place(const std::string& source, const toml::source_region& region) {
  return fmt::format("{}:{}:{}", source, region.begin.line, region.begin.column);
}

std::string_view type_name(const toml::node& node) {
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      return "a string";
    case toml::node_type::integer:
      return "an integer";
    case toml::node_type::floating_point:
      return "a number";
    case toml::node_type::boolean:
      return "true or false";
    default:
      return "a date or time";
  }
}

// Sets one member from a node of its kind.
struct NodeReader {
  TrainConfig& config;
  const Setting& setting;
  const toml::node& node;
  const std::string& source;

  tl::unexpected<Error> wrong(std::string_view expected) const {
    return fail("{}: \"{}\": expected {}, found {}", place(source, node.source()), setting.key, expected,
                type_name(node));
  }
  Status in_range(double value) const {
    if (value >= setting.minimum && value <= setting.maximum) return {};
    return fail("{}: \"{}\": expected {} to {}, found {}", place(source, node.source()), setting.key, setting.minimum,
                setting.maximum, value);
  }
  Status operator()(std::string C::*member) const {
    const auto* value = node.as_string();
    if (value == nullptr) return wrong("a string");
    config.*member = value->get();
    return {};
  }
  Status operator()(std::vector<std::string> C::*member) const {
    const toml::array* values = node.as_array();
    if (values == nullptr) return wrong("a list of strings");
    std::vector<std::string> texts;
    for (const toml::node& element : *values) {
      const auto* text = element.as_string();
      if (text == nullptr) return wrong("a list of strings");
      texts.push_back(text->get());
    }
    config.*member = std::move(texts);
    return {};
  }
  Status operator()(int64_t C::*member) const {
    const auto* value = node.as_integer();
    if (value == nullptr) return wrong("an integer");
    MW_TRY(in_range(static_cast<double>(value->get())));
    config.*member = value->get();
    return {};
  }
  Status operator()(double C::*member) const {
    double number = 0;
    if (const auto* value = node.as_floating_point()) {
      number = value->get();
    } else if (const auto* integer = node.as_integer()) {
      number = static_cast<double>(integer->get());
    } else {
      return wrong("a number");
    }
    MW_TRY(in_range(number));
    config.*member = number;
    return {};
  }
  Status operator()(bool C::*member) const {
    const auto* value = node.as_boolean();
    if (value == nullptr) return wrong("true or false");
    config.*member = value->get();
    return {};
  }
};

// toml++ quotes what it found, line breaks included.
std::string one_line(std::string_view text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, ' ');
  return line;
}

// The length of the string that begins at text[0], a quotation mark of either kind; up to the end of the line or the
// text where it is not closed.
size_t string_length(std::string_view text) {
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[0] == '"' && text[i] == '\\') {
      ++i;
    } else if (text[i] == text[0] || text[i] == '\n') {
      return i + 1;
    }
  }
  return text.size();
}

struct Refusal {
  size_t offset;
  std::string_view reason;
};

// What toml++ 3.3 must not see, because it stops the program or has undefined behaviour there. Characters outside ASCII
// outside strings and comments, and quotation marks inside a word, which TOML does not allow; and table headers
// ("[[[") and dotted keys ("a.a.a": a table in a table for every dot), of which run.toml has none.
std::optional<Refusal> find_refused(std::string_view text) {
  const size_t begin = text.starts_with("\xef\xbb\xbf") ? 3 : 0;  // behind a byte order mark
  size_t i = begin;
  bool in_list = false;
  bool in_key = true;
  bool at_line_start = true;
  while (i < text.size()) {
    const char c = text[i];
    if (c == '"' || c == '\'') {
      const bool begins_word =
          i == begin || std::string_view(" \t\r\n=[{,.").find(text[i - 1]) != std::string_view::npos;
      if (!begins_word) return Refusal{i, "a quotation mark inside a word"};
      if (text.substr(i, 3) == std::string(3, c)) return Refusal{i, "run.toml has no strings of several lines"};
      i += string_length(text.substr(i));
    } else if (c == '#') {
      i = std::min(text.find('\n', i), text.size());
    } else {
      if (static_cast<unsigned char>(c) >= 0x80) {
        return Refusal{i, "a character outside ASCII needs quotation marks around it"};
      }
      if (c == '[' && !in_list && at_line_start) return Refusal{i, "run.toml has no [tables], only keys"};
      if (c == '{' || c == '}') return Refusal{i, "run.toml has no {tables}, only keys"};
      if (c == '[' && in_list) return Refusal{i, "run.toml has no lists in lists"};
      if (c == '.' && in_key) return Refusal{i, "run.toml has no keys with dots"};
      in_list = c == '[' || (in_list && c != ']');
      in_key = c != '=' && (in_key || (c == '\n' && !in_list));
      ++i;
    }
    at_line_start = c == '\n' || (at_line_start && (c == ' ' || c == '\t' || c == '\r'));
  }
  return std::nullopt;
}

Result<toml::table> parse_toml(std::string_view text, const std::string& source) {
  if (const auto refusal = find_refused(text)) {
    const std::string_view before = text.substr(0, refusal->offset);
    return fail("{}:{}:{}: not valid: {}", source, 1 + std::count(before.begin(), before.end(), '\n'),
                before.size() - (before.rfind('\n') + 1) + 1, refusal->reason);
  }
  try {
    return toml::parse(text);
  } catch (const toml::parse_error& error) {
    return fail("{}: not valid TOML: {}", place(source, error.source()), one_line(error.description()));
  } catch (const std::exception& error) {
    return fail("{}: not readable as TOML: {}", source, error.what());
  }
}

}  // namespace

Status parse_config(std::string_view text, const std::string& source, TrainConfig& config) {
  MW_ASSIGN(const toml::table table, parse_toml(text, source));
  TrainConfig changed = config;
  for (const auto& [key, node] : table) {
    const Setting* setting = find_setting(key.str());
    if (setting == nullptr) {
      const std::string_view nearest = nearest_key(key.str());
      return fail("{}: unknown key {}; {}", place(source, key.source()), quoted_text(key.str()),
                  nearest.empty() ? std::string("the keys are the options of millwright train, with _ for -")
                                  : fmt::format("did you mean {}?", quoted_text(nearest)));
    }
    MW_TRY(std::visit(NodeReader{changed, *setting, node, source}, setting->member));
  }
  config = std::move(changed);
  return {};
}

Status read_config_file(const Path& path, TrainConfig& config) {
  MW_ASSIGN(const std::string text, read_text_file(path, kLargestConfigFile));
  return parse_config(text, path.string(), config);
}

std::string config_text(const TrainConfig& config) {
  std::string text = "# Every setting of this run; train --config reads it back.\n";
  std::string_view group;
  for (const Setting& setting : settings()) {
    if (setting.group != group) {
      group = setting.group;
      text += fmt::format("\n# {}\n", group);
    }
    text += fmt::format("{} = {}\n", setting.key, value_text(setting, config));
  }
  return text;
}

Status write_config_file(const Path& path, const TrainConfig& config) {
  return write_file_atomically(path, config_text(config));
}

}  // namespace millwright::train
