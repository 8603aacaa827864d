#include "figures.h"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace millwright::bench {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 420;
constexpr double kLeft = 64;
constexpr double kRight = 16;
constexpr double kTop = 36;
constexpr double kBottom = 48;

// Colours that stay apart for colour-blind readers (Okabe and Ito).
constexpr const char* kBlue = "#0072b2";
constexpr const char* kOrange = "#d55e00";
constexpr const char* kGreen = "#009e73";
constexpr const char* kGrey = "#777777";

// Maps values to pixels along one axis.
class Scale {
 public:
  Scale(double low, double high, bool logarithmic, double from, double to)
      : low_(low), high_(high), logarithmic_(logarithmic), from_(from), to_(to) {}

  double at(double value) const {
    const double share = logarithmic_ ? (std::log(value) - std::log(low_)) / (std::log(high_) - std::log(low_))
                                      : (value - low_) / (high_ - low_);
    return from_ + share * (to_ - from_);
  }

  std::vector<double> ticks() const {
    std::vector<double> all;
    if (logarithmic_) {
      for (double tick = std::pow(10, std::ceil(std::log10(low_))); tick <= high_ * 1.0001; tick *= 10) {
        all.push_back(tick);
      }
      return all;
    }
    const double rough = (high_ - low_) / 6;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    const double step = rough / power > 5 ? 10 * power : rough / power > 2 ? 5 * power : 2 * power;
    for (double tick = std::ceil(low_ / step) * step; tick <= high_ * 1.0001; tick += step) all.push_back(tick);
    return all;
  }

 private:
  double low_;
  double high_;
  bool logarithmic_;
  double from_;
  double to_;
};

Scale scale_of(const std::vector<double>& values, bool logarithmic, double from, double to) {
  const auto [least, most] = std::ranges::minmax_element(values);
  if (!logarithmic) return Scale(0, *most * 1.05, false, from, to);
  return Scale(std::pow(10, std::floor(std::log10(*least))), std::pow(10, std::ceil(std::log10(*most))), true, from,
               to);
}

std::string text_at(double x, double y, const std::string& anchor, const std::string& text, int size = 12) {
  return fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n", x, y, anchor,
                     size, text);
}

std::string axes(const Scale& xs, const Scale& ys, const Axis& x, const Axis& y) {
  std::string svg;
  const double bottom = kHeight - kBottom;
  for (const double tick : xs.ticks()) {
    svg += fmt::format("<path d=\"M{0:.1f} {1}V{2}\" stroke=\"#ddd\"/>\n", xs.at(tick), kTop, bottom);
    svg += text_at(xs.at(tick), bottom + 16, "middle", fmt::format("{:g}", tick), 11);
  }
  for (const double tick : ys.ticks()) {
    svg += fmt::format("<path d=\"M{1} {0:.1f}H{2}\" stroke=\"#ddd\"/>\n", ys.at(tick), kLeft, kWidth - kRight);
    svg += text_at(kLeft - 6, ys.at(tick) + 4, "end", fmt::format("{:g}", tick), 11);
  }
  svg += text_at((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", x.title);
  svg += fmt::format(
      "<text x=\"16\" y=\"{0:.0f}\" transform=\"rotate(-90 16 {0:.0f})\" text-anchor=\"middle\" "
      "font-size=\"12\">{1}</text>\n",
      (kTop + bottom) / 2, y.title);
  return svg;
}

std::string drawn(const Series& series, const Scale& xs, const Scale& ys) {
  std::string svg;
  if (series.joined) {
    svg = "<path fill=\"none\" stroke-width=\"1.6\" stroke=\"" + series.color + "\" d=\"";
    for (size_t i = 0; i < series.points.size(); ++i) {
      svg += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", xs.at(series.points[i].first),
                         ys.at(series.points[i].second));
    }
    return svg + "\"/>\n";
  }
  svg = "<g fill=\"" + series.color + "\" fill-opacity=\"0.55\">\n";
  for (const auto& [x, y] : series.points) {
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.6\"/>\n", xs.at(x), ys.at(y));
  }
  return svg + "</g>\n";
}

std::string legend(const std::vector<Series>& series) {
  std::string svg;
  double y = kTop + 14;
  for (const Series& one : series) {
    if (one.name.empty()) continue;
    svg +=
        one.joined
            ? fmt::format("<path d=\"M{} {}h18\" stroke=\"{}\" stroke-width=\"1.6\"/>\n", kLeft + 10, y - 4, one.color)
            : fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"3\" fill=\"{}\"/>\n", kLeft + 19, y - 4, one.color);
    svg += text_at(kLeft + 34, y, "start", one.name);
    y += 17;
  }
  return svg;
}

// Published times of one kind of row, in milliseconds, over a number of its workload.
Series published(const std::vector<Measurement>& measurements, const std::string& chip, const std::string& prefix,
                 const std::string& suffix, const std::string& color) {
  Series series{"published", color, false, {}};
  for (const Measurement& m : measurements) {
    if (m.chip != chip || m.metric != "latency" || !m.workload.starts_with(prefix)) continue;
    if (!m.workload.ends_with(suffix)) continue;
    series.points.emplace_back(std::stod(m.workload.substr(prefix.size())), m.value);
  }
  return series;
}

// Predicted times, in milliseconds, of workloads that differ in one number.
Result<Series> predicted(const std::string& name, const std::string& color, const std::string& chip,
                         const std::vector<int64_t>& numbers, const auto& workload) {
  MW_ASSIGN(const ane::ChipProfile profile, ane::find_profile(chip));
  MW_ASSIGN(const ane::CostParameters parameters, ane::cost_parameters(profile));
  Series series{name, color, true, {}};
  for (const int64_t number : numbers) {
    MW_ASSIGN(const Workload parsed, parse_workload(workload(number), parameters.on_chip));
    series.points.emplace_back(static_cast<double>(number), 1e3 * cost_of(parsed, parameters, {}).seconds);
  }
  return series;
}

}  // namespace

std::string plot(const std::string& title, const Axis& x, const Axis& y, const std::vector<Series>& series) {
  std::vector<double> all_x, all_y;
  for (const Series& one : series) {
    for (const auto& [px, py] : one.points) {
      all_x.push_back(px);
      all_y.push_back(py);
    }
  }
  const Scale xs = scale_of(all_x, x.logarithmic, kLeft, kWidth - kRight);
  const Scale ys = scale_of(all_y, y.logarithmic, kHeight - kBottom, kTop);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" "
      "height=\"{1}\" font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" "
      "fill=\"white\"/>\n",
      kWidth, kHeight);
  svg += text_at(kWidth / 2, 20, "middle", title, 14);
  svg += axes(xs, ys, x, y);
  for (const Series& one : series) svg += drawn(one, xs, ys);
  return svg + legend(series) + "</svg>\n";
}

std::string scatter_figure(const std::vector<Prediction>& predictions) {
  Series calibration{"calibration", kBlue, false, {}};
  Series validation{"validation", kOrange, false, {}};
  double least = 1e9;
  double most = 0;
  for (const Prediction& p : predictions) {
    const Measurement& m = *p.measurement;
    if (m.subject != Subject::time || (m.unit != "ms" && m.unit != "us")) continue;
    const double in_ms = m.unit == "us" ? 1e-3 : 1;
    Series& series = m.use == Use::calibration ? calibration : validation;
    series.points.emplace_back(m.value * in_ms, p.predicted * in_ms);
    least = std::min({least, m.value * in_ms, p.predicted * in_ms});
    most = std::max({most, m.value * in_ms, p.predicted * in_ms});
  }
  const Series equal{"predicted = published", kGrey, true, {{least, least}, {most, most}}};
  return plot("Time of an evaluation", {"published, ms", true}, {"predicted, ms", true},
              {equal, calibration, validation});
}

Result<std::string> channel_sweep_figure(const std::vector<Measurement>& measurements) {
  std::vector<int64_t> channels;
  for (int64_t c = 256; c <= 8192; c += 256) channels.push_back(c);
  const auto workload = [](int64_t c) { return fmt::format("conv ci={0} co={0} h=1 w=64 k=1", c); };
  Series points{"published", kGrey, false, {}};
  for (const Measurement& m : measurements) {
    if (m.chip != "m4-max" || m.metric != "latency" || !m.workload.ends_with("h=1 w=64 k=1")) continue;
    points.points.emplace_back(std::stod(m.workload.substr(std::string("conv ci=").size())), m.value);
  }
  MW_ASSIGN(Series strides, predicted("predicted: stride conflicts", kBlue, "m4-max", channels, workload));
  MW_ASSIGN(Series capacity, predicted("predicted: 32 MB capacity", kOrange, "m4-max+capacity32", channels, workload));
  return plot("One 1x1 convolution on an M4 Max, 64 positions", {"channels", false}, {"ms", false},
              {capacity, strides, points});
}

Result<std::string> depth_figure(const std::vector<Measurement>& measurements) {
  const std::string prefix = "conv ci=512 co=512 h=1 w=64 k=1 depth=";
  const std::vector<int64_t> depths = {1, 8, 16, 32, 48, 64, 96, 128, 192, 256};
  const auto workload = [&](const char* weights) {
    return [&prefix, weights](int64_t depth) { return fmt::format("{}{} weights={}", prefix, depth, weights); };
  };
  Series points = published(measurements, "m4", prefix, "weights=shared", kGrey);
  MW_ASSIGN(Series shared, predicted("predicted: one shared weight", kBlue, "m4", depths, workload("shared")));
  MW_ASSIGN(Series distinct, predicted("predicted: a weight per layer", kGreen, "m4", depths, workload("distinct")));
  return plot("Chain of 512-channel convolutions on an M4, 64 positions", {"depth", false}, {"ms", false},
              {distinct, shared, points});
}

}  // namespace millwright::bench
