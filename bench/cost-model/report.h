// The tables of docs/cost-model.md: every published number beside the prediction, and summaries of the errors.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "measurements.h"

namespace millwright::bench {

struct Prediction {
  const Measurement* measurement;
  double predicted = 0;
  double error() const { return relative_error(predicted, measurement->value); }
};
std::vector<Prediction> predict_all(const std::vector<Measurement>& measurements,
                                    const std::map<std::string, Chip>& chips, ane::CostOptions options = {});

// Medians of errors and how many rows there are.
struct ErrorSummary {
  size_t rows = 0;
  double median = 0;
  double upper_quartile = 0;
};
ErrorSummary summarize(const std::vector<double>& errors);

// Markdown tables.
std::string summary_table(const std::vector<Prediction>& predictions);
std::string formula_table(const std::vector<Measurement>& measurements, const std::map<std::string, Chip>& chips);
std::string source_table(const std::vector<Measurement>& measurements, const std::map<std::string, Chip>& chips);
std::string constant_table(const std::map<std::string, Chip>& chips);
std::string count_table();  // of constants that are fitted, by profile
// Every chip: how many rows it has, and which of its constants they were fitted to, or where they come from instead.
std::string gap_table(const std::vector<Measurement>& measurements);
std::string row_table(const std::vector<Prediction>& predictions, Use use);
// All rows with their predictions, as CSV.
std::string row_csv(const std::vector<Prediction>& predictions);

}  // namespace millwright::bench
