// What a corpus says about itself, to judge a model by: the entropy of single tokens, and which words occur.
#pragma once

#include <string>
#include <string_view>
#include <unordered_set>

#include "base/result.h"
#include "text/corpus.h"
#include "text/shard_set.h"

namespace millwright::text {

// Entropy of the token frequencies in nats per token: the loss of the best model that ignores context. 0 for no tokens.
double unigram_entropy(const TokenStream& stream, int vocabulary_size);

// Words are runs of letters and marks, apostrophes inside them included, compared without case.
class WordSet {
 public:
  void add_words(std::string_view text);
  bool contains(std::string_view word) const;
  size_t size() const { return words_.size(); }
  // The share of the words of `text` that are in the set; 0 when it has no words.
  double known_fraction(std::string_view text) const;

 private:
  std::unordered_set<std::string> words_;
};

Result<WordSet> words_of(const Corpus& corpus);

// The share of the words of `sample` that occur in the corpus.
Result<double> known_word_fraction(std::string_view sample, const Corpus& corpus);

}  // namespace millwright::text
