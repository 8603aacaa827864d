// Reading, mapping and atomic writing, with the failures a user can cause: missing, wrong kind, too large, disk full.
#include "base/files.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>

#include "base/temporary_folder.h"

namespace millwright {
namespace {

// Lets no file grow beyond a few bytes, which fails like a full disk but needs no full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    before_handler_ = std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    rlimit limited = before_;
    limited.rlim_cur = bytes;
    setrlimit(RLIMIT_FSIZE, &limited);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, before_handler_);
  }

 private:
  rlimit before_{};
  void (*before_handler_)(int) = nullptr;
};

size_t entries_of(const Path& folder) {
  return static_cast<size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

TEST(ReadTextFile, GivesTheBytesOfTheFile) {
  const TemporaryFolder folder;
  const std::string content("one\ntwo\0three\xff", 14);
  EXPECT_EQ(read_text_file(folder.write("text", content), 100), content);
  EXPECT_EQ(read_text_file(folder.write("empty", ""), 0), "");
}

TEST(ReadTextFile, RefusesMoreThanTheLimit) {
  const TemporaryFolder folder;
  const Path path = folder.write("text", "12345");
  EXPECT_TRUE(read_text_file(path, 5).has_value());
  EXPECT_EQ(read_text_file(path, 4).error().message,
            "cannot read " + path.string() + ": expected at most 4 bytes, found 5");
}

TEST(ReadTextFile, NamesAMissingFile) {
  const TemporaryFolder folder;
  const auto result = read_text_file(folder / "absent", 10);
  EXPECT_EQ(result.error().message,
            "cannot open " + (folder / "absent").string() + ": No such file or directory; check the path");
  EXPECT_EQ(result.error().kind, ErrorKind::io);
}

TEST(ReadTextFile, RefusesAFolderAndAFifoWithoutHanging) {
  const TemporaryFolder folder;
  EXPECT_EQ(read_text_file(folder.path(), 10).error().message,
            "cannot read " + folder.path().string() + ": expected a regular file, found a folder");
  const Path fifo = folder / "fifo";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const std::string expected =
      "cannot read " + fifo.string() + ": expected a regular file, found a device, pipe or socket";
  EXPECT_EQ(read_text_file(fifo, 10).error().message, expected);
  EXPECT_EQ(MappedFile::open(fifo).error().message, expected);
}

TEST(MappedFile, ShowsTheBytesAndSurvivesMoves) {
  const TemporaryFolder folder;
  auto mapped = MappedFile::open(folder.write("data", "abc"));
  ASSERT_TRUE(mapped.has_value());
  MappedFile moved = std::move(*mapped);
  EXPECT_EQ(moved.text(), "abc");
  EXPECT_EQ(moved.bytes().size(), 3u);
  EXPECT_EQ(mapped->size(), 0u);
}

TEST(MappedFile, OfAnEmptyFileIsEmpty) {
  const TemporaryFolder folder;
  const auto mapped = MappedFile::open(folder.write("data", ""));
  ASSERT_TRUE(mapped.has_value());
  EXPECT_TRUE(mapped->bytes().empty());
}

TEST(WriteFileAtomically, ReplacesTheFileAndLeavesNothingElse) {
  const TemporaryFolder folder;
  const Path path = folder.write("file", "old");
  ASSERT_TRUE(write_file_atomically(path, "new content").has_value());
  EXPECT_EQ(read_whole_file(path), "new content");
  EXPECT_EQ(entries_of(folder.path()), 1u);
}

TEST(WriteFileAtomically, NamesAMissingFolder) {
  const TemporaryFolder folder;
  const Path path = folder / "absent/file";
  EXPECT_EQ(write_file_atomically(path, "x").error().message,
            "cannot write " + path.string() + ": No such file or directory; check the path");
}

TEST(WriteFileAtomically, RefusesToReplaceAFolder) {
  const TemporaryFolder folder;
  EXPECT_EQ(write_file_atomically(folder.path(), "x").error().message,
            "cannot write " + folder.path().string() + ": Is a directory");
}

TEST(WriteFileAtomically, NeverTakesThePlaceOfAPipeOrDevice) {
  const TemporaryFolder folder;
  const Path pipe = folder / "pipe";
  ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
  std::filesystem::create_symlink(pipe, folder / "link");
  for (const Path& path : {pipe, folder / "link"}) {
    const Status status = write_file_atomically(path, "text");
    ASSERT_FALSE(status.has_value());
    EXPECT_EQ(status.error().message,
              "cannot write " + path.string() + ": expected a regular file, found a device, pipe or socket");
  }
  EXPECT_TRUE(std::filesystem::is_fifo(pipe));
  EXPECT_EQ(entries_of(folder.path()), 2u);
}

TEST(WriteFileAtomically, WritesThroughALink) {
  const TemporaryFolder folder;
  const Path file = folder.write("file", "old");
  std::filesystem::create_symlink("file", folder / "link");
  ASSERT_TRUE(write_file_atomically(folder / "link", "new").has_value());
  EXPECT_TRUE(std::filesystem::is_symlink(folder / "link"));
  EXPECT_EQ(read_text_file(file, 10), "new");
}

TEST(WriteFileAtomically, KeepsTheOldFileWhenTheNewOneDoesNotFit) {
  const TemporaryFolder folder;
  const Path path = folder.write("file", "old");
  Status status;
  {
    const FileSizeLimit limit(1000);
    status = write_file_atomically(path, std::string(2000, 'x'));
  }
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().message,
            "cannot write " + path.string() + ": File too large; raise the file size limit (ulimit -f) and run again");
  EXPECT_EQ(read_whole_file(path), "old");
  EXPECT_EQ(entries_of(folder.path()), 1u);
}

TEST(SystemError, SaysToFreeSpaceWhenTheDiskIsFull) {
  const Error error = system_error("write", "runs/a/model", ENOSPC).value();
  EXPECT_EQ(error.message, "cannot write runs/a/model: No space left on device; free space and run again");
  EXPECT_EQ(error.kind, ErrorKind::io);
}

TEST(AtomicFile, WithoutCommitLeavesTheOldFile) {
  const TemporaryFolder folder;
  const Path path = folder.write("file", "old");
  {
    auto file = AtomicFile::open(path);
    ASSERT_TRUE(file.has_value());
    ASSERT_TRUE(file->write("half a new").has_value());
    EXPECT_EQ(entries_of(folder.path()), 2u);
  }
  EXPECT_EQ(read_whole_file(path), "old");
  EXPECT_EQ(entries_of(folder.path()), 1u);
}

TEST(AtomicFile, WritesPiecesAndOverwritesTheBeginning) {
  const TemporaryFolder folder;
  auto file = AtomicFile::open(folder / "file");
  ASSERT_TRUE(file.has_value());
  AtomicFile moved = std::move(*file);
  ASSERT_TRUE(moved.write("????").has_value());
  ASSERT_TRUE(moved.write("body").has_value());
  EXPECT_EQ(moved.size(), 8u);
  ASSERT_TRUE(moved.write_at(0, as_bytes("head")).has_value());
  ASSERT_TRUE(moved.commit().has_value());
  EXPECT_EQ(read_whole_file(folder / "file"), "headbody");
}

TEST(AtomicFile, TwoWritersOfOneFileDoNotMix) {
  const TemporaryFolder folder;
  auto first = AtomicFile::open(folder / "file");
  auto second = AtomicFile::open(folder / "file");
  ASSERT_TRUE(first.has_value() && second.has_value());
  ASSERT_TRUE(first->write("first").has_value() && second->write("second").has_value());
  ASSERT_TRUE(first->commit().has_value() && second->commit().has_value());
  EXPECT_EQ(read_whole_file(folder / "file"), "second");
  EXPECT_EQ(entries_of(folder.path()), 1u);
}

TEST(RenameDirectoryAtomically, GivesAFinishedFolderItsName) {
  const TemporaryFolder folder;
  folder.write("temporary/a", "1");
  folder.write("temporary/b", "2");
  ASSERT_TRUE(rename_directory_atomically(folder / "temporary", folder / "final").has_value());
  EXPECT_EQ(read_whole_file(folder / "final/b"), "2");
  EXPECT_FALSE(std::filesystem::exists(folder / "temporary"));
}

TEST(RenameDirectoryAtomically, RefusesToReplaceAFolder) {
  const TemporaryFolder folder;
  folder.write("temporary/a", "1");
  folder.write("final/a", "kept");
  EXPECT_EQ(rename_directory_atomically(folder / "temporary", folder / "final").error().message,
            "cannot rename a finished folder to " + (folder / "final").string() + ": File exists");
  EXPECT_EQ(read_whole_file(folder / "final/a"), "kept");
}

TEST(RenameDirectoryAtomically, NamesAMissingFolder) {
  const TemporaryFolder folder;
  EXPECT_EQ(rename_directory_atomically(folder / "absent", folder / "final").error().message,
            "cannot open the folder " + (folder / "absent").string() + ": No such file or directory; check the path");
}

TEST(MakeDirectories, MakesParentsAndAcceptsWhatIsThere) {
  const TemporaryFolder folder;
  EXPECT_TRUE(make_directories(folder / "a/b/c").has_value());
  EXPECT_TRUE(make_directories(folder / "a/b/c").has_value());
  folder.write("file", "");
  EXPECT_FALSE(make_directories(folder / "file").has_value());
  EXPECT_FALSE(make_directories(folder / "file/below").has_value());
}

}  // namespace
}  // namespace millwright
