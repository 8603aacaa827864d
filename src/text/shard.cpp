// Layout of the header, in bytes (all integers little-endian):
//   0 magic "MWSHARD1"   8 version u32   12 bytes per token u32   16 tokens u64   24 vocabulary size u32   28 zero
//   32 tokenizer hash    48 corpus hash  64 XXH3-128 of the tokens   80 XXH3-128 of bytes 0 to 79   96 zero to 127
#include "text/shard.h"

#include <array>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace millwright::text {

namespace {

static_assert(std::endian::native == std::endian::little, "shards are mapped as they lie in the file");

constexpr char kMagic[] = "MWSHARD1";
constexpr uint32_t kVersion = 1;
constexpr size_t kHashedHeaderBytes = 80;

using Header = std::array<std::byte, kShardHeaderBytes>;

size_t width_of(int vocabulary_size) { return vocabulary_size <= 65536 ? 2 : 4; }

template <class T>
void put(Header& header, size_t offset, T value) {
  std::memcpy(header.data() + offset, &value, sizeof value);
}

template <class T>
T get(std::span<const std::byte> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

int digit_value(char digit) { return digit <= '9' ? digit - '0' : digit - 'a' + 10; }

void put_hash(Header& header, size_t offset, const std::string& digits) {
  MW_CHECK(digits.size() == 32, "hash {}", digits);
  for (size_t i = 0; i < 16; ++i) {
    header[offset + i] = static_cast<std::byte>(digit_value(digits[2 * i]) * 16 + digit_value(digits[2 * i + 1]));
  }
}

std::string get_hash(std::span<const std::byte> bytes, size_t offset) {
  std::string digits;
  for (size_t i = 0; i < 16; ++i) digits += fmt::format("{:02x}", static_cast<unsigned>(bytes[offset + i]));
  return digits;
}

Header make_header(const ShardIdentity& identity, size_t count, const std::string& token_hash) {
  Header header{};
  std::memcpy(header.data(), kMagic, 8);
  put<uint32_t>(header, 8, kVersion);
  put<uint32_t>(header, 12, static_cast<uint32_t>(width_of(identity.vocabulary_size)));
  put<uint64_t>(header, 16, count);
  put<uint32_t>(header, 24, static_cast<uint32_t>(identity.vocabulary_size));
  put_hash(header, 32, identity.tokenizer_hash);
  put_hash(header, 48, identity.corpus_hash);
  put_hash(header, 64, token_hash);
  put_hash(header, 80, hash_bytes(std::span<const std::byte>(header).first(kHashedHeaderBytes)));
  return header;
}

}  // namespace

Result<Shard> Shard::open(const Path& path) {
  const std::string name = path.string();
  MW_ASSIGN(MappedFile file, MappedFile::open(path));
  const std::span<const std::byte> bytes = file.bytes();
  if (bytes.size() < kShardHeaderBytes) {
    return fail("{}: truncated: expected a shard header of {} bytes, found {}", name, kShardHeaderBytes, bytes.size());
  }
  if (std::memcmp(bytes.data(), kMagic, 8) != 0)
    return fail("{}: not a shard: it does not begin with {}", name, kMagic);
  if (const auto version = get<uint32_t>(bytes, 8); version != kVersion) {
    return fail("{}: expected shard version {}, found {}; tokenize the corpus again", name, kVersion, version);
  }
  if (get_hash(bytes, 80) != hash_bytes(bytes.first(kHashedHeaderBytes))) {
    return fail("{}: damaged: the header does not match its checksum; tokenize the corpus again", name);
  }
  const auto vocabulary = get<uint32_t>(bytes, 24);
  if (vocabulary == 0 || vocabulary > static_cast<uint32_t>(kMaxVocabularySize)) {
    return fail("{}: expected a vocabulary of 1 to {}, found {}", name, kMaxVocabularySize, vocabulary);
  }
  const size_t width = get<uint32_t>(bytes, 12);
  if (width != width_of(static_cast<int>(vocabulary))) {
    return fail("{}: expected {} bytes per token, found {}", name, width_of(static_cast<int>(vocabulary)), width);
  }
  const auto count = get<uint64_t>(bytes, 16);
  const std::span<const std::byte> tokens = bytes.subspan(kShardHeaderBytes);
  if (tokens.size() % width != 0 || tokens.size() / width != count) {
    return fail("{}: truncated or extended: expected {} tokens of {} bytes, found {} bytes", name, count, width,
                tokens.size());
  }
  if (get_hash(bytes, 64) != hash_bytes(tokens)) {
    return fail("{}: damaged: the tokens do not match their checksum; tokenize the corpus again", name);
  }
  ShardIdentity identity{static_cast<int>(vocabulary), get_hash(bytes, 32), get_hash(bytes, 48)};
  Shard shard(std::move(file), std::move(identity), count, width);
  if (!shard.ids_are_below_vocabulary()) {
    return fail("{}: damaged: a token id is not below the vocabulary size {}", name, vocabulary);
  }
  return shard;
}

bool Shard::ids_are_below_vocabulary() const {
  std::array<int32_t, 4096> part;
  int64_t largest = -1;
  for (size_t begin = 0; begin < count_; begin += part.size()) {
    const auto ids = std::span(part).first(std::min(part.size(), count_ - begin));
    copy(begin, ids);
    // A 4-byte id with its top bit set reads as negative; as unsigned it is too large, too.
    for (const int32_t id : ids) largest = std::max<int64_t>(largest, static_cast<uint32_t>(id));
  }
  return largest < identity_.vocabulary_size;
}

void Shard::copy(size_t begin, std::span<int32_t> tokens) const {
  MW_CHECK(begin <= count_ && tokens.size() <= count_ - begin, "{} + {} of {} tokens", begin, tokens.size(), count_);
  const std::byte* const from = file_.bytes().data() + kShardHeaderBytes + begin * width_;
  if (width_ == 4) {
    if (!tokens.empty()) std::memcpy(tokens.data(), from, 4 * tokens.size());
    return;
  }
  // The header is 128 bytes long and mappings begin on a page, so 2-byte ids are aligned.
  const auto* const narrow = reinterpret_cast<const uint16_t*>(from);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = narrow[i];
}

Result<ShardWriter> ShardWriter::create(const Path& path, const ShardIdentity& identity) {
  MW_CHECK(identity.vocabulary_size > 0 && identity.vocabulary_size <= kMaxVocabularySize, "vocabulary {}",
           identity.vocabulary_size);
  MW_ASSIGN(AtomicFile file, AtomicFile::open(path));
  MW_TRY(file.write(Header{}));  // its place; the checksum comes last
  return ShardWriter(std::move(file), identity);
}

Status ShardWriter::append(std::span<const int32_t> tokens) {
  for (const int32_t id : tokens) {
    MW_CHECK(id >= 0 && id < identity_.vocabulary_size, "token {} of vocabulary {}", id, identity_.vocabulary_size);
  }
  std::span<const std::byte> bytes = std::as_bytes(tokens);
  if (width_of(identity_.vocabulary_size) == 2) {
    narrow_.assign(tokens.begin(), tokens.end());
    bytes = std::as_bytes(std::span(narrow_));
  }
  MW_TRY(file_.write(bytes));
  hasher_.update(bytes);
  count_ += tokens.size();
  return {};
}

Status ShardWriter::finish() {
  MW_TRY(file_.write_at(0, make_header(identity_, count_, hasher_.digest())));
  return file_.commit();
}

}  // namespace millwright::text
