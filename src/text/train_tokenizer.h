// Training a tokenizer from a corpus: SentencePiece BPE with byte fallback and without normalization, so that every
// text can be encoded and decodes to itself.
#pragma once

#include <cstddef>

#include "base/result.h"
#include "text/corpus.h"
#include "text/tokenizer.h"

namespace millwright::text {

struct TrainTokenizerOptions {
  int vocabulary_size = 0;                   // 0: suggested_vocabulary_size of the corpus
  double character_coverage = 0.9995;        // share of characters that get a piece of their own; the rest are bytes
  size_t sampling_limit = size_t{64} << 20;  // bytes of text learned from, spread evenly over a longer corpus
};

// The pieces are a pure function of corpus and options: 0 unknown, 1 bos, 2 eos, 3 to 258 the bytes, then learned ones.
// A small corpus may give fewer pieces than asked for, never more.
Result<Tokenizer> train_tokenizer(const Corpus& corpus, const TrainTokenizerOptions& options = {});

// The power of two nearest to one piece per 2,000 bytes, within 1,024 to 32,768. At about 4 bytes per token a learned
// piece then occurs some 500 times on average, enough to train its embedding; 2,048 for the six novels of Jane Austen
// (4 MB).
int suggested_vocabulary_size(size_t corpus_bytes);

}  // namespace millwright::text
