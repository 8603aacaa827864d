// Which files make a corpus, where documents begin and end, and what is refused.
#include "text/corpus.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/log.h"
#include "base/temporary_folder.h"

namespace millwright::text {
namespace {

std::vector<std::string> texts_of(const Corpus& corpus) {
  std::vector<std::string> texts;
  CorpusReader reader(corpus);
  for (const Document& document : corpus.documents()) {
    const auto text = reader.read(document);
    texts.push_back(text ? std::string(text->text) : text.error().message);
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(Corpus, OfOneFileIsOneDocument) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("a.txt", "\nfirst\nsecond\n\n"));
  ASSERT_TRUE(corpus.has_value());
  EXPECT_EQ(texts_of(*corpus), (Texts{"first\nsecond"}));
  EXPECT_EQ(corpus->bytes(), 12u);
  EXPECT_EQ(corpus->files().size(), 1u);
}

TEST(Corpus, IsCutAtSeparatorLinesOnly) {
  const TemporaryFolder folder;
  const auto corpus =
      open_corpus(folder.write("a.txt",
                               "<|endoftext|>\none\n<|endoftext|>\n\n<|endoftext|>\r\ntwo <|endoftext|>\n"
                               "<|endoftext|> three\n<|endoftext|>"));
  ASSERT_TRUE(corpus.has_value());
  EXPECT_EQ(texts_of(*corpus), (Texts{"one", "two <|endoftext|>\n<|endoftext|> three"}));
}

TEST(Corpus, LeavesOutAByteOrderMark) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus(folder.write("a.txt",
                                               "\xEF\xBB\xBF"
                                               "text"));
  ASSERT_TRUE(corpus.has_value());
  EXPECT_EQ(texts_of(*corpus), (Texts{"text"}));
}

TEST(Corpus, ReadsAFolderInOrderWithoutHiddenOrBinaryFiles) {
  const TemporaryFolder folder;
  folder.write("b.txt", "b");
  folder.write("a/z.txt", "az");
  folder.write("a/plain", "aplain");
  folder.write("a/data.bin", std::string("\0\1", 2));
  folder.write("a/latin", "caf\xe9");
  folder.write(".hidden.txt", "no");
  folder.write(".git/file.txt", "no");
  folder.write("empty.txt", "");
  set_log_level(LogLevel::warning);
  const auto corpus = open_corpus(folder.path());
  set_log_level(LogLevel::info);
  ASSERT_TRUE(corpus.has_value());
  EXPECT_EQ(texts_of(*corpus), (Texts{"aplain", "az", "b"}));
}

TEST(Corpus, ReadsNamedFilesInTheirOrder) {
  const TemporaryFolder folder;
  const auto corpus = open_corpus({folder.write("b", "b"), folder.write("a", "a")});
  ASSERT_TRUE(corpus.has_value());
  EXPECT_EQ(texts_of(*corpus), (Texts{"b", "a"}));
}

TEST(Corpus, HashDependsOnTextAndItsDocumentsOnly) {
  const TemporaryFolder folder;
  const auto hash = [&](const std::string& name, const std::string& content) {
    return open_corpus(folder.write(name, content))->hash();
  };
  EXPECT_EQ(hash("a", "one\n<|endoftext|>\ntwo"), hash("b", "one\n\n<|endoftext|>\ntwo\n"));
  EXPECT_NE(hash("a", "one\n<|endoftext|>\ntwo"), hash("b", "one\ntwo"));
  EXPECT_NE(hash("a", "one\n<|endoftext|>\ntwo"), hash("b", "onet\n<|endoftext|>\nwo"));
}

TEST(Corpus, NamesFileOffsetAndLineOfInvalidUtf8) {
  const TemporaryFolder folder;
  const Path path = folder.write("a.txt", "first\nsecond caf\xe9\n");
  const std::string expected =
      path.string() +
      ": expected UTF-8 text, found an invalid byte 0xe9 at offset 16 (line 2); convert the file, "
      "e.g. iconv -f LATIN1 -t UTF-8";
  EXPECT_EQ(open_corpus(path).error().message, expected);
  EXPECT_EQ(open_corpus(folder.path()).error().message, expected);
}

TEST(Corpus, RefusesToBeEmpty) {
  const TemporaryFolder folder;
  EXPECT_EQ(open_corpus(folder.path()).error().message,
            folder.path().string() + ": the corpus is empty: found no text file");
  const Path blank = folder.write("blank.txt", "\n\n<|endoftext|>\n");
  EXPECT_EQ(open_corpus(blank).error().message, blank.string() + ": the corpus is empty: found no text in 1 file");
}

TEST(Corpus, NamesAMissingFile) {
  const TemporaryFolder folder;
  EXPECT_EQ(open_corpus(folder / "absent").error().message,
            "cannot open " + (folder / "absent").string() + ": No such file or directory; check the path");
}

TEST(CorpusReader, NoticesAFileThatChanged) {
  const TemporaryFolder folder;
  const Path path = folder.write("a.txt", "some text");
  const auto corpus = open_corpus(path);
  ASSERT_TRUE(corpus.has_value());
  folder.write("a.txt", "some other text");
  EXPECT_EQ(texts_of(*corpus),
            (Texts{path.string() + ": changed while it was read: expected 9 bytes, found 15; run again "
                                   "when it is complete"}));
}

TEST(Corpus, RefusesAnEmptyPath) {
  const auto corpus = open_corpus(Path());
  ASSERT_FALSE(corpus);
  EXPECT_EQ(corpus.error().message, "expected the path of a text file or folder, found an empty one");
}

}  // namespace
}  // namespace millwright::text
