// The model keeps the errors that docs/cost-model.md states, on the published rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "../bench/cost-model/fit.h"
#include "../bench/cost-model/measurements.h"
#include "base/files.h"
#include "source_dir.h"

namespace millwright::bench {
namespace {

class CostModelErrors : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    measurements = new std::vector<Measurement>(*read_measurements());
    chips = new std::map<std::string, Chip>(*prepare_chips(*measurements));
  }
  static void TearDownTestSuite() {
    delete chips;
    delete measurements;
  }

  template <class Wanted>
  static double median_error(Use use, Wanted wanted) {
    std::vector<double> errors;
    for (const Measurement& m : *measurements) {
      if (m.use == use && wanted(m)) errors.push_back(relative_error(predict(m, *chips), m.value));
    }
    EXPECT_FALSE(errors.empty());
    return median(errors);
  }

  static std::vector<Measurement>* measurements;
  static std::map<std::string, Chip>* chips;
};

std::vector<Measurement>* CostModelErrors::measurements = nullptr;
std::map<std::string, Chip>* CostModelErrors::chips = nullptr;

bool any(const Measurement&) { return true; }
bool is_training(const Measurement& m) {
  return m.subject == Subject::time && (m.workload.starts_with("static") || m.workload.starts_with("dynamic"));
}

TEST_F(CostModelErrors, AreBelowTenPercentOnCalibrationRows) {
  EXPECT_LT(median_error(Use::calibration, any), 0.10);
  EXPECT_LT(median_error(Use::calibration, [](const Measurement& m) { return m.subject == Subject::time; }), 0.10);
}

TEST_F(CostModelErrors, AreBelowTwentyPercentOnValidationRowsAndTrainingSteps) {
  EXPECT_LT(median_error(Use::validation, any), 0.20);
  EXPECT_LT(median_error(Use::validation, is_training), 0.20);
}

TEST_F(CostModelErrors, AreNeverMeasuredOnRowsThatTheFitMayNotSee) {
  for (const Measurement& m : *measurements) {
    if (m.use != Use::calibration) continue;
    EXPECT_FALSE(is_training(m)) << m.id;
    // Chains of one shared weight that does not stay on chip would tell about bandwidth.
    const bool is_shared = m.workload.find("weights=shared") != std::string::npos;
    const double streamed = chips->at(m.chip).workloads.at(m.workload).weight_bytes;
    EXPECT_TRUE(!is_shared || streamed < 1024.0 * 1024.0) << m.id;
  }
  std::set<std::string> ids;
  for (const Measurement& m : *measurements) EXPECT_TRUE(ids.insert(m.id).second) << m.id << " stands twice";
}

TEST_F(CostModelErrors, CannotBeMuchReducedByAnotherFit) {
  for (const Fit& one : fits()) {
    const Constants constants = fit(one, *measurements, *chips);
    std::vector<double> now, fitted;
    for (const Measurement& m : *measurements) {
      if (m.use != Use::calibration || m.subject != Subject::time) continue;
      if (std::ranges::find(one.chips, m.chip) == one.chips.end()) continue;
      const Chip& chip = chips->at(m.chip);
      const Workload& workload = chip.workloads.at(m.workload);
      now.push_back(relative_error(predict(m, *chips), m.value));
      fitted.push_back(relative_error(predict(m, workload, with_constants(chip.parameters, one, constants)), m.value));
    }
    EXPECT_NEAR(median(now), median(fitted), 0.02) << one.profile;
    EXPECT_LE(one.constants.size(), 9u) << one.profile;
  }
}

TEST_F(CostModelErrors, ComeWithAFitOfWhateverChipsAFileHas) {
  const std::vector<Measurement> rows = {(*measurements)[0]};
  const auto few = prepare_chips(rows);
  ASSERT_TRUE(few.has_value());
  for (const Fit& one : fits()) {
    EXPECT_EQ(is_measured(one, *few), one.profile == "m4") << one.profile;
    if (!is_measured(one, *few)) continue;
    const Constants constants = fit(one, rows, *few);
    const ane::CostParameters parameters = with_constants(few->at("m4").parameters, one, constants);
    EXPECT_NEAR(predict(rows[0], few->at("m4").workloads.at(rows[0].workload), parameters) / rows[0].value, 1, 0.01);
  }
}

TEST_F(CostModelErrors, AreNotForGuessedFiles) {
  const Path path = Path(::testing::TempDir()) / "cost_model_rows.csv";
  const auto error_of = [&](const std::string& line) {
    EXPECT_TRUE(
        write_file_atomically(path, "id,chip,use,workload,metric,value,unit,source,note\n" + line + "\n").has_value());
    const auto rows = read_measurements(path);
    if (!rows) return rows.error().message.substr(path.string().size());
    const auto prepared = prepare_chips(*rows);
    return prepared ? std::string("read") : prepared.error().message;
  };
  EXPECT_EQ(error_of("A,m4,calibration,matmul m=8 k=8 n=8,latency,0.1,ms,me,"), "read");
  EXPECT_EQ(error_of(""), ": has no measurements below its header");
  EXPECT_EQ(ane::parse_measurements("", "rows.csv").error().message,
            "rows.csv: is empty, expected the header id,chip,use,workload,metric,value,unit,source,note");
  EXPECT_EQ(error_of("A,m4,calibration,matmul m=8 k=8 n=8,latency,0,ms,me,"),
            ":2: value is \"0\", expected a number above 0");
  EXPECT_EQ(error_of("A,m4,training,matmul m=8 k=8 n=8,latency,1,ms,me,"),
            ":2: use is \"training\", expected calibration or validation");
  EXPECT_EQ(error_of("A,m4,calibration,matmul m=8 k=8 n=8,speed,1,ms,me,"), ":2: \"speed\" is no metric of the model");
  EXPECT_EQ(error_of("A,m4,calibration,matmul m=8 k=8 n=8,latency,1,parsec,me,"),
            ":2: \"parsec\" is no unit of the model");
  EXPECT_EQ(error_of("A,m4,calibration,matmul m=-1 k=8 n=8,latency,1,ms,me,"),
            "A: m is \"-1\", expected a number from 1 to 1048576");
  EXPECT_EQ(error_of("A,m4,calibration,matmul k=8 n=8,latency,1,ms,me,"), "A: m is missing");
  EXPECT_EQ(error_of("A,m4,calibration,sort n=8,latency,1,ms,me,"),
            "A: \"sort\" is no workload; expected conv, matmul, op, attention, packed, static, dynamic or staging");
}

}  // namespace
}  // namespace millwright::bench
