#include "train/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

namespace millwright::train {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

MetricsHistory history_of(int64_t updates) {
  MetricsHistory history;
  for (int64_t update = 1; update <= updates; ++update) {
    history.updates.push_back({.update = update, .loss = 3 + 5 * std::exp(-static_cast<double>(update) / 50)});
    if (update % 100 == 0) history.validations.push_back({.update = update, .loss = 3.5});
  }
  return history;
}

size_t count(const std::string& text, const std::string& part) {
  size_t found = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

TEST(LossCurve, DrawsTrainingSmoothedAndValidation) {
  const std::string svg = loss_curve_svg(history_of(400));
  EXPECT_EQ(svg.substr(0, 5), "<svg ");
  EXPECT_EQ(count(svg, "<polyline"), 3u);
  EXPECT_EQ(count(svg, "<circle"), 4u);
  EXPECT_EQ(count(svg, "<text"), count(svg, "</text>"));
  EXPECT_THAT(svg, HasSubstr(">validation</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
}

TEST(LossCurve, DrawsALongRunWithFewPoints) {
  const std::string svg = loss_curve_svg(history_of(100000));
  EXPECT_LT(svg.size(), 100000u);
}

TEST(LossCurve, IsAPictureWithoutAnyUpdate) {
  const std::string svg = loss_curve_svg({});
  EXPECT_THAT(svg, HasSubstr("</svg>"));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(LossCurve, LeavesOutLossesThatAreNotFinite) {
  MetricsHistory history = history_of(10);
  history.updates[4].loss = NAN;
  history.updates[5].loss = INFINITY;
  const std::string svg = loss_curve_svg(history);
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(Report, ShowsItsTablesAndTheCurveInOneFile) {
  const Report report{.title = "Training run <a&b>",
                      .summary = {{"validation loss", "3.5"}},
                      .configuration = {{"data", "[\"x\"]"}},
                      .provenance = {{"seed", "1"}}};
  const std::string html = report_html(report, history_of(10));
  EXPECT_THAT(html, HasSubstr("<title>Training run &lt;a&amp;b&gt;</title>"));
  EXPECT_THAT(html, HasSubstr("<tr><th>validation loss</th><td>3.5</td></tr>"));
  EXPECT_THAT(html, HasSubstr("<td>[&quot;x&quot;]</td>"));
  EXPECT_THAT(html, HasSubstr("<svg "));
  EXPECT_THAT(html, Not(HasSubstr("src=")));  // nothing from elsewhere
  EXPECT_THAT(html, Not(HasSubstr("href=")));
}

}  // namespace
}  // namespace millwright::train
