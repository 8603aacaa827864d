// StreamDecoder: SentencePiece's rules of decoding, applied as ids arrive.
#include <algorithm>

#include "text/tokenizer.h"
#include "text/utf8.h"

namespace millwright::text {

namespace {

constexpr std::string_view kSpaceSymbol = "\xE2\x96\x81";  // ▁
constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

void append_with_spaces(std::string& out, std::string_view piece) {
  for (size_t at = 0; at < piece.size();) {
    const size_t symbol = piece.find(kSpaceSymbol, at);
    out += piece.substr(at, symbol - at);
    if (symbol == std::string_view::npos) return;
    out += ' ';
    at = symbol + kSpaceSymbol.size();
  }
}

}  // namespace

// Moves whole characters out of bytes_; a byte that cannot begin one becomes U+FFFD.
void StreamDecoder::drain_bytes(std::string& out, bool at_end) {
  size_t done = 0;
  while (done < bytes_.size()) {
    const std::string_view rest = std::string_view(bytes_).substr(done);
    const size_t length = character_length(rest);
    if (length == 0 && !at_end && is_incomplete_character(rest)) break;
    out += length > 0 ? rest.substr(0, length) : kReplacement;
    done += std::max<size_t>(length, 1);
  }
  bytes_.erase(0, done);
  if (!out.empty()) text_begun_ = true;
}

std::string StreamDecoder::push(int32_t id) {
  std::string out;
  if (const int byte = tokenizer_->byte_value(id); byte >= 0) {
    bytes_ += static_cast<char>(byte);
    drain_bytes(out, false);
    return out;
  }
  drain_bytes(out, true);
  if (tokenizer_->is_control(id)) return out;
  if (id < 0 || id >= tokenizer_->vocabulary_size()) {
    out += kReplacement;
  } else if (id == tokenizer_->unknown()) {
    out += tokenizer_->unknown_surface();
  } else {
    std::string_view piece = tokenizer_->piece(id);
    if (!text_begun_ && !leading_space_taken_ && tokenizer_->strips_leading_space() &&
        piece.starts_with(kSpaceSymbol)) {
      piece.remove_prefix(kSpaceSymbol.size());
      leading_space_taken_ = !tokenizer_->strips_every_leading_space();
    }
    append_with_spaces(out, piece);
  }
  if (!out.empty()) text_begun_ = true;
  return out;
}

std::string StreamDecoder::finish() {
  std::string out;
  drain_bytes(out, true);
  return out;
}

}  // namespace millwright::text
