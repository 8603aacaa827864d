// What others measured on engines and published, as a table of numbers with the program, the chip and the source of
// each: src/ane/published/measurements.csv. docs/cost-model.md says where the rows come from.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace millwright::ane {

// Whether the cost model's constants are fitted to a row, or only held against it.
enum class Use : uint8_t { calibration, validation };

struct PublishedMeasurement {
  std::string id;    // "M0625"
  std::string chip;  // a built-in profile
  Use use = Use::calibration;
  std::string workload;  // "conv ci=512 co=512 h=1 w=64 k=1 depth=32 weights=shared"
  std::string metric;    // "latency", "throughput", "power", …
  double value = 0;      // as published, above 0
  std::string unit;
  std::string source;
  std::string note;
  std::string place;  // where the row stands, "measurements.csv:12", for messages
};

// `source` names the text in errors. Fails on a wrong header, a missing column, and a value that is no number above 0.
Result<std::vector<PublishedMeasurement>> parse_measurements(std::string_view text, const std::string& source);

// The rows that are part of the binary.
const std::vector<PublishedMeasurement>& published_measurements();

}  // namespace millwright::ane
