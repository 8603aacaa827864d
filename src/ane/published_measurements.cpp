#include "ane/published_measurements.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "ane/published_data.h"
#include "base/check.h"

namespace millwright::ane {
namespace {

constexpr std::string_view kHeader = "id,chip,use,workload,metric,value,unit,source,note";

std::vector<std::string> cells(std::string_view line) {
  std::vector<std::string> parts;
  while (true) {
    const size_t comma = line.find(',');
    parts.emplace_back(line.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    line.remove_prefix(comma + 1);
  }
}

Result<PublishedMeasurement> parse_line(std::string_view line, const std::string& where) {
  std::vector<std::string> parts = cells(line);
  if (parts.size() != 9) return fail("{}: {} columns, expected 9: {}", where, parts.size(), kHeader);
  PublishedMeasurement m{parts[0], parts[1], Use::calibration, parts[3], parts[4],
                         0,        parts[6], parts[7],         parts[8], where};
  if (parts[2] != "calibration" && parts[2] != "validation") {
    return fail("{}: use is \"{}\", expected calibration or validation", where, parts[2]);
  }
  m.use = parts[2] == "calibration" ? Use::calibration : Use::validation;
  char* end = nullptr;
  m.value = std::strtod(parts[5].c_str(), &end);
  if (parts[5].empty() || *end != '\0' || !std::isfinite(m.value) || m.value <= 0) {
    return fail("{}: value is \"{}\", expected a number above 0", where, parts[5]);
  }
  return m;
}

}  // namespace

Result<std::vector<PublishedMeasurement>> parse_measurements(std::string_view text, const std::string& source) {
  std::vector<PublishedMeasurement> all;
  if (text.empty()) return fail("{}: is empty, expected the header {}", source, kHeader);
  for (int number = 1; !text.empty(); ++number) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    const std::string where = fmt::format("{}:{}", source, number);
    if (number == 1 && line != kHeader) return fail("{}: expected the header {}", where, kHeader);
    if (number == 1 || line.empty()) continue;
    MW_ASSIGN(PublishedMeasurement m, parse_line(line, where));
    all.push_back(std::move(m));
  }
  if (all.empty()) return fail("{}: has no measurements below its header", source);
  return all;
}

const std::vector<PublishedMeasurement>& published_measurements() {
  static const std::vector<PublishedMeasurement> all = [] {
    const auto texts = published_texts();
    const auto found = std::ranges::find(texts, "measurements", &PublishedText::name);
    MW_CHECK(found != texts.end(), "the binary has no measurements");
    auto parsed = parse_measurements(found->text, "built-in measurements.csv");
    MW_CHECK(parsed.has_value(), "{}", parsed.error().message);
    return std::move(*parsed);
  }();
  return all;
}

}  // namespace millwright::ane
