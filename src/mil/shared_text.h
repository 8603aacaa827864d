// SharedText: immutable text (or bytes) behind one pointer, shared by reference count. The names of values, operations
// and operands and the strings of literals are of this kind: programs hold millions of them, and most stand several
// times. Counts are atomic, so copies may live in different threads; nothing is kept beyond the last copy.
#pragma once

#include <fmt/format.h>

#include <atomic>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <iosfwd>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

namespace millwright::mil {

// A number that lasts as long as the process: the place where it was loaded. Who writes a file cannot know it, and so
// cannot choose names that meet in one slot of a hash table.
extern const char hash_anchor;
inline uint64_t hash_secret() { return (reinterpret_cast<uintptr_t>(&hash_anchor) * 0x9e3779b97f4a7c15ull) | 1; }

// Of any bytes, eight at a time; the last word may overlap the one before. Another process gives another hash.
inline uint64_t hash_text64(std::string_view bytes) {
  __extension__ using Product = unsigned __int128;
  const char* source = bytes.data();
  const size_t size = bytes.size();
  const auto load = [](const auto* from, auto word) {
    std::memcpy(&word, from, sizeof word);
    return word;
  };
  const uint64_t secret = hash_secret();
  uint64_t hash = size ^ secret >> 17;
  const auto mix = [&hash, secret](uint64_t word) {
    const Product product = Product{hash ^ word} * secret;
    hash = static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
  };
  if (size >= 8) {
    const char* const last = source + size - 8;
    for (; source < last; source += 8) mix(load(source, uint64_t{}));
    mix(load(last, uint64_t{}));
  } else if (size >= 4) {
    mix(load(source, uint32_t{}) | uint64_t{load(source + size - 4, uint32_t{})} << 32);
  } else if (size > 0) {
    const auto byte = [&](size_t index) { return uint64_t{static_cast<uint8_t>(source[index])}; };
    mix(byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16);
  }
  return hash;
}

// What SharedText::hash() returns.
inline uint32_t hash_text(std::string_view text) {
  const uint64_t hash = hash_text64(text);
  return static_cast<uint32_t>(hash ^ hash >> 32);
}

// For tables of the standard library whose keys come from files.
struct TextHash {
  size_t operator()(std::string_view text) const { return static_cast<size_t>(hash_text64(text)); }
};

class SharedText {
 public:
  SharedText() = default;
  SharedText(std::string_view text) : SharedText(text, hash_text(text)) {}  // NOLINT: a text is a text
  SharedText(const std::string& text) : SharedText(std::string_view(text)) {}
  SharedText(const char* text) : SharedText(std::string_view(text)) {}
  // With the hash already known.
  SharedText(std::string_view text, uint32_t hash);

  SharedText(const SharedText& other) noexcept : data_(other.data_) {
    if (data_ != nullptr) data_->references.fetch_add(1, std::memory_order_relaxed);
  }
  SharedText(SharedText&& other) noexcept : data_(std::exchange(other.data_, nullptr)) {}
  SharedText& operator=(SharedText other) noexcept {
    std::swap(data_, other.data_);
    return *this;
  }
  ~SharedText() {
    if (data_ != nullptr) release(data_);
  }

  const char* data() const { return data_ == nullptr ? "" : data_->characters(); }
  size_t size() const { return data_ == nullptr ? 0 : data_->size; }
  bool empty() const { return size() == 0; }
  uint32_t hash() const { return data_ == nullptr ? hash_text({}) : data_->hash; }
  std::string_view view() const { return {data(), size()}; }
  operator std::string_view() const { return view(); }          // NOLINT: a text is a text
  operator std::string() const { return std::string(view()); }  // NOLINT

  bool starts_with(std::string_view start) const { return view().starts_with(start); }
  bool ends_with(std::string_view end) const { return view().ends_with(end); }
  size_t find(std::string_view part, size_t from = 0) const { return view().find(part, from); }
  std::string substr(size_t from, size_t count = std::string::npos) const {
    return std::string(view().substr(from, count));
  }

  friend bool operator==(const SharedText& a, const SharedText& b) {
    return a.data_ == b.data_ || (a.hash() == b.hash() && a.view() == b.view());
  }
  friend bool operator==(const SharedText& a, std::string_view b) { return a.view() == b; }
  friend bool operator==(const SharedText& a, const std::string& b) { return a.view() == b; }
  friend bool operator==(const SharedText& a, const char* b) { return a.view() == b; }
  friend std::strong_ordering operator<=>(const SharedText& a, const SharedText& b) { return a.view() <=> b.view(); }

  friend std::string operator+(const SharedText& a, std::string_view b) { return std::string(a.view()).append(b); }
  friend std::string operator+(const std::string& a, const SharedText& b) { return std::string(a).append(b.view()); }
  friend std::string operator+(const char* a, const SharedText& b) { return std::string(a).append(b.view()); }

 private:
  // The characters stand behind it, 16 bytes from its beginning.
  struct alignas(16) Data {
    std::atomic<uint32_t> references;
    uint32_t hash;
    size_t size;

    const char* characters() const { return reinterpret_cast<const char*>(this + 1); }
  };
  static void release(Data* data) {
    // The last owner may skip the count: nobody else can take a reference.
    if (data->references.load(std::memory_order_acquire) == 1 ||
        data->references.fetch_sub(1, std::memory_order_acq_rel) == 1) {
      destroy(data);
    }
  }
  static void destroy(Data* data);

  Data* data_ = nullptr;  // none: the empty text
};

// What gtest prints.
void PrintTo(const SharedText& text, std::ostream* out);

}  // namespace millwright::mil

template <>
struct fmt::formatter<millwright::mil::SharedText> : fmt::formatter<fmt::string_view> {
  template <class Context>
  auto format(const millwright::mil::SharedText& text, Context& context) const {
    return fmt::formatter<fmt::string_view>::format({text.data(), text.size()}, context);
  }
};

// Algorithms that compare names with other texts see both as views.
template <template <class> class First, template <class> class Second>
struct std::basic_common_reference<millwright::mil::SharedText, std::string_view, First, Second> {
  using type = std::string_view;
};
template <template <class> class First, template <class> class Second>
struct std::basic_common_reference<std::string_view, millwright::mil::SharedText, First, Second> {
  using type = std::string_view;
};
template <template <class> class First, template <class> class Second>
struct std::basic_common_reference<millwright::mil::SharedText, std::string, First, Second> {
  using type = std::string_view;
};
template <template <class> class First, template <class> class Second>
struct std::basic_common_reference<std::string, millwright::mil::SharedText, First, Second> {
  using type = std::string_view;
};

template <>
struct std::hash<millwright::mil::SharedText> {
  size_t operator()(const millwright::mil::SharedText& text) const { return text.hash(); }
};
