// Points and lines over two axes, as an SVG picture for documents. No fonts, no scripts, nothing to load.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace millwright {

struct PlotSeries {
  std::string name;   // in the legend; nothing stands there for an empty one
  std::string color;  // "#0072b2"
  bool joined = false;
  std::vector<std::pair<double, double>> points;  // x, y
};

struct PlotAxis {
  std::string title;
  bool logarithmic = false;  // whole decades; else the axis begins at 0
};

// Colours that stay apart for colour-blind readers (Okabe and Ito), and grey for what is only to compare with.
inline constexpr const char* kPlotColors[] = {"#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"};
inline constexpr const char* kPlotGrey = "#777777";

// Points that a logarithmic axis cannot show (0 and below) and those that are not finite are left out.
std::string svg_plot(const std::string& title, const PlotAxis& x, const PlotAxis& y,
                     const std::vector<PlotSeries>& series);

}  // namespace millwright
