// Field numbers are those of sentencepiece_model.proto (github.com/google/sentencepiece). protozero only splits the
// wire format; each field's wire type is matched before it is read, because protozero asserts it.
#include "text/sentencepiece_model.h"

#include <array>
#include <cmath>
#include <cstring>
#include <protozero/pbf_reader.hpp>
#include <protozero/pbf_writer.hpp>
#include <string_view>
#include <unordered_set>

#include "text/utf8.h"

namespace millwright::text {

namespace {

constexpr size_t kMaxPieces = size_t{1} << 20;
constexpr size_t kMaxPieceBytes = 4096;
constexpr size_t kMaxSpecialBytes = 256;
constexpr size_t kMaxCharsmapBytes = size_t{64} << 20;

using protozero::pbf_reader;
using protozero::pbf_wire_type;
using protozero::tag_and_type;

constexpr uint32_t text_field(uint32_t number) { return tag_and_type(number, pbf_wire_type::length_delimited); }
constexpr uint32_t number_field(uint32_t number) { return tag_and_type(number, pbf_wire_type::varint); }
constexpr uint32_t float_field(uint32_t number) { return tag_and_type(number, pbf_wire_type::fixed32); }

// Not get_bool(), which reads a byte even where the message has ended.
bool read_bool(pbf_reader& message) { return message.get_uint64() != 0; }

Piece read_piece(pbf_reader message) {
  Piece piece;
  while (message.next()) {
    switch (message.tag_and_type()) {
      case text_field(1):
        piece.text = message.get_string();
        break;
      case float_field(2):
        piece.score = message.get_float();
        break;
      case number_field(3): {
        const int32_t kind = message.get_enum();
        piece.kind = kind >= 1 && kind <= 6 ? static_cast<PieceKind>(kind) : PieceKind::normal;  // as protobuf does
        break;
      }
      default:
        message.skip();
    }
  }
  return piece;
}

void read_trainer_spec(pbf_reader message, SentencePieceModel& model, int32_t& kind) {
  while (message.next()) {
    switch (message.tag_and_type()) {
      case number_field(3):
        kind = message.get_enum();
        break;
      case number_field(24):
        model.treat_whitespace_as_suffix = read_bool(message);
        break;
      case number_field(35):
        model.byte_fallback = read_bool(message);
        break;
      case text_field(44):
        model.unknown_surface = message.get_string();
        break;
      case text_field(45):
        model.unknown_piece = message.get_string();
        break;
      case text_field(46):
        model.bos_piece = message.get_string();
        break;
      case text_field(47):
        model.eos_piece = message.get_string();
        break;
      case text_field(48):
        model.pad_piece = message.get_string();
        break;
      default:
        message.skip();
    }
  }
}

void read_normalizer_spec(pbf_reader message, SentencePieceModel& model) {
  while (message.next()) {
    switch (message.tag_and_type()) {
      case text_field(1):
        model.normalizer_name = message.get_string();
        break;
      case text_field(2):
        model.precompiled_charsmap = message.get_string();
        break;
      case number_field(3):
        model.add_dummy_prefix = read_bool(message);
        break;
      case number_field(4):
        model.remove_extra_whitespaces = read_bool(message);
        break;
      case number_field(5):
        model.escape_whitespaces = read_bool(message);
        break;
      default:
        message.skip();
    }
  }
}

// A denormalizer changes decoded text; it exists only when its character map is not empty.
bool has_charsmap(pbf_reader message) {
  SentencePieceModel denormalizer;
  read_normalizer_spec(message, denormalizer);
  return !denormalizer.precompiled_charsmap.empty();
}

Status check_pieces(const SentencePieceModel& model, const std::string& name) {
  std::unordered_set<std::string_view> seen;
  std::array<bool, 256> bytes_seen{};
  size_t byte_pieces = 0;
  size_t unknown_pieces = 0;
  size_t ordinary_pieces = 0;
  for (size_t id = 0; id < model.pieces.size(); ++id) {
    const Piece& piece = model.pieces[id];
    if (piece.text.empty() || piece.text.size() > kMaxPieceBytes) {
      return fail("{}: piece {}: expected 1 to {} bytes of text, found {}", name, id, kMaxPieceBytes,
                  piece.text.size());
    }
    if (piece.text.find('\0') != std::string::npos || find_invalid_utf8(piece.text) != std::string_view::npos) {
      return fail("{}: piece {}: expected UTF-8 text without zero bytes", name, id);
    }
    if (!std::isfinite(piece.score))
      return fail("{}: piece {}: expected a finite score, found {}", name, id, piece.score);
    if (!seen.insert(piece.text).second) return fail("{}: piece {}: \"{}\" occurs twice", name, id, piece.text);
    // BPE starts from characters and looks each up among all pieces; it then cannot account for a control piece's text.
    if (piece.kind == PieceKind::control && character_length(piece.text) == piece.text.size()) {
      return fail("{}: piece {}: expected a control piece longer than one character, found \"{}\"", name, id,
                  piece.text);
    }
    if (piece.kind == PieceKind::unknown) ++unknown_pieces;
    if (piece.kind == PieceKind::normal || piece.kind == PieceKind::user_defined) ++ordinary_pieces;
    if (piece.kind == PieceKind::byte) {
      const int value = byte_of_piece(piece.text);
      if (value < 0) return fail("{}: piece {}: expected a byte piece like <0x0A>, found \"{}\"", name, id, piece.text);
      bytes_seen[static_cast<size_t>(value)] = true;
      ++byte_pieces;
    }
  }
  if (unknown_pieces != 1) return fail("{}: expected one piece of the unknown kind, found {}", name, unknown_pieces);
  if (ordinary_pieces == 0) return fail("{}: expected at least one ordinary piece, found none", name);
  if (byte_pieces != (model.byte_fallback ? 256u : 0u)) {
    return fail("{}: byte fallback is {}, so expected {} byte pieces, found {}", name,
                model.byte_fallback ? "on" : "off", model.byte_fallback ? 256 : 0, byte_pieces);
  }
  return {};
}

uint32_t word_at(std::string_view bytes, size_t index) {
  uint32_t word = 0;
  std::memcpy(&word, bytes.data() + 4 * index, 4);
  return word;
}

// The character map is [u32 trie bytes][trie: u32 units of a Darts double array][replacements, each ended by a zero
// byte]. The library walks the trie without bounds: from unit i it looks at units (i ^ offset) ^ byte, and a unit that
// has a leaf keeps in unit (i ^ offset) the position of a replacement. All of these must lie inside.
Status check_charsmap(std::string_view charsmap, const std::string& name) {
  if (charsmap.empty()) return {};
  const auto broken = [&](std::string_view what) { return fail("{}: broken normalization table: {}", name, what); };
  if (charsmap.size() > kMaxCharsmapBytes) return broken("larger than 64 MiB");
  if (charsmap.size() < 4) return broken("no length");
  const size_t trie_bytes = word_at(charsmap, 0);
  charsmap.remove_prefix(4);
  if (trie_bytes == 0 || trie_bytes % 4 != 0 || trie_bytes >= charsmap.size())
    return broken("wrong length of its trie");
  const std::string_view trie = charsmap.substr(0, trie_bytes);
  const std::string_view replacements = charsmap.substr(trie_bytes);
  if (replacements.back() != '\0') return broken("its last replacement does not end");
  if (find_invalid_utf8(replacements) != std::string_view::npos) return broken("a replacement is not UTF-8");
  const size_t units = trie_bytes / 4;
  for (size_t i = 0; i < units; ++i) {
    const uint32_t unit = word_at(trie, i);
    if ((unit >> 31) != 0) continue;  // a value, never walked through
    const size_t offset = static_cast<size_t>(unit >> 10) << ((unit & (1u << 9)) >> 6);
    const size_t next = i ^ offset;
    if ((next | 0xff) >= units) return broken("its trie leads outside");
    if ((unit & (1u << 8)) == 0) continue;
    const size_t position = word_at(trie, next) & 0x7fffffffu;
    if (position >= replacements.size() || (static_cast<unsigned char>(replacements[position]) & 0xc0) == 0x80) {
      return broken("its trie names a replacement that is not there");
    }
  }
  return {};
}

Status check_special(const std::string& text, std::string_view what, const std::string& name) {
  if (text.size() > kMaxSpecialBytes || find_invalid_utf8(text) != std::string_view::npos) {
    return fail("{}: {}: expected at most {} bytes of UTF-8", name, what, kMaxSpecialBytes);
  }
  return {};
}

Status check_model(const SentencePieceModel& model, int32_t kind, const std::string& name) {
  if (model.pieces.empty()) return fail("{}: expected a SentencePiece model, found no pieces in it", name);
  if (kind != static_cast<int32_t>(ModelKind::unigram) && kind != static_cast<int32_t>(ModelKind::bpe)) {
    return fail("{}: expected a BPE or unigram model, found kind {}; train one of those", name, kind);
  }
  MW_TRY(check_pieces(model, name));
  MW_TRY(check_charsmap(model.precompiled_charsmap, name));
  MW_TRY(check_special(model.unknown_surface, "surface of the unknown piece", name));
  MW_TRY(check_special(model.unknown_piece, "name of the unknown piece", name));
  MW_TRY(check_special(model.bos_piece, "name of the begin piece", name));
  MW_TRY(check_special(model.eos_piece, "name of the end piece", name));
  MW_TRY(check_special(model.pad_piece, "name of the padding piece", name));
  return check_special(model.normalizer_name, "name of the normalizer", name);
}

}  // namespace

int byte_of_piece(const std::string& piece) {
  if (piece.size() != 6 || piece.compare(0, 3, "<0x") != 0 || piece[5] != '>') return -1;
  int value = 0;
  for (const char digit : {piece[3], piece[4]}) {
    if (digit >= '0' && digit <= '9') {
      value = value * 16 + (digit - '0');
    } else if (digit >= 'A' && digit <= 'F') {
      value = value * 16 + (digit - 'A' + 10);
    } else {
      return -1;
    }
  }
  return value;
}

Result<SentencePieceModel> parse_sentencepiece_model(std::span<const std::byte> bytes, const std::string& name) {
  SentencePieceModel model;
  int32_t kind = static_cast<int32_t>(ModelKind::unigram);
  try {
    pbf_reader message(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    while (message.next()) {
      switch (message.tag_and_type()) {
        case text_field(1):
          if (model.pieces.size() == kMaxPieces)
            return fail("{}: expected at most {} pieces, found more", name, kMaxPieces);
          model.pieces.push_back(read_piece(message.get_message()));
          break;
        case text_field(2):
          read_trainer_spec(message.get_message(), model, kind);
          break;
        case text_field(3):
          read_normalizer_spec(message.get_message(), model);
          break;
        case text_field(5):
          if (has_charsmap(message.get_message())) {
            return fail("{}: it rewrites text after decoding (denormalizer_spec), which is not supported", name);
          }
          break;
        default:
          message.skip();
      }
    }
  } catch (const protozero::exception& error) {
    return fail("{}: expected a SentencePiece model (protobuf), found broken data: {}", name, error.what());
  }
  MW_TRY(check_model(model, kind, name));
  model.kind = static_cast<ModelKind>(kind);
  return model;
}

std::string serialize_sentencepiece_model(const SentencePieceModel& model) {
  std::string bytes;
  protozero::pbf_writer message(bytes);
  for (const Piece& piece : model.pieces) {
    protozero::pbf_writer inner(message, 1);
    inner.add_string(1, piece.text);
    inner.add_float(2, piece.score);
    inner.add_enum(3, static_cast<int32_t>(piece.kind));
  }
  {
    protozero::pbf_writer trainer(message, 2);
    trainer.add_enum(3, static_cast<int32_t>(model.kind));
    trainer.add_bool(24, model.treat_whitespace_as_suffix);
    trainer.add_bool(35, model.byte_fallback);
    trainer.add_string(44, model.unknown_surface);
    trainer.add_string(45, model.unknown_piece);
    trainer.add_string(46, model.bos_piece);
    trainer.add_string(47, model.eos_piece);
    trainer.add_string(48, model.pad_piece);
  }
  protozero::pbf_writer normalizer(message, 3);
  normalizer.add_string(1, model.normalizer_name);
  normalizer.add_bytes(2, model.precompiled_charsmap);
  normalizer.add_bool(3, model.add_dummy_prefix);
  normalizer.add_bool(4, model.remove_extra_whitespaces);
  normalizer.add_bool(5, model.escape_whitespaces);
  return bytes;
}

}  // namespace millwright::text
