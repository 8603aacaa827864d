#include "mil/lexer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace millwright::mil {
namespace {

using ::testing::ElementsAre;

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  Lexer lexer(text);
  for (Token token = lexer.next(); token.kind != Token::Kind::end; token = lexer.next()) {
    found.emplace_back(token.kind == Token::Kind::invalid ? token.problem : token.text);
  }
  return found;
}

TEST(Lexer, CutsTextIntoTokens) {
  EXPECT_THAT(words("tensor<fp16, [1,?]>x=mul(y=z)[a=b];"),
              ElementsAre("tensor", "<", "fp16", ",", "[", "1", ",", "?", "]", ">", "x", "=", "mul", "(", "y", "=", "z",
                          ")", "[", "a", "=", "b", "]", ";"));
  EXPECT_THAT(words(">>>> -> {}"), ElementsAre(">", ">", ">", ">", "->", "{", "}"));
  EXPECT_THAT(words(""), ElementsAre());
}

TEST(Lexer, KeepsNumbersWhole) {
  EXPECT_THAT(words("1 -1 1.5e-05 1E+3 0x1.8p-3 -0x1p+0 .5 -.5 -inf -nan 1.3"),
              ElementsAre("1", "-1", "1.5e-05", "1E+3", "0x1.8p-3", "-0x1p+0", ".5", "-.5", "-inf", "-nan", "1.3"));
  EXPECT_THAT(words("[1,-2]"), ElementsAre("[", "1", ",", "-2", "]"));
  EXPECT_THAT(words("1-2"), ElementsAre("1", "-2"));
}

TEST(Lexer, LetsDotsAndAtSignsStandInsideWords) {
  EXPECT_THAT(words("mw.attention x@1 _a9"), ElementsAre("mw.attention", "x@1", "_a9"));
  EXPECT_THAT(words(".a"), ElementsAre("a character that MIL does not use", "a"));
}

TEST(Lexer, DropsCommentsAndBlanks) {
  EXPECT_THAT(words("a // b\n/* c\n * d */e\t\r\f\vf//"), ElementsAre("a", "e", "f"));
  EXPECT_THAT(words("a /**/ b"), ElementsAre("a", "b"));
  EXPECT_THAT(words("a /* b"), ElementsAre("a", "a comment that is not closed with */"));
  EXPECT_THAT(words("a / b"), ElementsAre("a", "a character that MIL does not use", "b"));
}

TEST(Lexer, CountsLinesAndColumns) {
  Lexer lexer("a\n  b /* \n\n */ c\n\"d\" e");
  for (const auto& [line, column] : {std::pair{1, 1}, {2, 3}, {4, 5}, {5, 1}, {5, 5}, {5, 6}, {5, 6}}) {
    const Token token = lexer.next();
    EXPECT_EQ(token.line, line) << token.text;
    EXPECT_EQ(token.column, column) << token.text;
  }
}

TEST(Lexer, SeesTheNextPunctuationBehindBlanksAndComments) {
  for (const std::string_view text : {"(", "  (", "\n (", "/* a */ (", "// a\n("})
    EXPECT_TRUE(Lexer(text).next_is('(')) << text;
  for (const std::string_view text : {"", " ", "a (", "/ (", "/* (", "// (", ")"}) {
    EXPECT_FALSE(Lexer(text).next_is('(')) << text;
  }
  Lexer lexer("a /* b */ (c");
  EXPECT_FALSE(lexer.next_is('('));
  EXPECT_EQ(lexer.next().text, "a");
  EXPECT_TRUE(lexer.next_is('('));
  EXPECT_EQ(lexer.next().text, "(");
}

TEST(Lexer, FindsTheEndAndTheDotsOfWordsOfEveryLength) {
  for (size_t length = 1; length < 20; ++length) {
    const std::string word(length, 'w');
    for (const std::string_view behind : {"", " ", "(", "\n", "="}) {
      const std::string text = word + std::string(behind);
      const Token token = Lexer(text).next();
      EXPECT_EQ(token.text, word);
      EXPECT_FALSE(token.has_dot);
    }
    for (size_t dot = 1; dot < length; ++dot) {
      std::string dotted = word;
      dotted[dot] = '.';
      const std::string text = dotted + ",";
      const Token token = Lexer(text).next();
      EXPECT_EQ(token.text, dotted);
      EXPECT_TRUE(token.has_dot);
    }
  }
}

TEST(Lexer, EndsStringsAtTheirClosingQuote) {
  EXPECT_THAT(words(R"("a" "b\"c" "\\" d)"), ElementsAre(R"("a")", R"("b\"c")", R"("\\")", "d"));
  EXPECT_THAT(words("\"// no comment\""), ElementsAre("\"// no comment\""));
  EXPECT_THAT(words("\"open\nnext"), ElementsAre("a string that is not closed on its line", "next"));
  EXPECT_THAT(words("\"open\\"), ElementsAre("a string that is not closed on its line"));
}

TEST(Lexer, DecodesWhatItQuotes) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  std::string quoted;
  append_quoted(quoted, all);
  EXPECT_EQ(quoted.find('\n'), std::string::npos);
  EXPECT_EQ(words(quoted).size(), 1u);
  std::string decoded;
  std::string_view bad;
  ASSERT_TRUE(decode_string(quoted, decoded, bad));
  EXPECT_EQ(decoded, all);
}

TEST(Lexer, NamesAnUnknownEscape) {
  std::string decoded;
  for (const auto& [text, expected] : {std::pair{R"("a\q")", "\\q"}, {R"("\x1")", "\\x"}, {R"("\xg0")", "\\x"}}) {
    std::string_view bad;
    EXPECT_FALSE(decode_string(text, decoded, bad)) << text;
    EXPECT_EQ(bad, expected);
  }
}

TEST(Lexer, CutsLongTokensInMessages) {
  Lexer lexer(std::string_view("abcdefghijabcdefghijabcdefghijabcdefghijabcdefghij \"s\" "));
  EXPECT_EQ(token_text(lexer.next()), "'abcdefghijabcdefghijabcdefghijabcdefghij...'");
  EXPECT_EQ(token_text(lexer.next()), "the string \"s\"");
  EXPECT_EQ(token_text(lexer.next()), "the end of the file");
}

TEST(Lexer, KnowsIdentifiers) {
  EXPECT_TRUE(is_identifier("_a9@"));
  for (const char* text : {"", "9a", "a.b", "a b", "@a", "a-b", "é"}) EXPECT_FALSE(is_identifier(text)) << text;
}

}  // namespace
}  // namespace millwright::mil
