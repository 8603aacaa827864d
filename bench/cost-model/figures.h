// The figures of docs/cost-model.md, as SVG.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "measurements.h"
#include "report.h"

namespace millwright::bench {

// Predicted over published times of an evaluation, every row one point.
std::string scatter_figure(const std::vector<Prediction>& predictions);

// A series of one figure: points, or a line where `joined`.
struct Series {
  std::string name;
  std::string color;
  bool joined = false;
  std::vector<std::pair<double, double>> points;
};
struct Axis {
  std::string title;
  bool logarithmic = false;
};
std::string plot(const std::string& title, const Axis& x, const Axis& y, const std::vector<Series>& series);

// Single 1×1 convolutions of growing channel counts on an M4 Max, with C64 and stride conflicts and with the 32 MB
// capacity model, over the published points.
Result<std::string> channel_sweep_figure(const std::vector<Measurement>& measurements);
// Chains of 512-channel convolutions of growing depth on an M4: shared and distinct weights over the published points.
Result<std::string> depth_figure(const std::vector<Measurement>& measurements);

}  // namespace millwright::bench
