#include "train/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string_view>

#include "train/progress.h"

namespace millwright::train {

namespace {

// The drawing, in pixels: the plot lies inside the margins, which hold the axes' numbers.
constexpr double kWidth = 860;
constexpr double kHeight = 420;
constexpr double kLeft = 60;
constexpr double kRight = 20;
constexpr double kTop = 30;
constexpr double kBottom = 45;
constexpr size_t kMostPoints = 1200;  // more cannot be seen at this width

struct Point {
  double update;
  double loss;
};

struct Axes {
  double first = 0;  // updates
  double last = 1;
  double low = 0;  // loss
  double high = 1;

  double x(double update) const { return kLeft + (update - first) / (last - first) * (kWidth - kLeft - kRight); }
  double y(double loss) const { return kTop + (high - loss) / (high - low) * (kHeight - kTop - kBottom); }
};

// Means of equal runs of updates, so that a curve has at most kMostPoints.
std::vector<Point> training_points(const MetricsHistory& history) {
  const size_t count = history.updates.size();
  const size_t stride = std::max<size_t>(1, (count + kMostPoints - 1) / kMostPoints);
  std::vector<Point> points;
  for (size_t begin = 0; begin < count; begin += stride) {
    const size_t end = std::min(begin + stride, count);
    double sum = 0;
    for (size_t i = begin; i < end; ++i) sum += history.updates[i].loss;
    points.push_back({static_cast<double>(history.updates[end - 1].update), sum / static_cast<double>(end - begin)});
  }
  return points;
}

// An exponential mean over about a fiftieth of the curve, without the bias of its start.
std::vector<Point> smoothed(const std::vector<Point>& points) {
  const double keep = 1.0 - 1.0 / std::max(1.0, static_cast<double>(points.size()) / 50.0);
  std::vector<Point> out;
  double sum = 0;
  double weight = 0;
  for (const Point& point : points) {
    sum = keep * sum + (1.0 - keep) * point.loss;
    weight = keep * weight + (1.0 - keep);
    out.push_back({point.update, sum / weight});
  }
  return out;
}

std::vector<Point> validation_points(const MetricsHistory& history) {
  std::vector<Point> points;
  for (const ValidationMetrics& m : history.validations) points.push_back({static_cast<double>(m.update), m.loss});
  return points;
}

// 1, 2 or 5 times a power of ten, so that about `count` steps cover the span.
double tick_step(double span, int count) {
  const double rough = span / count;
  const double decade = std::pow(10.0, std::floor(std::log10(rough)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * decade >= rough) return factor * decade;
  }
  return 10.0 * decade;
}

Axes axes_around(const std::vector<Point>& training, const std::vector<Point>& validation) {
  Axes axes;
  bool first = true;
  for (const auto* points : {&training, &validation}) {
    for (const Point& point : *points) {
      if (!std::isfinite(point.loss)) continue;
      axes.last = first ? point.update : std::max(axes.last, point.update);
      axes.low = first ? point.loss : std::min(axes.low, point.loss);
      axes.high = first ? point.loss : std::max(axes.high, point.loss);
      first = false;
    }
  }
  if (axes.last <= axes.first) axes.last = axes.first + 1;
  const double padding = std::max(0.05 * (axes.high - axes.low), 0.01);
  axes.low = std::max(0.0, axes.low - padding);
  axes.high += padding;
  return axes;
}

void add_grid(std::string& svg, const Axes& axes) {
  const double loss_step = tick_step(axes.high - axes.low, 6);
  for (double loss = std::ceil(axes.low / loss_step) * loss_step; loss <= axes.high; loss += loss_step) {
    fmt::format_to(std::back_inserter(svg),
                   "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"#ddd\"/>"
                   "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"end\">{:.4g}</text>\n",
                   kLeft, axes.y(loss), kWidth - kRight, axes.y(loss), kLeft - 8, axes.y(loss) + 4, loss);
  }
  const double update_step = std::max(1.0, tick_step(axes.last - axes.first, 8));
  for (double update = axes.first; update <= axes.last; update += update_step) {
    fmt::format_to(std::back_inserter(svg), "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>\n",
                   axes.x(update), kHeight - kBottom + 18, count_text(std::llround(update)));
  }
  fmt::format_to(std::back_inserter(svg),
                 "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">update</text>\n"
                 "<text x=\"14\" y=\"{:.1f}\" text-anchor=\"middle\" transform=\"rotate(-90 14 {:.1f})\">"
                 "loss, nats per token</text>\n",
                 (kLeft + kWidth - kRight) / 2, kHeight - 8, kHeight / 2, kHeight / 2);
}

void add_curve(std::string& svg, const Axes& axes, const std::vector<Point>& points, std::string_view style) {
  if (points.empty()) return;
  svg += "<polyline fill=\"none\" points=\"";
  for (const Point& point : points) {
    if (!std::isfinite(point.loss)) continue;
    fmt::format_to(std::back_inserter(svg), "{:.1f},{:.1f} ", axes.x(point.update), axes.y(point.loss));
  }
  fmt::format_to(std::back_inserter(svg), "\" {}/>\n", style);
}

void add_legend(std::string& svg, double x, std::string_view name, std::string_view color) {
  fmt::format_to(std::back_inserter(svg),
                 "<line x1=\"{0:.1f}\" y1=\"16\" x2=\"{1:.1f}\" y2=\"16\" stroke=\"{2}\" stroke-width=\"3\"/>"
                 "<text x=\"{3:.1f}\" y=\"20\">{4}</text>\n",
                 x, x + 24, color, x + 30, name);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
  return out;
}

void add_table(std::string& html, std::string_view heading, const std::vector<ReportRow>& rows) {
  fmt::format_to(std::back_inserter(html), "<h2>{}</h2>\n<table>\n", escaped(heading));
  for (const ReportRow& row : rows) {
    fmt::format_to(std::back_inserter(html), "<tr><th>{}</th><td>{}</td></tr>\n", escaped(row.name),
                   escaped(row.value));
  }
  html += "</table>\n";
}

}  // namespace

std::string loss_curve_svg(const MetricsHistory& history) {
  const std::vector<Point> training = training_points(history);
  const std::vector<Point> validation = validation_points(history);
  const Axes axes = axes_around(training, validation);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {0} {1}\" width=\"{0}\" height=\"{1}\" "
      "font-family=\"sans-serif\" font-size=\"12\" fill=\"#333\">\n<rect width=\"{0}\" height=\"{1}\" "
      "fill=\"#fff\"/>\n",
      kWidth, kHeight);
  add_grid(svg, axes);
  add_curve(svg, axes, training, "stroke=\"#b9cfe8\" stroke-width=\"1\"");
  add_curve(svg, axes, smoothed(training), "stroke=\"#2f6db3\" stroke-width=\"2\"");
  add_curve(svg, axes, validation, "stroke=\"#d0552b\" stroke-width=\"2\"");
  for (const Point& point : validation) {
    if (!std::isfinite(point.loss)) continue;
    fmt::format_to(std::back_inserter(svg), "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"#d0552b\"/>\n",
                   axes.x(point.update), axes.y(point.loss));
  }
  add_legend(svg, kLeft + 10, "training", "#2f6db3");
  if (!validation.empty()) add_legend(svg, kLeft + 120, "validation", "#d0552b");
  return svg + "</svg>\n";
}

std::string report_html(const Report& report, const MetricsHistory& history) {
  std::string html = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>{0}</title>\n<style>\n"
      "body {{ font: 15px/1.5 sans-serif; max-width: 900px; margin: 2em auto; padding: 0 1em; color: #222; }}\n"
      "svg {{ max-width: 100%; height: auto; }}\n"
      "table {{ border-collapse: collapse; }}\n"
      "th, td {{ text-align: left; padding: 2px 16px 2px 0; vertical-align: top; font-weight: normal; }}\n"
      "th {{ color: #666; }}\n</style>\n</head>\n<body>\n<h1>{0}</h1>\n",
      escaped(report.title));
  add_table(html, "Result", report.summary);
  html += "<h2>Loss</h2>\n" + loss_curve_svg(history);
  add_table(html, "Settings", report.configuration);
  add_table(html, "Made from", report.provenance);
  return html + "</body>\n</html>\n";
}

}  // namespace millwright::train
