// Corpus: the text files that a user names, checked to be UTF-8 and cut into documents. Holds no text itself; files are
// mapped when they are read.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/files.h"
#include "base/result.h"

namespace millwright::text {

// A line with nothing else on it ends a document. In a file without such a line the whole file is one document.
inline constexpr std::string_view kDocumentSeparator = "<|endoftext|>";

struct CorpusFile {
  Path path;
  size_t bytes = 0;
};

// A span of one file. Line breaks at both ends are not part of a document, and no document is empty.
struct Document {
  size_t file = 0;  // index into Corpus::files()
  size_t begin = 0;
  size_t end = 0;
  size_t size() const { return end - begin; }
};

class Corpus {
 public:
  const std::vector<CorpusFile>& files() const { return files_; }
  const std::vector<Document>& documents() const { return documents_; }
  size_t bytes() const { return bytes_; }            // of all documents
  const std::string& hash() const { return hash_; }  // of all documents and where they end

 private:
  friend class CorpusBuilder;
  std::vector<CorpusFile> files_;
  std::vector<Document> documents_;
  size_t bytes_ = 0;
  std::string hash_;
};

// Files are read as they are named. A folder is read recursively in the order of its paths' bytes: every regular file
// that is text; hidden files and folders, and files other than *.txt that are not UTF-8 text, are left out.
Result<Corpus> open_corpus(const std::vector<Path>& paths);
Result<Corpus> open_corpus(const Path& path);

// Reads documents, keeping the file of the last one mapped. One reader per thread.
class CorpusReader {
 public:
  explicit CorpusReader(const Corpus& corpus) : corpus_(&corpus) {}

  // The text stays valid as long as the returned object lives.
  struct Text {
    std::shared_ptr<const MappedFile> file;
    std::string_view text;
  };
  Result<Text> read(const Document& document);

 private:
  const Corpus* corpus_;
  std::shared_ptr<const MappedFile> file_;
  size_t file_index_ = 0;
};

}  // namespace millwright::text
