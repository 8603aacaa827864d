// The published measurements, and what the model predicts for them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "ane/published_measurements.h"
#include "base/files.h"
#include "base/result.h"
#include "workload.h"

namespace millwright::bench {

using ane::Use;
// What a measurement tells about: which constants it may be fitted to.
enum class Subject : uint8_t { time, power, compile, load };

struct Measurement : ane::PublishedMeasurement {
  Subject subject = Subject::time;
};

// Those of a file, or of the binary where no file is named. Fails on a metric or unit that the model does not know.
Result<std::vector<Measurement>> read_measurements(const Path& path = {});

// The chips that have measurements, with their profiles and the workloads they ran.
struct Chip {
  ane::ChipProfile profile;
  ane::CostParameters parameters;
  std::map<std::string, Workload> workloads;
};
Result<std::map<std::string, Chip>> prepare_chips(const std::vector<Measurement>& measurements);

// In the unit of the measurement.
double predict(const Measurement& measurement, const Workload& workload, const ane::CostParameters& parameters,
               ane::CostOptions options = {});
double predict(const Measurement& measurement, const std::map<std::string, Chip>& chips, ane::CostOptions options = {});

// |predicted / published − 1|.
double relative_error(double predicted, double published);
double median(std::vector<double> values);  // 0 of none

}  // namespace millwright::bench
