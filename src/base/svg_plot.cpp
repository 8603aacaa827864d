#include "base/svg_plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace millwright {
namespace {

constexpr double kWidth = 640;
constexpr double kHeight = 420;
constexpr double kLeft = 64;
constexpr double kRight = 16;
constexpr double kTop = 36;
constexpr double kBottom = 48;
constexpr double kSmallestLogarithm = 1e-12;  // keeps decades few, whatever is plotted

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
      for (double tick = low_; tick <= high_ * 1.0001; tick *= 10) all.push_back(tick);
      return all;
    }
    const double rough = (high_ - low_) / 6;
    const double power = std::pow(10, std::floor(std::log10(rough)));
    const double step = rough / power > 5 ? 10 * power : rough / power > 2 ? 5 * power : 2 * power;
    for (int i = 0; i * step <= high_ * 1.0001; ++i) all.push_back(i * step);
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
  if (values.empty()) return Scale(logarithmic ? 1 : 0, 10, logarithmic, from, to);
  const auto [least, most] = std::ranges::minmax_element(values);
  if (!logarithmic) return Scale(0, *most > 0 ? *most * 1.05 : 1, false, from, to);
  const double low = std::pow(10, std::floor(std::log10(std::max(*least, kSmallestLogarithm))));
  const double high = std::pow(10, std::ceil(std::log10(*most)));
  return Scale(low, std::max(high, 10 * low), true, from, to);
}

bool can_show(double value, const PlotAxis& axis) {
  return std::isfinite(value) && value >= (axis.logarithmic ? kSmallestLogarithm : 0);
}

std::string escaped(const std::string& text) {
  std::string safe;
  for (const char c : text) {
    switch (c) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      default:
        safe += c;
    }
  }
  return safe;
}

std::string text_at(double x, double y, const std::string& anchor, const std::string& text, int size = 12) {
  return fmt::format("<text x=\"{:.0f}\" y=\"{:.0f}\" text-anchor=\"{}\" font-size=\"{}\">{}</text>\n", x, y, anchor,
                     size, escaped(text));
}

std::string axes(const Scale& xs, const Scale& ys, const PlotAxis& x, const PlotAxis& y) {
  std::string svg;
  const double bottom = kHeight - kBottom;
  for (const double tick : xs.ticks()) {
    svg += fmt::format("<path d=\"M{0:.1f} {1}V{2}\" stroke=\"#ddd\"/>\n", xs.at(tick), kTop, bottom);
    svg += text_at(xs.at(tick), bottom + 16, "middle", fmt::format("{:.6g}", tick), 11);
  }
  for (const double tick : ys.ticks()) {
    svg += fmt::format("<path d=\"M{1} {0:.1f}H{2}\" stroke=\"#ddd\"/>\n", ys.at(tick), kLeft, kWidth - kRight);
    svg += text_at(kLeft - 6, ys.at(tick) + 4, "end", fmt::format("{:.6g}", tick), 11);
  }
  svg += text_at((kLeft + kWidth - kRight) / 2, kHeight - 10, "middle", x.title);
  svg += fmt::format(
      "<text x=\"16\" y=\"{0:.0f}\" transform=\"rotate(-90 16 {0:.0f})\" text-anchor=\"middle\" "
      "font-size=\"12\">{1}</text>\n",
      (kTop + bottom) / 2, escaped(y.title));
  return svg;
}

std::string drawn(const PlotSeries& series, const Scale& xs, const Scale& ys) {
  std::string svg;
  if (series.joined) {
    svg = fmt::format("<path fill=\"none\" stroke-width=\"1.6\" stroke=\"{}\" d=\"", series.color);
    for (size_t i = 0; i < series.points.size(); ++i) {
      svg += fmt::format("{}{:.1f} {:.1f}", i == 0 ? "M" : "L", xs.at(series.points[i].first),
                         ys.at(series.points[i].second));
    }
    return svg + "\"/>\n";
  }
  svg = fmt::format("<g fill=\"{}\" fill-opacity=\"0.55\">\n", series.color);
  for (const auto& [x, y] : series.points) {
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.6\"/>\n", xs.at(x), ys.at(y));
  }
  return svg + "</g>\n";
}

std::string legend(const std::vector<PlotSeries>& series) {
  std::string svg;
  double y = kTop + 14;
  for (const PlotSeries& one : series) {
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

}  // namespace

std::string svg_plot(const std::string& title, const PlotAxis& x, const PlotAxis& y,
                     const std::vector<PlotSeries>& series) {
  std::vector<PlotSeries> shown = series;
  std::vector<double> all_x, all_y;
  for (PlotSeries& one : shown) {
    std::erase_if(one.points,
                  [&](const auto& point) { return !can_show(point.first, x) || !can_show(point.second, y); });
    for (const auto& [px, py] : one.points) {
      all_x.push_back(px);
      all_y.push_back(py);
    }
  }
  const Scale xs = scale_of(all_x, x.logarithmic, kLeft, kWidth - kRight);
  const Scale ys = scale_of(all_y, y.logarithmic, kHeight - kBottom, kTop);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\">\n<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n",
      kWidth, kHeight);
  svg += text_at(kWidth / 2, 20, "middle", title, 14);
  svg += axes(xs, ys, x, y);
  for (const PlotSeries& one : shown) svg += drawn(one, xs, ys);
  return svg + legend(shown) + "</svg>\n";
}

}  // namespace millwright
