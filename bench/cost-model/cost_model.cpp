// bench/cost-model: every published measurement of the engine beside what the cost model predicts for it.
//
//   cost-model [--data FILE]                 all rows and the summary, as Markdown
//   cost-model --fit                         fits the constants anew and prints them as sections of chip profiles
//   cost-model --write DIR                   the table (CSV), the report (Markdown) and the figures (SVG)
#include <CLI/CLI.hpp>
#include <cstdio>

#include "fit.h"
#include "measurements.h"
#include "report.h"

namespace millwright::bench {
namespace {

struct Options {
  std::string data = "bench/cost-model/published.csv";
  std::string write;
  bool fit = false;
};

int refuse(const Error& error) {
  fmt::print(stderr, "cost-model: {}\n", error.message);
  return 1;
}

// Prints the constants as they stand in chip profiles, and predicts with them from then on.
void fit_anew(const std::vector<Measurement>& measurements, std::map<std::string, Chip>& chips) {
  for (const Fit& one : fits()) {
    const Constants constants = fit(one, measurements, chips);
    fmt::print("{}:\n", one.profile);
    for (size_t i = 0; i < constants.size(); ++i) {
      fmt::print("    \"{}\": {{\"value\": {:.4g}, \"source\": \"fit\"}}{}\n", one.constants[i].key,
                 constants[i] / one.constants[i].unit, i + 1 < constants.size() ? "," : "");
    }
    for (const std::string& name : one.chips) {
      Chip& chip = chips.at(name);
      chip.parameters = with_constants(chip.parameters, one, constants);
    }
  }
}

std::string report(const std::vector<Measurement>& measurements, const std::map<std::string, Chip>& chips) {
  const std::vector<Prediction> predictions = predict_all(measurements, chips);
  return fmt::format("## Errors\n\n{}\n## Calibration rows\n\n{}\n## Validation rows\n\n{}", summary_table(predictions),
                     row_table(predictions, Use::calibration), row_table(predictions, Use::validation));
}

int run(const Options& options) {
  const auto measurements = read_measurements(options.data);
  if (!measurements) return refuse(measurements.error());
  auto chips = prepare_chips(*measurements);
  if (!chips) return refuse(chips.error());
  if (options.fit) fit_anew(*measurements, *chips);
  fmt::print("{}", report(*measurements, *chips));
  return 0;
}

}  // namespace
}  // namespace millwright::bench

int main(int argc, char** argv) {
  millwright::bench::Options options;
  CLI::App app("Published measurements of the engine beside the cost model's predictions");
  app.add_option("--data", options.data, "published measurements, as CSV");
  app.add_option("--write", options.write, "directory for the table, the report and the figures");
  app.add_flag("--fit", options.fit, "fit the constants anew before reporting");
  CLI11_PARSE(app, argc, argv);
  return millwright::bench::run(options);
}
