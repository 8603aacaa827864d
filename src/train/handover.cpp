#include "train/handover.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string>

#include "base/check.h"
#include "base/json.h"

namespace millwright::train {

namespace {

constexpr uint64_t kMagic = 0x315245564f444e48;       // "HNDOVER1"
constexpr uint64_t kLargestText = uint64_t{1} << 26;  // of it a trace takes a few MB
constexpr const char* kName = "handover";

class Descriptor {
 public:
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const { return value_; }
  int release() { return std::exchange(value_, -1); }

 private:
  int value_;
};

// Memory with a descriptor that an exec keeps; a file without a name where the system has no such memory.
int open_memory() {
#if defined(__linux__)
  return ::memfd_create(kName, 0);
#else
  std::error_code error;
  std::string name = (std::filesystem::temp_directory_path(error) / "millwright-handover-XXXXXX").string();
  const int descriptor = ::mkstemp(name.data());
  if (descriptor >= 0) ::unlink(name.c_str());
  return descriptor;
#endif
}

Status write_all(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return system_error("write", kName, errno);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
  return {};
}

Status read_all(int descriptor, std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::read(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return system_error("read", kName, errno);
    if (count == 0) return fail("{}: ends {} bytes too early", kName, bytes.size());
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return {};
}

std::string text_of(const Handover& handover) {
  Json object{{"state", checkpoint_state_text(handover.state)},
              {"checkpoint", handover.checkpoint.string()},
              {"checkpoint_update", handover.checkpoint_update},
              {"first_update", handover.first_update},
              {"seconds", handover.seconds}};
  if (handover.trace) {
    object["trace"] = {
        {"spans", handover.trace->spans}, {"origin", handover.trace->origin}, {"left", handover.trace->left}};
  }
  return object.dump(-1, ' ', true);
}

Result<Handover> parse(const std::string& text) {
  MW_ASSIGN(const Json object, parse_json(text, kName));
  Handover handover;
  MW_ASSIGN(const std::string state, json_string(object, "state", kName));
  MW_ASSIGN(handover.state, parse_run_state(state, kName));
  MW_ASSIGN(const std::string checkpoint, json_string(object, "checkpoint", kName));
  handover.checkpoint = checkpoint;
  MW_ASSIGN(handover.checkpoint_update, json_integer(object, "checkpoint_update", kName, -1));
  MW_ASSIGN(handover.first_update, json_integer(object, "first_update", kName, 0));
  MW_ASSIGN(handover.seconds, json_number(object, "seconds", kName));
  if (!object.contains("trace")) return handover;
  MW_ASSIGN(const Json* trace, json_object(object, "trace", kName));
  handover.trace.emplace();
  MW_ASSIGN(handover.trace->spans, json_string(*trace, "spans", kName));
  MW_ASSIGN(handover.trace->origin, json_number(*trace, "origin", kName));
  MW_ASSIGN(handover.trace->left, json_number(*trace, "left", kName));
  return handover;
}

}  // namespace

Result<int> write_handover(const Handover& handover, const runtime::ParameterStore& store) {
  Descriptor memory(open_memory());
  if (memory.get() < 0) return system_error("make", kName, errno);
  if (::fcntl(memory.get(), F_SETFD, 0) != 0) return system_error("keep", kName, errno);
  const std::string text = text_of(handover);
  const std::array<uint64_t, 2> header = {kMagic, text.size()};
  MW_TRY(write_all(memory.get(), std::as_bytes(std::span(header))));
  MW_TRY(write_all(memory.get(), as_bytes(text)));
  for (size_t i = 0; i < store.entries().size(); ++i) {
    for (const auto values : {store.master(i), store.first_moment(i), store.second_moment(i)}) {
      MW_TRY(write_all(memory.get(), std::as_bytes(values)));
    }
  }
  if (::lseek(memory.get(), 0, SEEK_SET) != 0) return system_error("rewind", kName, errno);
  return memory.release();
}

Result<Handover> read_handover(int descriptor, runtime::ParameterStore& store) {
  const Descriptor memory(descriptor);
  std::array<uint64_t, 2> header{};
  MW_TRY(read_all(memory.get(), std::as_writable_bytes(std::span(header))));
  if (header[0] != kMagic || header[1] > kLargestText) {
    return fail("{}: descriptor {} holds none; only a process that replaces itself leaves one", kName, descriptor);
  }
  std::string text(header[1], '\0');
  MW_TRY(read_all(memory.get(), std::as_writable_bytes(std::span(text))));
  MW_ASSIGN(Handover handover, parse(text));
  for (size_t i = 0; i < store.entries().size(); ++i) {
    for (const auto values : {store.master(i), store.first_moment(i), store.second_moment(i)}) {
      MW_TRY(read_all(memory.get(), std::as_writable_bytes(values)));
    }
  }
  std::byte extra{};
  if (::read(memory.get(), &extra, 1) != 0) return fail("{}: holds more than this model", kName);
  return handover;
}

}  // namespace millwright::train
