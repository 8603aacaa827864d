// Tokenizer over two SentencePiece processors of the same model: one that puts a space in front as the model says, and
// one for text that continues.
#include "text/tokenizer.h"

#include <sentencepiece_processor.h>

#include <algorithm>
#include <exception>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "text/sentencepiece_model.h"

namespace millwright::text {

namespace {

constexpr size_t kMaxModelBytes = size_t{256} << 20;

// Encoding takes longer than linear time in the length of its input; whole lines are grouped up to this size.
constexpr size_t kSegmentBytes = 2048;

// Lines are independent when nothing the library does looks across a newline: no rewriting, no trimming, no piece with
// a newline in it, and each unknown character becomes its own bytes.
bool has_independent_lines(const SentencePieceModel& model) {
  if (!model.precompiled_charsmap.empty() || model.remove_extra_whitespaces || !model.byte_fallback ||
      model.treat_whitespace_as_suffix) {
    return false;
  }
  return std::none_of(model.pieces.begin(), model.pieces.end(),
                      [](const Piece& piece) { return piece.text.find('\n') != std::string::npos; });
}

Status load_processor(sentencepiece::SentencePieceProcessor& processor, const SentencePieceModel& model,
                      const std::string& name) {
  try {
    const auto status = processor.LoadFromSerializedProto(serialize_sentencepiece_model(model));
    if (!status.ok()) return fail("{}: SentencePiece refuses the model: {}", name, status.message());
  } catch (const std::exception& error) {
    return fail("{}: SentencePiece refuses the model: {}", name, error.what());
  }
  return {};
}

void append_encoded(const sentencepiece::SentencePieceProcessor& processor, std::string_view text,
                    std::vector<int32_t>& ids) {
  std::vector<int> encoded;
  const auto status = processor.Encode(text, &encoded);
  MW_CHECK(status.ok(), "SentencePiece cannot encode {} bytes: {}", text.size(), status.message());
  ids.insert(ids.end(), encoded.begin(), encoded.end());
}

}  // namespace

struct Tokenizer::State {
  std::string bytes;
  std::string hash;
  SentencePieceModel model;
  std::vector<int> byte_values;  // per id
  bool lines_are_independent = false;
  sentencepiece::SentencePieceProcessor from_start;
  sentencepiece::SentencePieceProcessor continuing;

  void append_lines(std::string_view text, bool at_start, std::vector<int32_t>& ids) const {
    while (!text.empty()) {
      size_t length = text.size();
      if (lines_are_independent && length > kSegmentBytes) {
        size_t newline = text.rfind('\n', kSegmentBytes);
        if (newline == std::string_view::npos) newline = text.find('\n', kSegmentBytes);
        if (newline != std::string_view::npos) length = newline + 1;
      }
      append_encoded(at_start ? from_start : continuing, text.substr(0, length), ids);
      text.remove_prefix(length);
      at_start = false;
    }
  }
};

Tokenizer::Tokenizer(std::unique_ptr<State> state) : state_(std::move(state)) {}
Tokenizer::Tokenizer(Tokenizer&&) noexcept = default;
Tokenizer& Tokenizer::operator=(Tokenizer&&) noexcept = default;
Tokenizer::~Tokenizer() = default;

Result<Tokenizer> Tokenizer::load(const Path& path) {
  MW_ASSIGN(const std::string bytes, read_text_file(path, kMaxModelBytes));
  return from_bytes(as_bytes(bytes), path.string());
}

Result<Tokenizer> Tokenizer::from_bytes(std::span<const std::byte> bytes, const std::string& name) {
  auto state = std::make_unique<State>();
  MW_ASSIGN(state->model, parse_sentencepiece_model(bytes, name));
  state->bytes.assign(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  state->hash = hash_bytes(bytes);
  state->lines_are_independent = has_independent_lines(state->model);
  for (const Piece& piece : state->model.pieces) {
    state->byte_values.push_back(piece.kind == PieceKind::byte ? byte_of_piece(piece.text) : -1);
  }
  MW_TRY(load_processor(state->from_start, state->model, name));
  SentencePieceModel continuing = state->model;
  continuing.add_dummy_prefix = false;
  MW_TRY(load_processor(state->continuing, continuing, name));
  return Tokenizer(std::move(state));
}

int Tokenizer::vocabulary_size() const { return static_cast<int>(state_->model.pieces.size()); }
int Tokenizer::bos() const { return state_->from_start.bos_id(); }
int Tokenizer::eos() const { return state_->from_start.eos_id(); }
int Tokenizer::unknown() const { return state_->from_start.unk_id(); }

std::vector<int32_t> Tokenizer::encode(std::string_view text) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3);
  state_->append_lines(text, true, ids);
  return ids;
}

std::vector<int32_t> Tokenizer::encode_continuation(std::string_view text) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 3);
  state_->append_lines(text, false, ids);
  return ids;
}

bool Tokenizer::lines_are_independent() const { return state_->lines_are_independent; }

std::string Tokenizer::decode(std::span<const int32_t> ids) const {
  StreamDecoder decoder(*this);
  std::string text;
  for (const int32_t id : ids) text += decoder.push(id);
  return text + decoder.finish();
}

const std::string& Tokenizer::piece(int id) const {
  MW_CHECK(id >= 0 && id < vocabulary_size(), "id {} of {}", id, vocabulary_size());
  return state_->model.pieces[static_cast<size_t>(id)].text;
}

bool Tokenizer::is_control(int id) const {
  return id >= 0 && id < vocabulary_size() && state_->model.pieces[static_cast<size_t>(id)].kind == PieceKind::control;
}

int Tokenizer::byte_value(int id) const {
  return id >= 0 && id < vocabulary_size() ? state_->byte_values[static_cast<size_t>(id)] : -1;
}

bool Tokenizer::strips_leading_space() const {
  return state_->model.add_dummy_prefix || state_->model.remove_extra_whitespaces;
}
bool Tokenizer::strips_every_leading_space() const { return state_->model.remove_extra_whitespaces; }
const std::string& Tokenizer::unknown_surface() const { return state_->model.unknown_surface; }

Status Tokenizer::save(const Path& path) const { return write_file_atomically(path, state_->bytes); }
const std::string& Tokenizer::hash() const { return state_->hash; }

}  // namespace millwright::text
