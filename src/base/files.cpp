// POSIX calls behind files.h. Signals may interrupt any of them, so every call is repeated on EINTR.
#include "base/files.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/check.h"

namespace millwright {

namespace {

// Owns a descriptor for the length of one function.
class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }
  int get() const { return value_; }

 private:
  int value_;
};

int open_retrying(const Path& path, int flags, mode_t mode = 0) {
  int descriptor = -1;
  do {
    descriptor = ::open(path.c_str(), flags | O_CLOEXEC, mode);
  } while (descriptor < 0 && errno == EINTR);
  return descriptor;
}

// fsync, but on macOS down to the disk itself.
int sync_descriptor(int descriptor) {
#if defined(__APPLE__)
  if (fcntl(descriptor, F_FULLFSYNC) == 0) return 0;  // not every file system has it
#endif
  int outcome = 0;
  do {
    outcome = fsync(descriptor);
  } while (outcome != 0 && errno == EINTR);
  return outcome;
}

std::string_view advice(int error_number) {
  switch (error_number) {
    case ENOSPC:
    case EDQUOT:
      return "; free space and run again";
    case EFBIG:
      return "; raise the file size limit (ulimit -f) and run again";
    case EACCES:
    case EPERM:
      return "; check the permissions of the file and its folders";
    case ENOENT:
    case ENOTDIR:
      return "; check the path";
    case EROFS:
      return "; choose a folder that can be written";
    case EMFILE:
    case ENFILE:
      return "; raise the limit of open files (ulimit -n)";
    case EIO:
      return "; the disk may be damaged";
    default:
      return "";
  }
}

// Opens a regular file for reading and gives its size. Non-blocking, so that a fifo is an error and not a hang.
Result<int> open_regular_file(const Path& path, size_t& size) {
  const int descriptor = open_retrying(path, O_RDONLY | O_NONBLOCK);
  if (descriptor < 0) return system_error("open", path, errno);
  struct stat status {};
  if (fstat(descriptor, &status) != 0) {
    const int error_number = errno;
    close(descriptor);
    return system_error("read the size of", path, error_number);
  }
  if (!S_ISREG(status.st_mode)) {
    close(descriptor);
    return fail(ErrorKind::io, "cannot read {}: expected a regular file, found {}", path.string(),
                S_ISDIR(status.st_mode) ? "a folder" : "a device, pipe or socket");
  }
  size = static_cast<size_t>(status.st_size);
  return descriptor;
}

Status write_all(int descriptor, std::span<const std::byte> bytes, off_t offset, const Path& path) {
  while (!bytes.empty()) {
    const size_t piece = std::min(bytes.size(), size_t{1} << 30);  // macOS refuses 2 GiB and more in one call
    const ssize_t written = pwrite(descriptor, bytes.data(), piece, offset);
    if (written < 0) {
      if (errno == EINTR) continue;
      return system_error("write", path, errno);
    }
    bytes = bytes.subspan(static_cast<size_t>(written));
    offset += written;
  }
  return {};
}

Path parent_of(const Path& path) {
  Path parent = path.parent_path();
  return parent.empty() ? Path(".") : parent;
}

// Where a file takes its place by rename: behind a link, which goes on pointing there. A device or pipe is refused,
// because the rename would put a file where it was: root would lose /dev/null.
Result<Path> replaceable_file(const Path& path) {
  std::error_code error;
  const std::filesystem::file_type type = std::filesystem::status(path, error).type();
  switch (type) {
    case std::filesystem::file_type::regular:
      break;
    case std::filesystem::file_type::none:
    case std::filesystem::file_type::not_found:
    case std::filesystem::file_type::unknown:
      return path;
    case std::filesystem::file_type::directory:
      return system_error("write", path, EISDIR);
    default:
      return fail(ErrorKind::io, "cannot write {}: expected a regular file, found a device, pipe or socket",
                  path.string());
  }
  if (!std::filesystem::is_symlink(path, error)) return path;
  Path target = std::filesystem::canonical(path, error);
  if (error) return system_error("write", path, error.value());
  return target;
}

}  // namespace

tl::unexpected<Error> system_error(std::string_view operation, const Path& path, int error_number) {
  return fail(ErrorKind::io, "cannot {} {}: {}{}", operation, path.string(),
              std::generic_category().message(error_number), advice(error_number));
}

Result<std::string> read_text_file(const Path& path, size_t max_bytes) {
  size_t size = 0;
  MW_ASSIGN(const int opened, open_regular_file(path, size));
  const Descriptor descriptor(opened);
  if (size > max_bytes) {
    return fail("cannot read {}: expected at most {} bytes, found {}", path.string(), max_bytes, size);
  }
  std::string text(size, '\0');
  size_t done = 0;
  while (done < size) {
    const ssize_t count = read(descriptor.get(), text.data() + done, std::min(size - done, size_t{1} << 30));
    if (count < 0) {
      if (errno == EINTR) continue;
      return system_error("read", path, errno);
    }
    if (count == 0) break;  // truncated since fstat
    done += static_cast<size_t>(count);
  }
  text.resize(done);
  return text;
}

Status write_file_atomically(const Path& path, std::span<const std::byte> bytes) {
  MW_ASSIGN(AtomicFile file, AtomicFile::open(path));
  MW_TRY(file.write(bytes));
  return file.commit();
}

Status write_file_atomically(const Path& path, std::string_view text) {
  return write_file_atomically(path, as_bytes(text));
}

Status sync_directory(const Path& directory) {
  const Descriptor descriptor(open_retrying(directory, O_RDONLY | O_DIRECTORY));
  if (descriptor.get() < 0) return system_error("open the folder", directory, errno);
  if (sync_descriptor(descriptor.get()) != 0 && errno != EINVAL && errno != ENOTSUP) {
    return system_error("sync the folder", directory, errno);
  }
  return {};
}

Status rename_directory_atomically(const Path& temporary, const Path& final_name) {
  std::error_code error;
  std::filesystem::directory_iterator entries(temporary, error);
  if (error) return system_error("open the folder", temporary, error.value());
  for (; entries != std::filesystem::directory_iterator(); entries.increment(error)) {
    if (std::error_code kind; !entries->is_regular_file(kind)) continue;
    const Descriptor descriptor(open_retrying(entries->path(), O_RDONLY));
    if (descriptor.get() < 0) return system_error("open", entries->path(), errno);
    if (sync_descriptor(descriptor.get()) != 0) return system_error("sync", entries->path(), errno);
  }
  if (error) return system_error("list the folder", temporary, error.value());  // which also ended the loop
  MW_TRY(sync_directory(temporary));
  if (std::filesystem::exists(std::filesystem::symlink_status(final_name, error))) {
    return system_error("rename a finished folder to", final_name, EEXIST);
  }
  if (std::rename(temporary.c_str(), final_name.c_str()) != 0) {
    return system_error("rename a finished folder to", final_name, errno);
  }
  return sync_directory(parent_of(final_name));
}

Status make_directories(const Path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) return system_error("create the folder", directory, error.value());
  if (!std::filesystem::is_directory(directory, error)) {
    return system_error("create the folder", directory, EEXIST);
  }
  return {};
}

Result<AtomicFile> AtomicFile::open(const Path& name) {
  static std::atomic<uint64_t> serial{0};
  MW_ASSIGN(const Path path, replaceable_file(name));
  AtomicFile file;
  file.path_ = path;
  // The process id and the serial keep writers apart; O_EXCL never follows or overwrites what is there, so a file left
  // by a killed process of the same id just moves us to the next number.
  do {
    file.temporary_ = parent_of(path) / fmt::format(".{}.{}-{}.partial", path.filename().string(), getpid(),
                                                    serial.fetch_add(1, std::memory_order_relaxed));
    file.descriptor_ = open_retrying(file.temporary_, O_RDWR | O_CREAT | O_EXCL, 0666);
  } while (file.descriptor_ < 0 && errno == EEXIST);
  if (file.descriptor_ < 0) return system_error("write", path, errno);
  return file;
}

AtomicFile::AtomicFile(AtomicFile&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)),
      path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      size_(std::exchange(other.size_, 0)) {}

AtomicFile& AtomicFile::operator=(AtomicFile&& other) noexcept {
  if (this != &other) {
    abandon();
    descriptor_ = std::exchange(other.descriptor_, -1);
    path_ = std::move(other.path_);
    temporary_ = std::move(other.temporary_);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

AtomicFile::~AtomicFile() { abandon(); }

void AtomicFile::abandon() {
  if (descriptor_ < 0) return;
  close(descriptor_);
  unlink(temporary_.c_str());
  descriptor_ = -1;
}

Status AtomicFile::write(std::span<const std::byte> bytes) {
  MW_CHECK(descriptor_ >= 0, "{} is already committed", path_.string());
  MW_TRY(write_all(descriptor_, bytes, static_cast<off_t>(size_), path_));
  size_ += bytes.size();
  return {};
}

Status AtomicFile::write_at(size_t offset, std::span<const std::byte> bytes) {
  MW_CHECK(descriptor_ >= 0, "{} is already committed", path_.string());
  MW_CHECK(offset + bytes.size() <= size_, "{} + {} bytes of {}", offset, bytes.size(), size_);
  return write_all(descriptor_, bytes, static_cast<off_t>(offset), path_);
}

Status AtomicFile::commit() {
  MW_CHECK(descriptor_ >= 0, "{} is already committed", path_.string());
  if (sync_descriptor(descriptor_) != 0) return system_error("write", path_, errno);
  if (std::rename(temporary_.c_str(), path_.c_str()) != 0) return system_error("write", path_, errno);
  close(std::exchange(descriptor_, -1));
  return sync_directory(parent_of(path_));
}

Result<MappedFile> MappedFile::open(const Path& path) {
  size_t size = 0;
  MW_ASSIGN(const int opened, open_regular_file(path, size));
  const Descriptor descriptor(opened);
  MappedFile file;
  if (size == 0) return file;  // mmap refuses empty files
  void* address = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor.get(), 0);
  if (address == MAP_FAILED) return system_error("map", path, errno);
  file.address_ = address;
  file.size_ = size;
  return file;
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : address_(std::exchange(other.address_, nullptr)), size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  if (this != &other) {
    release();
    address_ = std::exchange(other.address_, nullptr);
    size_ = std::exchange(other.size_, 0);
  }
  return *this;
}

MappedFile::~MappedFile() { release(); }

void MappedFile::release() {
  if (address_ != nullptr) munmap(address_, size_);
  address_ = nullptr;
  size_ = 0;
}

}  // namespace millwright
