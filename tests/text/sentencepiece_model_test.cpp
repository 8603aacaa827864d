// What a model file may not say, one test per message, and damaged bytes of a good one.
#include "text/sentencepiece_model.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <limits>

#include "base/files.h"
#include "text/test_tokenizer.h"

namespace millwright::text {
namespace {

// The smallest model with byte fallback: unknown, two controls, 256 bytes, one ordinary piece.
SentencePieceModel small_model() {
  SentencePieceModel model;
  model.kind = ModelKind::bpe;
  model.byte_fallback = true;
  model.remove_extra_whitespaces = false;
  model.pieces = {{"<unk>", 0, PieceKind::unknown}, {"<s>", 0, PieceKind::control}, {"</s>", 0, PieceKind::control}};
  for (int byte = 0; byte < 256; ++byte) model.pieces.push_back({fmt::format("<0x{:02X}>", byte), 0, PieceKind::byte});
  model.pieces.push_back({"a", -1, PieceKind::normal});
  return model;
}

std::string error_after(const std::function<void(SentencePieceModel&)>& change) {
  SentencePieceModel model = small_model();
  change(model);
  const auto parsed = parse_sentencepiece_model(as_bytes(serialize_sentencepiece_model(model)), "m");
  return parsed ? "no error" : parsed.error().message;
}

// Two units of a trie would do, but lookups need blocks of 256: all of them unused.
std::string charsmap(const std::function<void(std::vector<uint32_t>&)>& change, std::string replacements) {
  std::vector<uint32_t> units(256, 0);
  change(units);
  const auto trie_bytes = static_cast<uint32_t>(4 * units.size());
  std::string table(4 + trie_bytes, '\0');
  std::memcpy(table.data(), &trie_bytes, 4);
  std::memcpy(table.data() + 4, units.data(), trie_bytes);
  return table + replacements;
}

TEST(SentencePieceModel, SurvivesSerializing) {
  SentencePieceModel model = small_model();
  model.unknown_surface = "?";
  model.add_dummy_prefix = false;
  model.normalizer_name = "identity";
  const auto parsed = parse_sentencepiece_model(as_bytes(serialize_sentencepiece_model(model)), "m");
  ASSERT_TRUE(parsed.has_value()) << parsed.error().message;
  EXPECT_EQ(parsed->pieces.size(), model.pieces.size());
  EXPECT_EQ(parsed->pieces.back().text, "a");
  EXPECT_EQ(parsed->pieces.back().score, -1);
  EXPECT_EQ(parsed->kind, ModelKind::bpe);
  EXPECT_TRUE(parsed->byte_fallback);
  EXPECT_FALSE(parsed->add_dummy_prefix);
  EXPECT_EQ(parsed->unknown_surface, "?");
  EXPECT_EQ(serialize_sentencepiece_model(*parsed), serialize_sentencepiece_model(model));
}

TEST(SentencePieceModel, RefusesBrokenPieces) {
  EXPECT_EQ(error_after([](auto&) {}), "no error");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.back().text = ""; }),
            "m: piece 259: expected 1 to 4096 bytes of text, found 0");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.back().text = std::string(5000, 'x'); }),
            "m: piece 259: expected 1 to 4096 bytes of text, found 5000");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.back().text = std::string("a\0b", 3); }),
            "m: piece 259: expected UTF-8 text without zero bytes");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.back().text = "\xff"; }),
            "m: piece 259: expected UTF-8 text without zero bytes");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.back().score = std::numeric_limits<float>::infinity(); }),
            "m: piece 259: expected a finite score, found inf");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.push_back(m.pieces.back()); }), "m: piece 260: \"a\" occurs twice");
  EXPECT_EQ(error_after([](auto& m) { m.pieces[1].text = "s"; }),
            "m: piece 1: expected a control piece longer than one character, found \"s\"");
  EXPECT_EQ(error_after([](auto& m) { m.pieces[3].text = "<0xZZ>"; }),
            "m: piece 3: expected a byte piece like <0x0A>, found \"<0xZZ>\"");
}

TEST(SentencePieceModel, RefusesSetsOfPiecesThatCannotWork) {
  EXPECT_EQ(error_after([](auto& m) { m.pieces[0].kind = PieceKind::normal; }),
            "m: expected one piece of the unknown kind, found 0");
  EXPECT_EQ(error_after([](auto& m) { m.pieces[1].kind = PieceKind::unknown; }),
            "m: expected one piece of the unknown kind, found 2");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.pop_back(); }), "m: expected at least one ordinary piece, found none");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.erase(m.pieces.begin() + 10); }),
            "m: byte fallback is on, so expected 256 byte pieces, found 255");
  EXPECT_EQ(error_after([](auto& m) { m.byte_fallback = false; }),
            "m: byte fallback is off, so expected 0 byte pieces, found 256");
  EXPECT_EQ(error_after([](auto& m) { m.pieces.clear(); }), "m: expected a SentencePiece model, found no pieces in it");
  EXPECT_EQ(error_after([](auto& m) { m.kind = ModelKind::word; }),
            "m: expected a BPE or unigram model, found kind 3; train one of those");
  EXPECT_EQ(error_after([](auto& m) { m.bos_piece = std::string(300, 'x'); }),
            "m: name of the begin piece: expected at most 256 bytes of UTF-8");
}

TEST(SentencePieceModel, RefusesNormalizationTablesThatLeadOutside) {
  const auto error = [](const std::string& table) {
    return error_after([&](auto& m) { m.precompiled_charsmap = table; });
  };
  const auto unchanged = [](auto&) {};
  EXPECT_EQ(error(charsmap(unchanged, std::string(1, '\0'))), "no error");
  EXPECT_EQ(error("abc"), "m: broken normalization table: no length");
  EXPECT_EQ(error(charsmap(unchanged, "")), "m: broken normalization table: wrong length of its trie");
  EXPECT_EQ(error(charsmap(unchanged, "x")), "m: broken normalization table: its last replacement does not end");
  EXPECT_EQ(error(charsmap(unchanged, std::string("\xff\0", 2))),
            "m: broken normalization table: a replacement is not UTF-8");
  EXPECT_EQ(error(charsmap([](auto& units) { units[5] = 256u << 10; }, std::string(1, '\0'))),
            "m: broken normalization table: its trie leads outside");
  EXPECT_EQ(error(charsmap([](auto& units) { units.pop_back(); }, std::string(1, '\0'))),
            "m: broken normalization table: its trie leads outside");
  // Unit 0 has a leaf in unit 1, which names position 7 of a replacement text of 2 bytes.
  const auto leaf = [](auto& units) {
    units[0] = 1u << 10 | 1u << 8;
    units[1] = 0x80000000u | 7;
  };
  EXPECT_EQ(error(charsmap(leaf, std::string("a\0", 2))),
            "m: broken normalization table: its trie names a replacement that is not there");
  EXPECT_EQ(error(charsmap(leaf, std::string("abcdefgh\0", 9))), "no error");
  EXPECT_EQ(error(charsmap(leaf, std::string("abcdef\xC3\xA9\0", 9))),
            "m: broken normalization table: its trie names a replacement that is not there");
}

TEST(SentencePieceModel, RefusesWhatIsNoProtobuf) {
  const auto parsed = parse_sentencepiece_model(as_bytes("\x0a\xff\xff\xff\xff\x0f"), "m");
  ASSERT_FALSE(parsed.has_value());
  EXPECT_EQ(parsed.error().message,
            "m: expected a SentencePiece model (protobuf), found broken data: end of buffer exception");
}

TEST(SentencePieceModel, RefusesAMessageThatEndsBeforeItsNumber) {
  // A normalizer_spec of one byte: the tag of add_dummy_prefix without a value.
  EXPECT_EQ(parse_sentencepiece_model(as_bytes("\x1a\x01\x18"), "m").error().message,
            "m: expected a SentencePiece model (protobuf), found broken data: end of buffer exception");
}

TEST(SentencePieceModel, TruncatedOrDamagedModelsNeverCrash) {
  const std::string bytes = bytes_of(small_tokenizer());
  RandomStream random(8);
  for (int round = 0; round < 400; ++round) {
    std::string damaged = bytes.substr(0, round % 4 == 0 ? random.below(bytes.size()) : bytes.size());
    for (uint64_t flips = random.below(6); flips > 0 && !damaged.empty(); --flips) {
      damaged[random.below(damaged.size())] = static_cast<char>(random.below(256));
    }
    const auto tokenizer = Tokenizer::from_bytes(as_bytes(damaged), "m");
    if (tokenizer) {
      tokenizer->decode(tokenizer->encode("the little girl caf\xC3\xA9\n"));
    } else {
      EXPECT_EQ(tokenizer.error().message.find('\n'), std::string::npos);
    }
  }
}

}  // namespace
}  // namespace millwright::text
