// Letters, marks and case folding are utf8proc's (Unicode categories L* and M*).
#include "text/statistics.h"

#include <utf8proc.h>

#include <array>
#include <cmath>
#include <vector>

#include "base/check.h"

namespace millwright::text {

namespace {

bool is_letter(utf8proc_int32_t code) {
  switch (utf8proc_category(code)) {
    case UTF8PROC_CATEGORY_LU:
    case UTF8PROC_CATEGORY_LL:
    case UTF8PROC_CATEGORY_LT:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_LO:
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_MC:
      return true;
    default:
      return false;
  }
}

bool is_apostrophe(utf8proc_int32_t code) { return code == '\'' || code == 0x2019; }

void append_lower(std::string& word, utf8proc_int32_t code) {
  std::array<utf8proc_uint8_t, 4> bytes;
  const auto length = utf8proc_encode_char(is_apostrophe(code) ? '\'' : utf8proc_tolower(code), bytes.data());
  word.append(reinterpret_cast<const char*>(bytes.data()), static_cast<size_t>(length));
}

// Calls visit with each word in lower case. Bytes that are not UTF-8 end a word.
template <class Visit>
void for_each_word(std::string_view text, Visit visit) {
  std::string word;
  bool apostrophe_waits = false;  // becomes part of the word if a letter follows
  const auto* bytes = reinterpret_cast<const utf8proc_uint8_t*>(text.data());
  for (size_t at = 0; at < text.size();) {
    utf8proc_int32_t code = -1;
    const auto length = utf8proc_iterate(bytes + at, static_cast<utf8proc_ssize_t>(text.size() - at), &code);
    at += length > 0 ? static_cast<size_t>(length) : 1;
    if (length > 0 && is_letter(code)) {
      if (apostrophe_waits) append_lower(word, '\'');
      apostrophe_waits = false;
      append_lower(word, code);
    } else if (length > 0 && is_apostrophe(code) && !word.empty() && !apostrophe_waits) {
      apostrophe_waits = true;
    } else {
      if (!word.empty()) visit(word);
      word.clear();
      apostrophe_waits = false;
    }
  }
  if (!word.empty()) visit(word);
}

}  // namespace

double unigram_entropy(const TokenStream& stream, int vocabulary_size) {
  std::vector<uint64_t> counts(static_cast<size_t>(vocabulary_size));
  std::vector<int32_t> part(size_t{1} << 16);
  for (size_t begin = 0; begin < stream.size(); begin += part.size()) {
    const auto ids = std::span(part).first(std::min(part.size(), stream.size() - begin));
    stream.copy(begin, ids.size(), ids);
    for (const int32_t id : ids) {
      MW_CHECK(id >= 0 && id < vocabulary_size, "token {} of {}", id, vocabulary_size);
      ++counts[static_cast<size_t>(id)];
    }
  }
  double entropy = 0;
  for (const uint64_t count : counts) {
    if (count == 0) continue;
    const double share = static_cast<double>(count) / static_cast<double>(stream.size());
    entropy -= share * std::log(share);
  }
  return entropy;
}

void WordSet::add_words(std::string_view text) {
  for_each_word(text, [&](const std::string& word) { words_.insert(word); });
}

bool WordSet::contains(std::string_view word) const {
  bool found = false;
  for_each_word(word, [&](const std::string& lower) { found = words_.contains(lower); });
  return found;
}

double WordSet::known_fraction(std::string_view text) const {
  size_t all = 0;
  size_t known = 0;
  for_each_word(text, [&](const std::string& word) {
    ++all;
    known += words_.contains(word) ? 1 : 0;
  });
  return all == 0 ? 0.0 : static_cast<double>(known) / static_cast<double>(all);
}

Result<WordSet> words_of(const Corpus& corpus) {
  WordSet words;
  CorpusReader reader(corpus);
  for (const Document& document : corpus.documents()) {
    MW_ASSIGN(const CorpusReader::Text text, reader.read(document));
    words.add_words(text.text);
  }
  return words;
}

Result<double> known_word_fraction(std::string_view sample, const Corpus& corpus) {
  MW_ASSIGN(const WordSet words, words_of(corpus));
  return words.known_fraction(sample);
}

}  // namespace millwright::text
