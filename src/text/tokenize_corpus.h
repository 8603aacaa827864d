// Turns a corpus into a folder of shards, once: the same corpus, tokenizer and options find their shards again.
#pragma once

#include <cstddef>

#include "base/files.h"
#include "base/result.h"
#include "text/corpus.h"
#include "text/shard_set.h"
#include "text/tokenizer.h"

namespace millwright::text {

struct TokenizeOptions {
  double validation_fraction = 0.05;  // of the text's bytes, 0 to 0.5
  size_t max_tokens_per_shard = size_t{1} << 28;
};

// From this many documents on, the last ones are the validation split; with fewer, the end of each document is.
inline constexpr size_t kDocumentsForWholeSplit = 100;

// Each document (or part of one) is the tokenizer's bos followed by its tokens; where there is no bos, its tokens
// followed by eos. Uses all threads; the files do not depend on how many. On SIGINT it stops and leaves what was there
// before.
Result<ShardSet> tokenize_corpus(const Corpus& corpus, const Tokenizer& tokenizer, const Path& folder,
                                 const TokenizeOptions& options = {});

}  // namespace millwright::text
