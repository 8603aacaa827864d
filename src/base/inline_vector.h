// InlineVector<T, N>: a vector that keeps up to N elements inside itself, for lists that are nearly always short and
// exist by the million. Elements move when it grows or is moved; T must move without throwing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iterator>
#include <limits>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

#include "base/check.h"

namespace millwright {

template <class T, size_t N>
class InlineVector {
 public:
  using value_type = T;
  using iterator = T*;
  using const_iterator = const T*;

  InlineVector() = default;
  InlineVector(std::initializer_list<T> values) { append(values.begin(), values.end()); }
  InlineVector(const InlineVector& other) { append(other.begin(), other.end()); }
  InlineVector(InlineVector&& other) noexcept { take(other); }
  InlineVector& operator=(const InlineVector& other) {
    if (this != &other) *this = InlineVector(other);
    return *this;
  }
  InlineVector& operator=(InlineVector&& other) noexcept {
    if (this == &other) return *this;
    release();
    take(other);
    return *this;
  }
  ~InlineVector() { release(); }

  T* data() { return is_inline() ? reinterpret_cast<T*>(storage_) : heap(); }
  const T* data() const { return is_inline() ? reinterpret_cast<const T*>(storage_) : heap(); }
  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  T* begin() { return data(); }
  T* end() { return data() + size_; }
  const T* begin() const { return data(); }
  const T* end() const { return data() + size_; }

  T& operator[](size_t index) { return data()[index]; }
  const T& operator[](size_t index) const { return data()[index]; }
  T& at(size_t index) { return data()[checked(index)]; }
  const T& at(size_t index) const { return data()[checked(index)]; }
  T& front() { return *begin(); }
  const T& front() const { return *begin(); }
  T& back() { return *(end() - 1); }
  const T& back() const { return *(end() - 1); }

  void reserve(size_t capacity) {
    if (capacity > capacity_) grow(capacity);
  }
  template <class... Args>
  T& emplace_back(Args&&... args) {
    if (size_ == capacity_) {
      // The arguments may refer to an element that growing moves away.
      T value(std::forward<Args>(args)...);
      grow(size_t{capacity_} + 1 + capacity_ / 2);
      return *std::construct_at(data() + size_++, std::move(value));
    }
    return *std::construct_at(data() + size_++, std::forward<Args>(args)...);
  }
  void push_back(const T& value) { emplace_back(value); }
  void push_back(T&& value) { emplace_back(std::move(value)); }
  void pop_back() { std::destroy_at(data() + --size_); }
  T* erase(const T* position) {
    T* const first = data() + (position - data());
    std::move(first + 1, end(), first);
    pop_back();
    return first;
  }
  void clear() {
    std::destroy(begin(), end());
    size_ = 0;
  }

 private:
  static_assert(std::is_nothrow_move_constructible_v<T> && std::is_nothrow_move_assignable_v<T>);
  static constexpr size_t kStorage = N * sizeof(T) < sizeof(T*) ? sizeof(T*) : N * sizeof(T);
  static constexpr size_t kAlignment = alignof(T) < alignof(T*) ? alignof(T*) : alignof(T);

  bool is_inline() const { return capacity_ == N; }
  // The first bytes of the storage are a pointer when the elements are not inside.
  T* heap() const { return *std::launder(reinterpret_cast<T* const*>(storage_)); }

  size_t checked(size_t index) const {
    MW_CHECK(index < size_, "element {} of {}", index, size_);
    return index;
  }

  template <class Iterator>
  void append(Iterator first, Iterator last) {
    reserve(static_cast<size_t>(std::distance(first, last)));
    for (; first != last; ++first) emplace_back(*first);
  }

  void grow(size_t capacity) {
    MW_CHECK(capacity <= std::numeric_limits<uint32_t>::max(), "{} elements", capacity);
    T* const memory = std::allocator<T>().allocate(capacity);
    std::uninitialized_move(begin(), end(), memory);
    std::destroy(begin(), end());
    if (!is_inline()) std::allocator<T>().deallocate(heap(), capacity_);
    ::new (static_cast<void*>(storage_)) T*(memory);
    capacity_ = static_cast<uint32_t>(capacity);
  }

  void release() {
    clear();
    if (!is_inline()) std::allocator<T>().deallocate(heap(), capacity_);
    capacity_ = N;
  }

  // From a state without elements and heap memory.
  void take(InlineVector& other) noexcept {
    if (other.is_inline()) {
      std::uninitialized_move(other.begin(), other.end(), data());
      size_ = other.size_;
      other.clear();
    } else {
      ::new (static_cast<void*>(storage_)) T*(other.heap());
      size_ = other.size_;
      capacity_ = other.capacity_;
      other.size_ = 0;
      other.capacity_ = N;
    }
  }

  alignas(kAlignment) std::byte storage_[kStorage];
  uint32_t size_ = 0;
  uint32_t capacity_ = N;
};

}  // namespace millwright
