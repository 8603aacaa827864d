#include "ane/probe_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <utility>

#include "ane/profile_text.h"
#include "base/check.h"
#include "base/svg_plot.h"

namespace millwright::ane {
namespace {

constexpr size_t kNoteWidth = 110;

constexpr std::array kColumns = {ProbeUnit::milliseconds, ProbeUnit::tflops, ProbeUnit::watts,
                                 ProbeUnit::tflops_per_watt};

std::string number(std::optional<double> value) {
  if (!value) return "-";
  return *value < 5e-4 ? "0.000" : fmt::format("{:.4g}", *value);
}

// "18.6 TFLOPS, +1 %": how far the sample is off, where there is one.
std::string published_text(const PublishedValue& published, const ProbePoint& point, const ProbeSample& sample) {
  std::string text = fmt::format("{:g} {}", published.value, unit_name(published.unit));
  if (const auto found = in_unit(published.unit, point, sample)) {
    const double percent = std::round(100 * (*found / published.value - 1));
    text += percent == 0 ? " (0 %)" : fmt::format(" ({:+.0f} %)", percent);
  }
  return text;
}

std::string published_cell(const ProbePoint& point, const ProbeSample& sample) {
  std::string cell;
  for (const PublishedValue& published : point.published) {
    cell += (cell.empty() ? "" : ", ") + published_text(published, point, sample);
  }
  return cell;
}

// "maderix part 2 (M0625, M0626), calibration": every source of the probe's published values.
std::vector<std::string> sources_of(const Probe& probe) {
  struct Source {
    std::string name;
    bool is_calibration;
    std::vector<std::string> ids;
  };
  std::vector<Source> sources;
  for (const ProbePoint& point : probe.points) {
    for (const PublishedValue& value : point.published) {
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

std::string right_trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line;
}

}  // namespace

bool ProbeSubject::is_published() const {
  if (chip == nullptr || (chip->name != "m4" && !chip->name.starts_with("m4+"))) return false;
  // A profile of the user's may have the name and other facts.
  const auto built_in = find_profile(chip->name);
  return built_in && profile_json(*built_in) == profile_json(*chip);
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
  if (subject.is_published()) {
    for (const std::string& line : probe.published) notes.push_back({"published", line});
    for (std::string& line : sources_of(probe)) notes.push_back({"published", std::move(line)});
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
  text += head + (subject.is_published() ? "  published" : "") + "\n";
  for (size_t i = 0; i < samples.size(); ++i) {
    const ProbePoint& point = probe.points[i];
    std::string line = fmt::format("{:<{}}  {:<{}}", point.series, series_width, point.label, label_width);
    for (const ProbeUnit unit : kColumns) line += fmt::format("  {:>9}", number(in_unit(unit, point, samples[i])));
    if (subject.is_published()) line += "  " + published_cell(point, samples[i]);
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
    if (!subject.is_published()) continue;
    for (const PublishedValue& value : point.published) {
      if (value.unit == probe.unit) published.points.emplace_back(point.x, value.value);
    }
  }
  // A line needs two points.
  for (PlotSeries& series : all) series.joined = series.points.size() > 1;
  if (!published.points.empty()) all.push_back(std::move(published));
  const std::string title = fmt::format("{} on {}, {}", probe.name, subject.device, subject.verb());
  return svg_plot(title, {probe.axis, probe.logarithmic}, {std::string(unit_name(probe.unit)), false}, all);
}

}  // namespace millwright::ane
