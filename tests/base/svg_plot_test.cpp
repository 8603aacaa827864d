#include "base/svg_plot.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace millwright {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

// The area of points is 64 to 624 across and 372 to 36 up.
TEST(SvgPlot, PutsPointsWhereTheAxesSay) {
  const std::string linear = svg_plot("t", {"x"}, {"y"}, {{"a", "#123456", false, {{0, 0}, {100, 50}}}});
  EXPECT_THAT(linear, HasSubstr("<circle cx=\"64.0\" cy=\"372.0\" r=\"2.6\"/>"));
  // Linear axes end 5 % above the largest value.
  EXPECT_THAT(linear, HasSubstr("<circle cx=\"597.3\" cy=\"52.0\" r=\"2.6\"/>"));
  const std::string logarithmic =
      svg_plot("t", {"x", true}, {"y", true}, {{"", "#123456", true, {{1, 10}, {10, 100}, {100, 1000}}}});
  EXPECT_THAT(logarithmic, HasSubstr("d=\"M64.0 372.0L344.0 204.0L624.0 36.0\""));
}

TEST(SvgPlot, LeavesOutWhatAnAxisCannotShow) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const std::string svg =
      svg_plot("t", {"x", true}, {"y"},
               {{"a", "#123456", true, {{0, 1}, {-1, 1}, {1, nan}, {1, INFINITY}, {1, -1}, {1, 1}, {10, 1}}}});
  EXPECT_THAT(svg, HasSubstr("d=\"M64.0 52.0L624.0 52.0\""));
  EXPECT_THAT(svg, Not(HasSubstr("nan")));
  EXPECT_THAT(svg, Not(HasSubstr("inf")));
}

TEST(SvgPlot, DrawsAxesForNothing) {
  const std::string svg = svg_plot("t", {"x", true}, {"y"}, {});
  EXPECT_THAT(svg, HasSubstr(">x</text>"));
  EXPECT_THAT(svg, HasSubstr("</svg>\n"));
  EXPECT_THAT(svg_plot("t", {"x"}, {"y"}, {{"a", "#123456", false, {{0, 0}}}}), HasSubstr("cx=\"64.0\" cy=\"372.0\""));
}

TEST(SvgPlot, EscapesNamesAndLeavesUnnamedSeriesOutOfTheLegend) {
  const std::string svg = svg_plot("a < b & c", {"x"}, {"<y>"}, {{"", "#123456", false, {{1, 1}}}});
  EXPECT_THAT(svg, HasSubstr(">a &lt; b &amp; c</text>"));
  EXPECT_THAT(svg, HasSubstr(">&lt;y&gt;</text>"));
  EXPECT_THAT(svg, Not(HasSubstr("r=\"3\"")));
}

}  // namespace
}  // namespace millwright
