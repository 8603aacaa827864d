// Tokenizer: text to token ids and back, by a SentencePiece model (BPE or unigram). The library stays behind this
// header.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace millwright::text {

// Immutable after loading; any number of threads may use one.
class Tokenizer {
 public:
  static Result<Tokenizer> load(const Path& path);
  // `name` stands in errors.
  static Result<Tokenizer> from_bytes(std::span<const std::byte> bytes, const std::string& name);
  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  int vocabulary_size() const;
  int bos() const;      // begin of text, -1 if the model has none
  int eos() const;      // end of text, -1 if the model has none
  int unknown() const;  // -1 if the model has none

  // The ids that SentencePiece gives, without bos and eos. With byte fallback and no normalization (every tokenizer
  // that Millwright trains) decode(encode(text)) is text, except that SentencePiece reads ▁ (U+2581) as a space.
  std::vector<int32_t> encode(std::string_view text) const;
  // The same for text that follows other text: no space is put in front.
  std::vector<int32_t> encode_continuation(std::string_view text) const;
  // Whether encode(a + b) is encode(a) + encode_continuation(b) for every a that ends a line.
  bool lines_are_independent() const;

  // Control ids give nothing, bytes that form no character and ids outside the vocabulary give U+FFFD.
  std::string decode(std::span<const int32_t> ids) const;

  const std::string& piece(int id) const;  // with ▁ for spaces; the id must be in the vocabulary
  bool is_control(int id) const;           // bos, eos and the like
  int byte_value(int id) const;            // 0 to 255 for a byte piece, else -1
  // How decoding treats the space in front of the first piece; used by StreamDecoder.
  bool strips_leading_space() const;
  bool strips_every_leading_space() const;
  const std::string& unknown_surface() const;

  Status save(const Path& path) const;  // the bytes as loaded
  const std::string& hash() const;      // of those bytes

 private:
  struct State;
  explicit Tokenizer(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// Decodes ids one by one. What push() and finish() return, joined, is what decode() gives; it never ends inside a
// character. The tokenizer must outlive the decoder.
class StreamDecoder {
 public:
  explicit StreamDecoder(const Tokenizer& tokenizer) : tokenizer_(&tokenizer) {}

  std::string push(int32_t id);
  std::string finish();  // what is left of an unfinished character

 private:
  void drain_bytes(std::string& out, bool at_end);

  const Tokenizer* tokenizer_;
  std::string bytes_;  // of byte pieces, the start of a character
  bool text_begun_ = false;
  bool leading_space_taken_ = false;
};

}  // namespace millwright::text
