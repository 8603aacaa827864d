#include "fit.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <initializer_list>
#include <numeric>
#include <string_view>

#include "base/check.h"

namespace millwright::bench {
namespace {

// A constant that no row tells about stays where it was: a pull far weaker than one row.
constexpr double kPull = 0.002;
constexpr int kRestarts = 4;
constexpr int kSteps = 800;

using Point = std::vector<double>;
using Objective = std::function<double(const Point&)>;

// Nelder and Mead's simplex search from `start`, first steps of `size`.
Point minimize(const Objective& objective, const Point& start, double size) {
  const size_t n = start.size();
  std::vector<Point> points(n + 1, start);
  for (size_t i = 0; i < n; ++i) points[i + 1][i] += size;
  std::vector<double> values;
  for (const Point& point : points) values.push_back(objective(point));
  for (int step = 0; step < kSteps; ++step) {
    std::vector<size_t> order(n + 1);
    std::iota(order.begin(), order.end(), size_t{0});
    std::ranges::stable_sort(order, {}, [&](size_t i) { return values[i]; });
    const size_t worst = order[n];
    Point center(n, 0.0);
    for (size_t i = 0; i < n; ++i) {
      for (size_t axis = 0; axis < n; ++axis) center[axis] += points[order[i]][axis] / static_cast<double>(n);
    }
    const auto along = [&](double factor) {
      Point point(n);
      for (size_t axis = 0; axis < n; ++axis)
        point[axis] = center[axis] + factor * (points[worst][axis] - center[axis]);
      return point;
    };
    const auto take = [&](Point point, double value) {
      points[worst] = std::move(point);
      values[worst] = value;
    };
    Point reflected = along(-1);
    const double value = objective(reflected);
    if (value < values[order[0]]) {
      Point further = along(-2);
      const double further_value = objective(further);
      further_value < value ? take(std::move(further), further_value) : take(std::move(reflected), value);
    } else if (value < values[order[n - 1]]) {
      take(std::move(reflected), value);
    } else {
      Point nearer = along(0.5);
      const double nearer_value = objective(nearer);
      if (nearer_value < values[worst]) {
        take(std::move(nearer), nearer_value);
      } else {
        for (size_t i = 1; i <= n; ++i) {
          Point& point = points[order[i]];
          for (size_t axis = 0; axis < n; ++axis) point[axis] = 0.5 * (point[axis] + points[order[0]][axis]);
          values[order[i]] = objective(point);
        }
      }
    }
  }
  return points[static_cast<size_t>(std::ranges::min_element(values) - values.begin())];
}

struct Row {
  const Measurement* measurement;
  const Chip* chip;
  const Workload* workload;
};

std::vector<Row> rows_of(const Fit& fit, Subject subject, const std::vector<Measurement>& measurements,
                         const std::map<std::string, Chip>& chips, const std::string& without_source) {
  std::vector<Row> rows;
  for (const Measurement& m : measurements) {
    if (m.use != Use::calibration || m.subject != subject || m.source == without_source) continue;
    if (std::ranges::find(fit.chips, m.chip) == fit.chips.end()) continue;
    const Chip& chip = chips.at(m.chip);
    rows.push_back({&m, &chip, &chip.workloads.at(m.workload)});
  }
  return rows;
}

bool is_compile(const ane::FittedConstant& constant) { return constant.key.starts_with("compile"); }

// Constants are searched as logarithms: all are positive, and a factor of two means the same for each.
void fit_group(const Fit& fit, bool compile, const std::vector<Row>& rows, Constants& constants) {
  std::vector<size_t> members;
  for (size_t i = 0; i < fit.constants.size(); ++i) {
    if (is_compile(fit.constants[i]) == compile) members.push_back(i);
  }
  if (members.empty() || rows.empty()) return;
  Point start;
  for (const size_t i : members) start.push_back(std::log(constants[i]));
  const auto apply = [&](const Point& point) {
    Constants changed = constants;
    for (size_t i = 0; i < members.size(); ++i) {
      const bool is_factor = fit.constants[members[i]].key == "stride_conflict";
      changed[members[i]] = is_factor ? std::max(1.0, std::exp(point[i])) : std::exp(point[i]);
    }
    return changed;
  };
  const Objective objective = [&](const Point& point) {
    const Constants changed = apply(point);
    double sum = 0;
    for (const Row& row : rows) {
      const ane::CostParameters parameters = with_constants(row.chip->parameters, fit, changed);
      sum += std::abs(std::log(predict(*row.measurement, *row.workload, parameters) / row.measurement->value));
    }
    double pull = 0;
    for (size_t i = 0; i < point.size(); ++i) pull += std::abs(point[i] - start[i]);
    return sum / static_cast<double>(rows.size()) + kPull * pull;
  };
  Point best = start;
  for (int restart = 0; restart < kRestarts; ++restart) best = minimize(objective, best, restart % 2 == 0 ? 0.4 : -0.2);
  constants = apply(best);
}

std::vector<ane::FittedConstant> named(std::initializer_list<std::string_view> keys) {
  std::vector<ane::FittedConstant> constants;
  for (const auto* all : {&ane::fitted_time_constants(), &ane::fitted_compile_constants()}) {
    for (const ane::FittedConstant& constant : *all) {
      if (std::ranges::find(keys, constant.key) != keys.end()) constants.push_back(constant);
    }
  }
  return constants;
}

}  // namespace

const std::vector<Fit>& fits() {
  static const std::vector<Fit> all = {
      {"m1", {"m1", "m1-pro", "m1-max"}, named({"floor_ms", "weight_gbps", "activation_gbps", "compile_ms"})},
      {"m2", {"m2", "m2-pro"}, named({"floor_ms", "weight_gbps"})},
      {"m3", {"m3-pro", "m3-max"}, named({"floor_ms", "peak_tflops", "activation_gbps", "compile_ms"})},
      {"m3-ultra", {"m3-ultra"}, named({"floor_ms", "peak_tflops", "weight_gbps", "compile_ms"})},
      {"m4",
       {"m4", "m4-pro"},
       named({"floor_ms", "peak_tflops", "half_rate_positions", "weight_gbps", "activation_gbps", "stride_conflict",
              "compile_ms", "compile_operation_ms", "compile_megabyte_ms"})},
      {"m4-max", {"m4-max"}, named({"floor_ms", "weight_gbps", "stride_conflict", "compile_ms"})},
      {"m5", {"m5", "m5-max"}, named({"floor_ms", "peak_tflops", "weight_gbps", "compile_ms"})},
      {"m5-pro",
       {"m5-pro"},
       named({"floor_ms", "peak_tflops", "weight_gbps", "activation_gbps", "compile_ms", "compile_megabyte_ms"})},
  };
  return all;
}

bool is_measured(const Fit& fit, const std::map<std::string, Chip>& chips) {
  return std::ranges::any_of(fit.chips, [&](const auto& name) { return chips.contains(name); });
}

ane::CostParameters with_constants(ane::CostParameters parameters, const Fit& fit, const Constants& constants) {
  for (size_t i = 0; i < fit.constants.size(); ++i) parameters.*fit.constants[i].member = constants[i];
  return parameters;
}

Constants fit(const Fit& fit, const std::vector<Measurement>& measurements, const std::map<std::string, Chip>& chips,
              const std::string& without_source) {
  // The chips of a fit have the constants of its profile: any of them is a start.
  const auto start = std::ranges::find_if(fit.chips, [&](const auto& name) { return chips.contains(name); });
  MW_CHECK(start != fit.chips.end(), "no chip of {} was measured", fit.profile);
  Constants constants;
  for (const ane::FittedConstant& constant : fit.constants) {
    constants.push_back(chips.at(*start).parameters.*constant.member);
  }
  for (const Subject subject : {Subject::time, Subject::compile}) {
    fit_group(fit, subject == Subject::compile, rows_of(fit, subject, measurements, chips, without_source), constants);
  }
  return constants;
}

}  // namespace millwright::bench
