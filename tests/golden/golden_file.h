// Reads the golden files that make_golden.py wrote, and compares tensors with them. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "model/llama_config.h"
#include "model/safetensors.h"
#include "source_dir.h"

namespace millwright::golden {

inline Path folder() { return Path(kSourceDirectory) / "tests" / "golden"; }

// NAME.safetensors; a missing file or tensor throws, which fails the test with its message.
class GoldenFile {
 public:
  explicit GoldenFile(const std::string& name) : file_(open(name)) {}

  std::vector<float> tensor(const std::string& name) const {
    const model::SafetensorsEntry& entry = find(name);
    std::vector<float> values(static_cast<size_t>(entry.count()));
    if (Status status = file_.read(entry, values); !status) throw std::runtime_error(status.error().message);
    return values;
  }
  const mil::Shape& shape(const std::string& name) const { return find(name).shape; }
  // Token ids, which the file holds as F32.
  std::vector<int32_t> ids(const std::string& name) const {
    const std::vector<float> values = tensor(name);
    return {values.begin(), values.end()};
  }
  double number(const std::string& key) const { return std::stod(file_.metadata().at(key)); }
  const std::string& text(const std::string& key) const { return file_.metadata().at(key); }

 private:
  static model::SafetensorsFile open(const std::string& name) {
    auto file = model::SafetensorsFile::open(folder() / (name + ".safetensors"));
    if (!file) throw std::runtime_error(file.error().message);
    return std::move(*file);
  }
  const model::SafetensorsEntry& find(const std::string& name) const {
    const model::SafetensorsEntry* entry = file_.find(name);
    if (entry == nullptr) throw std::runtime_error("no golden tensor " + name);
    return *entry;
  }

  model::SafetensorsFile file_;
};

// NAME.config.json
inline model::LlamaConfig config(const std::string& name) {
  auto config = model::read_config(folder() / (name + ".config.json"));
  if (!config) throw std::runtime_error(config.error().message);
  return *config;
}

// The bound, for the norm of the difference and for each element.
inline constexpr double kRelativeTolerance = 1e-4;
// An element that is a sum of cancelling terms carries the rounding error of the terms: a few hundred additions at
// 2^-24 of the largest ones, taken to be the size of the tensor's largest element.
inline constexpr double kElementFloor = 1e-5;

// actual against expected: ‖a − e‖ ≤ 1e-4 ‖e‖, and |a − e| ≤ 1e-4 |e| + kElementFloor · max |e| for each element.
inline void expect_close(std::span<const float> actual, std::span<const float> expected, const std::string& name) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  double difference = 0, norm = 0, largest = 0;
  for (size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(double{actual[i]} - expected[i], 2);
    norm += std::pow(double{expected[i]}, 2);
    largest = std::max(largest, std::abs(double{expected[i]}));
  }
  EXPECT_GT(norm, 0.0) << name << ": a tensor of zeros proves nothing";
  EXPECT_LE(std::sqrt(difference), kRelativeTolerance * std::sqrt(norm)) << name << ": norm of the difference";
  for (size_t i = 0; i < expected.size(); ++i) {
    const double bound = kRelativeTolerance * std::abs(double{expected[i]}) + kElementFloor * largest;
    // Negated so that NaN fails.
    ASSERT_FALSE(!(std::abs(double{actual[i]} - expected[i]) <= bound))
        << name << " element " << i << ": " << actual[i] << ", expected " << expected[i] << " within " << bound;
  }
}

}  // namespace millwright::golden
