// SentencePieceModel: what a SentencePiece `.model` file (a protobuf message) says, read and checked by us, so that the
// library only ever sees well-formed input. The library has assertions and unchecked indices; hostile bytes end here.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"

namespace millwright::text {

// As numbered in sentencepiece_model.proto.
enum class PieceKind : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
enum class ModelKind : uint8_t { unigram = 1, bpe = 2, word = 3, character = 4 };

struct Piece {
  std::string text;  // with ▁ (U+2581) for spaces
  float score = 0;
  PieceKind kind = PieceKind::normal;
};

struct SentencePieceModel {
  std::vector<Piece> pieces;

  // trainer_spec
  ModelKind kind = ModelKind::unigram;
  bool byte_fallback = false;
  bool treat_whitespace_as_suffix = false;
  std::string unknown_surface = " \xE2\x81\x87 ";  // what an unknown piece decodes to
  std::string unknown_piece = "<unk>";
  std::string bos_piece = "<s>";
  std::string eos_piece = "</s>";
  std::string pad_piece = "<pad>";

  // normalizer_spec
  std::string normalizer_name;
  std::string precompiled_charsmap;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
};

// `name` stands in errors, usually the path.
Result<SentencePieceModel> parse_sentencepiece_model(std::span<const std::byte> bytes, const std::string& name);

// The message that the library is given: the fields above and no others.
std::string serialize_sentencepiece_model(const SentencePieceModel& model);

// The value of a byte piece, "<0x0A>" → 10; -1 for anything else.
int byte_of_piece(const std::string& piece);

}  // namespace millwright::text
