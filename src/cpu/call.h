// What lowering produces: buffers, and a flat list of kernel calls that read and write them. The memory plan then
// decides which buffers share bytes; a call finds its pointers through Memory when it runs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/result.h"
#include "cpu/view.h"

namespace millwright::cpu {

struct Buffer {
  enum class Kind : uint8_t {
    arena,     // an intermediate value: the memory plan places it
    constant,  // filled at compile time, kept by the executable
    input,     // the caller's memory of function input `index`
    result,    // the caller's memory of function result `index`
  };
  Kind kind = Kind::arena;
  int64_t bytes = 0;
  int index = -1;          // input and result only
  AlignedBuffer constant;  // constant only
};

// Where every buffer starts. Filled before a run; read by the calls.
class Memory {
 public:
  void resize(size_t buffers) { bases_.resize(buffers, nullptr); }
  void set(int buffer, void* base) { bases_[static_cast<size_t>(buffer)] = static_cast<std::byte*>(base); }

  // Nothing for a buffer without bytes.
  void* at(const View& view) const {
    std::byte* base = bases_[static_cast<size_t>(view.buffer)];
    return base == nullptr ? nullptr : base + view.offset * static_cast<int64_t>(mil::element_bytes(view.element));
  }
  float* floats(const View& view) const { return static_cast<float*>(at(view)); }
  int32_t* integers(const View& view) const { return static_cast<int32_t*>(at(view)); }

 private:
  std::vector<std::byte*> bases_;
};

struct Call {
  std::string kernel = {};  // "matmul", "elementwise(5)"
  std::string label = {};   // of the operation that ends the group
  std::vector<View> reads = {};
  std::vector<View> writes = {};
  // (index in reads, index in writes): the written view may be the very memory of the read one.
  std::vector<std::pair<int, int>> in_place = {};
  // A whole buffer moved into another: dropped when the plan lets the two share memory.
  bool is_move = false;
  // One of several writers of its buffer, which therefore is not a constant even if what this call reads is.
  bool is_partial = false;
  double flops = 0;
  std::function<Status(const Memory&)> run = {};

  double bytes() const {
    int64_t total = 0;
    for (const View& view : reads) total += view.bytes();
    for (const View& view : writes) total += view.bytes();
    return static_cast<double>(total);
  }
};

}  // namespace millwright::cpu
