#include "ane/published_measurements.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>

#include "ane/chip_profile.h"
#include "source_dir.h"

namespace millwright::ane {
namespace {

TEST(PublishedMeasurements, ArePartOfTheBinary) {
  const std::vector<PublishedMeasurement>& rows = published_measurements();
  EXPECT_EQ(rows.size(), 500u);
  std::set<std::string> ids;
  for (const PublishedMeasurement& row : rows) {
    EXPECT_TRUE(ids.insert(row.id).second) << row.id;
    EXPECT_TRUE(std::ranges::count(profile_names(), row.chip) == 1) << row.id << " " << row.chip;
    EXPECT_FALSE(row.source.empty()) << row.id;
  }
  const auto found = std::ranges::find(rows, "M0625", &PublishedMeasurement::id);
  ASSERT_NE(found, rows.end());
  EXPECT_EQ(found->workload, "matmul m=2048 k=2048 n=2048 right=input");
  EXPECT_EQ(found->value, 5.7);
  EXPECT_EQ(found->unit, "TFLOPS");
  EXPECT_EQ(found->use, Use::calibration);
}

// bench/cost-model/not_used.csv names each published number that the table leaves out, with the reason.
TEST(PublishedMeasurements, AreUsedOrLeftOutForAReason) {
  std::ifstream file(std::filesystem::path(kSourceDirectory) / "bench" / "cost-model" / "not_used.csv");
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(line, "id,chip,kind,metric,reason");
  std::set<std::string> ids;
  for (const PublishedMeasurement& row : published_measurements()) EXPECT_TRUE(ids.insert(row.id).second) << row.id;
  while (std::getline(file, line)) {
    EXPECT_TRUE(ids.insert(line.substr(0, line.find(','))).second) << line;
    EXPECT_GT(line.size() - line.rfind(','), 10u) << line;
  }
  EXPECT_EQ(ids.size(), 1242u);
  EXPECT_EQ(*ids.begin(), "M0001");
  EXPECT_EQ(*ids.rbegin(), "M1242");
}

// The largest of a range is no typical evaluation.
TEST(PublishedMeasurements, HaveNoLargestTimes) {
  for (const PublishedMeasurement& row : published_measurements()) EXPECT_FALSE(row.metric.ends_with("_max")) << row.id;
}

std::string error_of(const std::string& text) {
  const auto rows = parse_measurements(text, "rows.csv");
  return rows ? "read" : rows.error().message;
}

TEST(PublishedMeasurements, SayWhatIsWrongWithAFile) {
  const std::string header = "id,chip,use,workload,metric,value,unit,source,note\n";
  EXPECT_EQ(error_of(header + "A,m4,calibration,op,latency,1,ms,me,\n"), "read");
  EXPECT_EQ(error_of("id,chip\n"),
            "rows.csv:1: expected the header id,chip,use,workload,metric,value,unit,source,note");
  EXPECT_EQ(error_of(header + "A,m4\n"),
            "rows.csv:2: 2 columns, expected 9: id,chip,use,workload,metric,value,unit,source,note");
  EXPECT_EQ(error_of(header + "A,m4,test,op,latency,1,ms,me,\n"),
            "rows.csv:2: use is \"test\", expected calibration or validation");
  for (const char* value : {"", "-1", "0", "nan", "inf", "1x"}) {
    EXPECT_EQ(error_of(header + "A,m4,calibration,op,latency," + value + ",ms,me,\n"),
              std::string("rows.csv:2: value is \"") + value + "\", expected a number above 0");
  }
}

}  // namespace
}  // namespace millwright::ane
