// A small tokenizer trained once per test binary, and SentencePiece itself over the same bytes as its oracle.
#pragma once

#include <gtest/gtest.h>
#include <sentencepiece_processor.h>

#include <string>

#include "base/temporary_folder.h"
#include "text/sample_text.h"
#include "text/tokenizer.h"
#include "text/train_tokenizer.h"

namespace millwright::text {

inline const Tokenizer& small_tokenizer() {
  static const Tokenizer tokenizer = [] {
    const TemporaryFolder folder;
    const auto corpus = open_corpus(folder.write("corpus.txt", sample_lines(1, 400)));
    auto trained = train_tokenizer(*corpus, {.vocabulary_size = 400});
    if (!trained) {
      ADD_FAILURE() << trained.error().message;
      std::abort();
    }
    return std::move(*trained);
  }();
  return tokenizer;
}

inline std::string bytes_of(const Tokenizer& tokenizer) {
  const TemporaryFolder folder;
  EXPECT_TRUE(tokenizer.save(folder / "model").has_value());
  return read_whole_file(folder / "model");
}

// The library with the unchanged bytes.
inline void load_oracle(sentencepiece::SentencePieceProcessor& oracle, const std::string& bytes) {
  ASSERT_TRUE(oracle.LoadFromSerializedProto(bytes).ok());
}

inline std::vector<int32_t> encode_by_library(const sentencepiece::SentencePieceProcessor& oracle,
                                              const std::string& text) {
  std::vector<int> ids;
  EXPECT_TRUE(oracle.Encode(text, &ids).ok());
  return {ids.begin(), ids.end()};
}

inline std::string decode_by_library(const sentencepiece::SentencePieceProcessor& oracle,
                                     const std::vector<int32_t>& ids) {
  std::string text;
  EXPECT_TRUE(oracle.Decode(std::vector<int>(ids.begin(), ids.end()), &text).ok());
  return text;
}

}  // namespace millwright::text
