// The figures of docs/cost-model.md, as SVG.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/svg_plot.h"
#include "measurements.h"
#include "report.h"

namespace millwright::bench {

// Predicted over published times of an evaluation, every row one point.
std::string scatter_figure(const std::vector<Prediction>& predictions);

// Single 1×1 convolutions of growing channel counts on an M4 Max, with C64 and stride conflicts and with the 32 MB
// capacity model, over the published points.
Result<std::string> channel_sweep_figure(const std::vector<Measurement>& measurements);
// Chains of 512-channel convolutions of growing depth on an M4: shared and distinct weights over the published points.
Result<std::string> depth_figure(const std::vector<Measurement>& measurements);

}  // namespace millwright::bench
