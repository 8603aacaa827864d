#include "ane/probe_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "ane/profile_text.h"
#include "ane/published_measurements.h"
#include "base/check.h"
#include "base/svg_plot.h"

namespace millwright::ane {
namespace {

constexpr size_t kNoteWidth = 110;
constexpr std::string_view kStudied = "m4";  // the chip of the study

constexpr std::array kColumns = {ProbeUnit::milliseconds, ProbeUnit::tflops, ProbeUnit::watts,
                                 ProbeUnit::tflops_per_watt};

std::string number(std::optional<double> value) {
  if (!value) return "-";
  return *value < 5e-4 ? "0.000" : fmt::format("{:.4g}", *value);
}

// The unit that a metric of the table is shown in, and what to multiply by; nothing for medians, bandwidths, …
struct Shown {
  std::string_view metric;
  std::string_view unit;
  ProbeUnit probe_unit;
  double factor;
};
constexpr Shown kShown[] = {{"latency", "ms", ProbeUnit::milliseconds, 1},
                            {"latency", "us", ProbeUnit::milliseconds, 1e-3},
                            {"latency_min", "ms", ProbeUnit::milliseconds, 1},
                            {"latency_min", "us", ProbeUnit::milliseconds, 1e-3},
                            {"throughput", "TFLOPS", ProbeUnit::tflops, 1},
                            {"throughput", "GFLOPS", ProbeUnit::tflops, 1e-3},
                            {"power", "W", ProbeUnit::watts, 1},
                            {"efficiency", "TFLOPS/W", ProbeUnit::tflops_per_watt, 1},
                            {"efficiency", "GFLOPS/W", ProbeUnit::tflops_per_watt, 1e-3}};

bool is_of(const PublishedMeasurement& row, const ProbePoint& point, std::string_view chip) {
  if (row.chip != chip) return false;
  if (!point.rows) return row.workload == point.workload;
  return std::ranges::find(*point.rows, row.id) != point.rows->end();
}

// "+3 %": how far the sample is off.
std::string error_text(double found, double published) {
  const double percent = std::round(100 * (found / published - 1));
  return percent == 0 ? "0 %" : fmt::format("{:+.0f} %", percent);
}

// "0.16 ms (-3 %), 0.142 ms (+9 %)" of one unit; of more than two values their range.
std::string published_text(std::vector<PublishedValue> values, const ProbePoint& point, const ProbeSample& sample) {
  std::string text;
  const auto found = in_unit(values.front().unit, point, sample);
  if (values.size() <= 2) {
    for (const PublishedValue& value : values) {
      text += fmt::format("{}{:.4g} {}", text.empty() ? "" : ", ", value.value, unit_name(value.unit));
      if (found) text += fmt::format(" ({})", error_text(*found, value.value));
    }
    return text;
  }
  const auto [least, most] = std::ranges::minmax_element(values, {}, &PublishedValue::value);
  text = fmt::format("{:.4g} to {:.4g} {}, {} times", least->value, most->value, unit_name(least->unit), values.size());
  if (found) text += fmt::format(" ({} to {})", error_text(*found, least->value), error_text(*found, most->value));
  return text;
}

std::string published_cell(const ProbePoint& point, const ProbeSample& sample, std::string_view chip) {
  const std::vector<PublishedValue> all = published_of(point, chip);
  std::string cell;
  for (const ProbeUnit unit : kColumns) {
    std::vector<PublishedValue> of_unit;
    std::ranges::copy_if(all, std::back_inserter(of_unit), [&](const PublishedValue& v) { return v.unit == unit; });
    if (!of_unit.empty()) cell += (cell.empty() ? "" : ", ") + published_text(std::move(of_unit), point, sample);
  }
  return cell;
}

// "maderix part 2 (M0625, M0626); the model was calibrated on it": every source of the probe's published values.
std::vector<std::string> sources_of(const Probe& probe, std::string_view chip) {
  struct Source {
    std::string name;
    bool is_calibration;
    std::vector<std::string> ids;
  };
  std::vector<Source> sources;
  for (const ProbePoint& point : probe.points) {
    for (const PublishedValue& value : published_of(point, chip)) {
      auto found = std::ranges::find_if(sources, [&](const Source& source) {
        return source.name == value.source && source.is_calibration == value.is_calibration;
      });
      if (found == sources.end()) found = sources.insert(sources.end(), {value.source, value.is_calibration, {}});
      const bool is_new = !value.id.empty() && std::ranges::find(found->ids, value.id) == found->ids.end();
      if (is_new) found->ids.push_back(value.id);
    }
  }
  std::vector<std::string> lines;
  for (const Source& source : sources) {
    const std::string ids = source.ids.empty() ? "" : fmt::format(" ({})", fmt::join(source.ids, ", "));
    lines.push_back(fmt::format("{}{}; {}", source.name, ids,
                                source.is_calibration ? "the model was calibrated on it" : "the model never saw it"));
  }
  return lines;
}

std::string wrapped(const std::string& topic, const std::string& text) {
  std::string lines = topic;
  size_t width = topic.size();
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (width + 1 + word.size() > kNoteWidth && width > topic.size()) {
      lines += "\n" + std::string(topic.size(), ' ');
      width = topic.size();
    }
    lines += " " + word;
    width += 1 + word.size();
    begin = end + 1;
  }
  return lines + "\n";
}

// A published time as rate, or the other way round; nothing where the one does not tell the other.
std::optional<double> converted(const PublishedValue& value, ProbeUnit unit, const ProbePoint& point) {
  if (value.unit == unit) return value.value;
  if (value.unit == ProbeUnit::milliseconds) return in_unit(unit, point, {.seconds = value.value * 1e-3});
  if (value.unit == ProbeUnit::tflops) return in_unit(unit, point, {.seconds = point.flops / value.value * 1e-12});
  return std::nullopt;
}

std::string right_trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

std::string ProbeSubject::published_chip() const {
  if (chip == nullptr) return "";
  // A profile of the user's may have the name of a built-in one and other facts.
  const auto built_in = find_profile(chip->name);
  const bool is_built_in = built_in && profile_json(*built_in) == profile_json(*chip);
  return is_built_in ? chip->name.substr(0, chip->name.find('+')) : "";
}

std::vector<PublishedValue> published_of(const ProbePoint& point, std::string_view chip) {
  std::vector<PublishedValue> values;
  for (const PublishedMeasurement& row : published_measurements()) {
    if (!is_of(row, point, chip)) continue;
    const auto shown = std::ranges::find_if(
        kShown, [&](const Shown& entry) { return entry.metric == row.metric && entry.unit == row.unit; });
    if (shown == std::end(kShown)) continue;
    values.push_back({row.value * shown->factor, shown->probe_unit, row.id,
                      row.source + (row.note.empty() ? "" : ", " + row.note), row.use == Use::calibration});
  }
  if (chip == kStudied) values.insert(values.end(), point.published.begin(), point.published.end());
  return values;
}

std::vector<ProbeNote> basis_notes(const ProbeSubject& subject, std::span<const CostPart> parts) {
  std::vector<ProbeNote> notes;
  if (!subject.is_predicted || subject.chip == nullptr) return notes;
  for (const BasisLine& line : cost_basis(*subject.chip, parts)) {
    notes.push_back({"predicted from", fmt::format("{}: {}", fmt::join(line.constants, ", "), line.origin)});
  }
  return notes;
}

std::vector<ProbeNote> probe_notes(const Probe& probe, const std::vector<ProbeSample>& samples,
                                   const ProbeSubject& subject) {
  std::vector<ProbeNote> notes;
  for (size_t i = 0; i < samples.size(); ++i) {
    if (!samples[i].ran())
      notes.push_back({"refused", fmt::format("{}: {}", probe.points[i].label, samples[i].refusal)});
  }
  if (probe.conclude != nullptr) {
    const std::string conclusion = probe.conclude(probe, samples);
    if (!conclusion.empty()) notes.push_back({std::string(subject.verb()), conclusion});
  }
  const std::string chip = subject.published_chip();
  if (chip == kStudied) {
    for (const std::string& line : probe.published) notes.push_back({"published", line});
  }
  for (std::string& line : sources_of(probe, chip)) notes.push_back({"published", std::move(line)});
  const bool is_compared = std::ranges::find(notes, "published", &ProbeNote::topic) != notes.end();
  if (is_compared) {
    for (const std::string& line : probe.disputes) notes.push_back({"disputed", line});
  }
  for (ProbeNote& note : basis_notes(subject, probe.parts)) notes.push_back(std::move(note));
  return notes;
}

std::string notes_text(const std::vector<ProbeNote>& notes) {
  std::string text;
  std::string topic;
  for (const ProbeNote& note : notes) {
    if (note.topic != topic) text += "\n" + note.topic + "\n";
    topic = note.topic;
    text += wrapped(" -", note.text);
  }
  return text;
}

std::string probe_table(const Probe& probe, const std::vector<ProbeSample>& samples, const ProbeSubject& subject) {
  MW_CHECK(samples.size() == probe.points.size(), "{} samples of {} programs", samples.size(), probe.points.size());
  size_t series_width = 0;
  size_t label_width = 0;
  for (const ProbePoint& point : probe.points) {
    series_width = std::max(series_width, point.series.size());
    label_width = std::max(label_width, point.label.size());
  }
  const size_t width = series_width + 2 + label_width;
  std::string text = fmt::format("{}: {}\non {}\n\n", probe.name, probe.title, subject.device);
  text += right_trimmed(fmt::format("{:<{}}  {:>9}", "", width, subject.verb())) + "\n";
  std::string head = fmt::format("{:<{}}", "", width);
  for (const ProbeUnit unit : kColumns) head += fmt::format("  {:>9}", unit_name(unit));
  const std::string chip = subject.published_chip();
  const bool is_compared =
      std::ranges::any_of(probe.points, [&](const ProbePoint& point) { return !published_of(point, chip).empty(); });
  text += head + (is_compared ? "  published" : "") + "\n";
  for (size_t i = 0; i < samples.size(); ++i) {
    const ProbePoint& point = probe.points[i];
    std::string line = fmt::format("{:<{}}  {:<{}}", point.series, series_width, point.label, label_width);
    for (const ProbeUnit unit : kColumns) line += fmt::format("  {:>9}", number(in_unit(unit, point, samples[i])));
    line += "  " + published_cell(point, samples[i], chip);
    text += right_trimmed(std::move(line)) + "\n";
  }
  return text + notes_text(probe_notes(probe, samples, subject));
}

std::string probe_figure(const Probe& probe, const std::vector<ProbeSample>& samples, const ProbeSubject& subject) {
  MW_CHECK(samples.size() == probe.points.size(), "{} samples of {} programs", samples.size(), probe.points.size());
  std::vector<PlotSeries> all;
  PlotSeries published{"published", kPlotGrey, false, {}};
  for (size_t i = 0; i < samples.size(); ++i) {
    const ProbePoint& point = probe.points[i];
    if (all.empty() || all.back().name != point.series) {
      all.push_back({point.series, kPlotColors[all.size() % std::size(kPlotColors)], true, {}});
    }
    if (const auto y = in_unit(probe.unit, point, samples[i])) all.back().points.emplace_back(point.x, *y);
    for (const PublishedValue& value : published_of(point, subject.published_chip())) {
      if (const auto y = converted(value, probe.unit, point)) published.points.emplace_back(point.x, *y);
    }
  }
  // A line needs two points.
  for (PlotSeries& series : all) series.joined = series.points.size() > 1;
  if (!published.points.empty()) all.push_back(std::move(published));
  const std::string title = fmt::format("{} on {}, {}", probe.name, subject.device, subject.verb());
  return svg_plot(title, {probe.axis, probe.logarithmic}, {std::string(unit_name(probe.unit)), false}, all);
}

}  // namespace millwright::ane
