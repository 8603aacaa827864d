// JSON errors, word for word, and the typed getters at the borders of their ranges.
#include "base/json.h"

#include <gtest/gtest.h>

namespace millwright {
namespace {

std::string error_of(const std::string& text) {
  const auto result = parse_json(text, "config.json");
  return result ? "no error" : result.error().message;
}

TEST(ParseJson, GivesTheValue) {
  const auto value = parse_json(R"({"a": [1, 2.5, "x"], "b": {"c": null}})", "config.json");
  ASSERT_TRUE(value.has_value());
  EXPECT_EQ((*value)["a"][1], 2.5);
}

TEST(ParseJson, NamesLineAndColumn) {
  EXPECT_EQ(error_of("{\n  \"a\": 1,\n  oops\n}"),
            "config.json:3:3: not valid JSON: syntax error while parsing object key - invalid literal; last read: "
            "'1,<U+000A>  "
            "o'; expected string literal");
  EXPECT_EQ(
      error_of(""),
      "config.json:1:1: not valid JSON: syntax error while parsing value - unexpected end of input; expected '[', "
      "'{', or a literal");
}

TEST(ParseJson, RefusesTextAfterTheValueAndInvalidUtf8) {
  EXPECT_EQ(
      error_of("{} {}"),
      "config.json:1:4: not valid JSON: syntax error while parsing value - unexpected '{'; expected end of input");
  EXPECT_NE(error_of("\"\xff\""), "no error");
  EXPECT_EQ(error_of("\"\xff\"").find('\n'), std::string::npos);
}

TEST(ParseJson, RefusesNumbersThatOverflow) {
  EXPECT_EQ(error_of("1e999"), "config.json: not valid JSON: number overflow parsing '1e999'");
}

TEST(ParseJson, RefusesAKeyThatStandsTwice) {
  EXPECT_EQ(error_of(R"({"a": 1, "b": 2, "a": 3})"), "config.json: the key \"a\" stands twice in one object; keep one");
  EXPECT_EQ(error_of(R"({"a": [{"b": {}, "b": {"b": 1}}]})"),
            "config.json: the key \"b\" stands twice in one object; keep one");
  EXPECT_EQ(error_of(R"({"a": {"a": 1}, "b": [{"a": 1}, {"a": 2}]})"), "no error");
}

TEST(ParseJson, LimitsTheDepth) {
  const auto nested = [](size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_EQ(error_of(nested(100)), "no error");
  EXPECT_EQ(error_of(nested(101)), "config.json:1:101: not accepted as JSON: nested deeper than 100 levels");
  EXPECT_EQ(error_of(std::string(1000000, '[')),
            "config.json:1:101: not accepted as JSON: nested deeper than 100 levels");
  EXPECT_EQ(error_of("\"" + std::string(1000, '[') + "\\\"" + std::string(1000, '[') + "\""), "no error");
}

class JsonGetters : public testing::Test {
 protected:
  Json object = Json::parse(R"({"whole": 12, "float_whole": 4096.0, "half": 12.5, "negative": -3, "text": "12",
    "huge": 18446744073709551615, "big_float": 1e30, "yes": true, "list": [1], "inner": {"x": 1}})");
};

TEST_F(JsonGetters, IntegerTakesWholeNumbersOnly) {
  EXPECT_EQ(json_integer(object, "whole", "f"), 12);
  EXPECT_EQ(json_integer(object, "float_whole", "f"), 4096);
  EXPECT_EQ(json_integer(object, "negative", "f"), -3);
  EXPECT_EQ(json_integer(object, "half", "f").error().message, "f: \"half\": expected an integer, found 12.5");
  EXPECT_EQ(json_integer(object, "text", "f").error().message, "f: \"text\": expected an integer, found \"12\"");
  EXPECT_EQ(json_integer(object, "huge", "f").error().message,
            "f: \"huge\": expected an integer, found 18446744073709551615");
  EXPECT_EQ(json_integer(object, "big_float", "f").error().message,
            "f: \"big_float\": expected an integer, found 1e+30");
  EXPECT_EQ(json_integer(object, "absent", "f").error().message, "f: \"absent\" is missing; expected an integer");
}

TEST_F(JsonGetters, IntegerKeepsToItsRange) {
  EXPECT_EQ(json_integer(object, "whole", "f", 12, 12), 12);
  EXPECT_EQ(json_integer(object, "whole", "f", 1, 11).error().message,
            "f: \"whole\": expected an integer in [1, 11], found 12");
  EXPECT_EQ(json_integer(object, "negative", "f", 0, 5).error().message,
            "f: \"negative\": expected an integer in [0, 5], found -3");
}

TEST_F(JsonGetters, OtherTypesAreChecked) {
  EXPECT_EQ(json_number(object, "half", "f"), 12.5);
  EXPECT_EQ(json_number(object, "yes", "f").error().message, "f: \"yes\": expected a number, found true");
  EXPECT_EQ(json_boolean(object, "yes", "f"), true);
  EXPECT_EQ(json_boolean(object, "whole", "f").error().message, "f: \"whole\": expected true or false, found 12");
  EXPECT_EQ(json_string(object, "text", "f"), "12");
  EXPECT_EQ(json_string(object, "list", "f").error().message, "f: \"list\": expected a string, found [1]");
  EXPECT_EQ((*json_array(object, "list", "f"))->size(), 1u);
  EXPECT_EQ(json_array(object, "inner", "f").error().message, "f: \"inner\": expected an array, found {\"x\":1}");
  EXPECT_EQ((*json_object(object, "inner", "f"))->size(), 1u);
  EXPECT_EQ(json_object(object, "list", "f").error().message, "f: \"list\": expected an object, found [1]");
  EXPECT_EQ(json_string(Json(3), "a", "f").error().message, "f: expected a JSON object, found number");
}

}  // namespace
}  // namespace millwright
