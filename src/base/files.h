// Files: reading whole text files, mapping files, and writing so that nothing is ever half-written (temporary name in
// the same folder, sync, rename, sync of the folder). Every error names the operation, the path and what to do.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace millwright {

using Path = std::filesystem::path;

inline std::span<const std::byte> as_bytes(std::string_view text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// The whole file; an error when it is longer than max_bytes or not a regular file.
Result<std::string> read_text_file(const Path& path, size_t max_bytes);

// Writes under a temporary name, then renames. After a failure or a crash the old file is still there, whole.
Status write_file_atomically(const Path& path, std::span<const std::byte> bytes);
Status write_file_atomically(const Path& path, std::string_view text);

// Makes renames and new names in this folder durable.
Status sync_directory(const Path& directory);

// Syncs the files directly inside `temporary` and the folder itself, renames it to `final_name` (which must not exist),
// then syncs the parent.
Status rename_directory_atomically(const Path& temporary, const Path& final_name);

// Creates the folder and its missing parents.
Status make_directories(const Path& directory);

// An io error for the operation just failed, from errno: "cannot <operation> <path>: <strerror>; <what to do>".
tl::unexpected<Error> system_error(std::string_view operation, const Path& path, int error_number);

// A file written piece by piece. Without a commit the destructor removes the temporary file.
class AtomicFile {
 public:
  static Result<AtomicFile> open(const Path& path);
  AtomicFile(AtomicFile&& other) noexcept;
  AtomicFile& operator=(AtomicFile&& other) noexcept;
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;
  ~AtomicFile();

  Status write(std::span<const std::byte> bytes);
  Status write(std::string_view text) { return write(as_bytes(text)); }
  // Overwrites bytes already written, e.g. a header that holds a checksum.
  Status write_at(size_t offset, std::span<const std::byte> bytes);
  // Syncs, renames to the final name and syncs the folder. The file takes no more bytes.
  Status commit();
  size_t size() const { return size_; }  // bytes written so far

 private:
  AtomicFile() = default;
  void abandon();

  int descriptor_ = -1;
  Path path_;
  Path temporary_;
  size_t size_ = 0;
};

// A whole file mapped for reading. If another process truncates the file meanwhile, touching the lost pages kills the
// process with SIGBUS: map only files that nobody rewrites in place (everything Millwright writes is replaced by
// rename).
class MappedFile {
 public:
  static Result<MappedFile> open(const Path& path);
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {static_cast<const std::byte*>(address_), size_}; }
  std::string_view text() const { return {static_cast<const char*>(address_), size_}; }
  size_t size() const { return size_; }

 private:
  MappedFile() = default;
  void release();

  void* address_ = nullptr;
  size_t size_ = 0;
};

}  // namespace millwright
