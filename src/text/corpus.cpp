// Finding the files, checking and cutting them. Every file is read once, which also gives the corpus its hash.
#include "text/corpus.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/hash.h"
#include "base/log.h"
#include "text/utf8.h"

namespace millwright::text {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

struct FoundFile {
  Path path;
  bool named = false;  // by the user, or *.txt in a folder: not being text is an error
};

bool is_hidden(const Path& path) { return path.filename().string().starts_with("."); }

Status find_files_in_folder(const Path& folder, std::vector<FoundFile>& found) {
  std::vector<FoundFile> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  if (error) return system_error("open the folder", folder, error.value());
  for (; entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (is_hidden(entry->path())) {
      entry.disable_recursion_pending();
      continue;
    }
    std::error_code status_error;
    if (entry->is_regular_file(status_error)) {
      files.push_back({entry->path(), entry->path().extension() == ".txt"});
    }
  }
  if (error) return system_error("list the folder", folder, error.value());
  std::sort(files.begin(), files.end(),
            [](const FoundFile& a, const FoundFile& b) { return a.path.native() < b.path.native(); });
  found.insert(found.end(), files.begin(), files.end());
  return {};
}

Result<std::vector<FoundFile>> find_files(const std::vector<Path>& paths) {
  std::vector<FoundFile> found;
  for (const Path& path : paths) {
    if (path.empty()) return fail("expected the path of a text file or folder, found an empty one");
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (!fs::exists(status)) return system_error("open", path, error ? error.value() : ENOENT);
    if (fs::is_directory(status)) {
      MW_TRY(find_files_in_folder(path, found));
    } else {
      found.push_back({path, true});
    }
  }
  return found;
}

size_t line_of(std::string_view text, size_t offset) {
  return 1 + static_cast<size_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(offset), '\n'));
}

std::string joined(const std::vector<Path>& paths) {
  std::string names;
  for (const Path& path : paths) names += (names.empty() ? "" : ", ") + path.string();
  return names;
}

}  // namespace

// Collects files into a corpus, its hash growing with each document.
class CorpusBuilder {
 public:
  Status add_file(const FoundFile& found) {
    MW_ASSIGN(const MappedFile mapped, MappedFile::open(found.path));
    const std::string_view text = mapped.text();
    const size_t invalid = find_invalid_utf8(text);
    if (!found.named && (invalid != std::string_view::npos || text.find('\0') != std::string_view::npos)) {
      log_info("{}: left out, it is not UTF-8 text", found.path.string());
      return {};
    }
    if (invalid != std::string_view::npos) {
      return fail(
          "{}: expected UTF-8 text, found an invalid byte 0x{:02x} at offset {} (line {}); convert the file, e.g. "
          "iconv -f LATIN1 -t UTF-8",
          found.path.string(), static_cast<unsigned char>(text[invalid]), invalid, line_of(text, invalid));
    }
    corpus_.files_.push_back({found.path, text.size()});
    cut_into_documents(text);
    return {};
  }

  Result<Corpus> finish(const std::vector<Path>& paths) {
    if (corpus_.files_.empty()) return fail("{}: the corpus is empty: found no text file", joined(paths));
    if (corpus_.documents_.empty())
      return fail("{}: the corpus is empty: found no text in {} file{}", joined(paths), corpus_.files_.size(),
                  corpus_.files_.size() == 1 ? "" : "s");
    corpus_.hash_ = hasher_.digest();
    return std::move(corpus_);
  }

 private:
  void cut_into_documents(std::string_view text) {
    size_t begin = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
    for (size_t at = text.find(kDocumentSeparator); at != std::string_view::npos;
         at = text.find(kDocumentSeparator, at + 1)) {
      const size_t after = at + kDocumentSeparator.size();
      const bool starts_line = at == begin || text[at - 1] == '\n';
      const bool ends_line =
          after == text.size() || text[after] == '\n' || (text[after] == '\r' && text.substr(after, 2) == "\r\n");
      if (!starts_line || !ends_line) continue;
      add_document(text, begin, at);
      begin = after;
    }
    add_document(text, begin, text.size());
  }

  void add_document(std::string_view text, size_t begin, size_t end) {
    const auto is_line_break = [&](size_t at) { return text[at] == '\n' || text[at] == '\r'; };
    while (begin < end && is_line_break(begin)) ++begin;
    while (begin < end && is_line_break(end - 1)) --end;
    if (begin == end) return;
    corpus_.documents_.push_back({corpus_.files_.size() - 1, begin, end});
    corpus_.bytes_ += end - begin;
    hasher_.update(fmt::format("{}:", end - begin));
    hasher_.update(text.substr(begin, end - begin));
  }

  Corpus corpus_;
  Hasher hasher_;
};

Result<Corpus> open_corpus(const std::vector<Path>& paths) {
  MW_ASSIGN(const std::vector<FoundFile> files, find_files(paths));
  CorpusBuilder builder;
  for (const FoundFile& file : files) MW_TRY(builder.add_file(file));
  return builder.finish(paths);
}

Result<Corpus> open_corpus(const Path& path) { return open_corpus(std::vector<Path>{path}); }

Result<CorpusReader::Text> CorpusReader::read(const Document& document) {
  if (file_ == nullptr || file_index_ != document.file) {
    const CorpusFile& file = corpus_->files()[document.file];
    MW_ASSIGN(MappedFile mapped, MappedFile::open(file.path));
    if (mapped.size() != file.bytes) {
      return fail(ErrorKind::io,
                  "{}: changed while it was read: expected {} bytes, found {}; run again when it is complete",
                  file.path.string(), file.bytes, mapped.size());
    }
    file_ = std::make_shared<const MappedFile>(std::move(mapped));
    file_index_ = document.file;
  }
  return Text{file_, file_->text().substr(document.begin, document.size())};
}

}  // namespace millwright::text
