// Weights that are stored as palettes or without their zeros (constexpr_…): expanded when the function is compiled, in
// the type that the result declares. Packed bits are read from the least significant one of each byte. What only scales
// is decomposed into elementwise operations (passes/decompose_scales.cpp).
#include <algorithm>
#include <bit>
#include <cstring>

#include "cpu/element_dispatch.h"
#include "cpu/kernel_table.h"
#include "cpu/parallel_rows.h"
#include "mil/parameters.h"
#include "mil/registry.h"

namespace millwright::cpu {
namespace {

const std::byte* bytes_at(const Memory& memory, const View& view) {
  return static_cast<const std::byte*>(memory.at(view));
}
std::byte* writable_at(const Memory& memory, const View& view) { return static_cast<std::byte*>(memory.at(view)); }

bool is_given(const mil::Operation& operation, std::string_view name) {
  return operation.find_operand(name) != nullptr || operation.attribute(name) != nullptr;
}

// Number `index` of those of `bits` bits each; it may span two bytes.
uint32_t packed_number(const uint8_t* bytes, int64_t bits, int64_t index) {
  const int64_t bit = index * bits;
  uint32_t two = bytes[bit / 8];
  if (bit % 8 + bits > 8) two |= static_cast<uint32_t>(bytes[bit / 8 + 1]) << 8;
  return (two >> (bit % 8)) & ((1u << bits) - 1);
}

// Which elements are stored. A mask is one byte per element, or packed bits.
struct Mask {
  View view;
  int64_t count = 0;
  bool is_packed = false;

  bool marks(const Memory& memory, int64_t index) const {
    const auto* bytes = static_cast<const uint8_t*>(memory.at(view));
    return is_packed ? packed_number(bytes, 1, index) != 0 : bytes[index] != 0;
  }
  // There are as many marks as stored elements.
  Status check(const Memory& memory, const std::string& where, int64_t stored) const {
    int64_t marked = 0;
    for (int64_t i = 0; i < count; ++i) marked += marks(memory, i) ? 1 : 0;
    if (marked == stored) return {};
    return fail("{}: the mask marks {} elements, {} are stored", where, marked, stored);
  }
};

// Masks are uint1, but any type of one byte is one.
Result<Mask> mask_of(Lowering& lowering, const mil::Operation& operation, std::string_view name, int64_t count,
                     bool is_packed) {
  const Mask mask{lowering.dense_operand(operation, name), count, is_packed};
  if (mil::element_bytes(mask.view.element) == 1) return mask;
  return operation_error(operation, "{} has elements of {}, expected uint1", name,
                         mil::element_name(mask.view.element));
}

// A palette [groups per axis, entries, vector]: a group of indices has entries of its own, an index stands for a vector
// of elements that lie along `axis` of the expanded tensor.
struct Palette {
  std::string where;  // the operation, for messages
  View lut;
  mil::Shape stored;    // of the indices
  mil::Shape expanded;  // of the result
  size_t axis = 0;
  int64_t vector = 1;
  int64_t entries = 1;

  // Where in the palette the vector of `index` lies for an element of the expanded tensor; the element itself is
  // counted from there. Fails where the palette has no such entry.
  Result<int64_t> element(const mil::Shape& place, int64_t index) const {
    if (index < 0 || index >= entries) {
      return fail("{}: index {} is outside the {} entries of lut", where, index, entries);
    }
    int64_t group = 0;
    for (size_t i = 0; i < stored.size(); ++i) {
      const int64_t position = i == axis ? place[i] / vector : place[i];
      group = group * lut.sizes[i] + position / (stored[i] / lut.sizes[i]);
    }
    return (group * entries + index) * vector + (stored.empty() ? 0 : place[axis] % vector);
  }

  // Position of the index that stands for a place of the expanded tensor.
  int64_t stored_position(const mil::Shape& place) const {
    int64_t position = 0;
    for (size_t i = 0; i < stored.size(); ++i) {
      position = position * stored[i] + (i == axis ? place[i] / vector : place[i]);
    }
    return position;
  }
};

Palette palette_of(Lowering& lowering, const mil::Operation& operation, const mil::Shape& stored,
                   const mil::Shape& expanded) {
  Palette palette;
  palette.where = mil::describe(operation);
  palette.lut = lowering.dense_operand(operation, "lut");
  palette.stored = stored;
  palette.expanded = expanded;
  palette.vector = palette.lut.sizes.back();
  palette.entries = palette.lut.sizes[stored.size()];
  if (palette.vector > 1) {
    palette.axis = static_cast<size_t>(mil::axis_of(operation, "vector_axis", static_cast<int64_t>(stored.size())));
  }
  return palette;
}

mil::Shape place_of(int64_t position, const mil::Shape& shape) {
  mil::Shape place(shape.size());
  for (size_t axis = shape.size(); axis-- > 0;) {
    place[axis] = position % shape[axis];
    position /= shape[axis];
  }
  return place;
}

// Steps to the next place in row-major order.
void advance(mil::Shape& place, const mil::Shape& shape) {
  for (size_t axis = shape.size(); axis-- > 0;) {
    if (++place[axis] < shape[axis]) return;
    place[axis] = 0;
  }
}

// ios16: the indices of a palette with one group are packed bits.
Status lower_packed_palette(Lowering& lowering, const mil::Operation& operation) {
  const View indices = lowering.dense_operand(operation, "indices");
  const View lut = lowering.dense_operand(operation, "lut");
  const View y = lowering.dense_result(operation);
  const int64_t bits = std::countr_zero(static_cast<uint64_t>(lut.sizes[0]));
  const auto width = static_cast<int64_t>(mil::element_bytes(lut.element));
  Call call{.kernel = "constexpr_lut_to_dense", .reads = {indices, lut}, .writes = {y}};
  call.run = [=](const Memory& memory) -> Status {
    const auto* packed = static_cast<const uint8_t*>(memory.at(indices));
    const std::byte* entries = bytes_at(memory, lut);
    std::byte* target = writable_at(memory, y);
    parallel_rows(y.count(), 1, [&](int64_t i) {
      const auto entry = static_cast<int64_t>(packed_number(packed, bits, i));
      std::memcpy(target + i * width, entries + entry * width, static_cast<size_t>(width));
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// body(first, end) for chunks of positions, and the first failure among them.
Status in_chunks(int64_t count, FunctionRef<Status(int64_t first, int64_t end)> body) {
  constexpr int64_t kChunk = 16384;
  const int64_t chunks = (count + kChunk - 1) / kChunk;
  std::vector<Status> statuses(static_cast<size_t>(chunks));
  parallel_for(chunks, [&](int64_t chunk) {
    statuses[static_cast<size_t>(chunk)] = body(chunk * kChunk, std::min(count, (chunk + 1) * kChunk));
  });
  for (Status& status : statuses) MW_TRY(std::move(status));
  return {};
}

Status lower_lut_to_dense(Lowering& lowering, const mil::Operation& operation) {
  if (is_given(operation, "shape")) return lower_packed_palette(lowering, operation);
  const View indices = lowering.dense_operand(operation, "indices");
  const View y = lowering.dense_result(operation);
  const Palette palette = palette_of(lowering, operation, indices.sizes, y.sizes);
  const auto width = static_cast<int64_t>(mil::element_bytes(palette.lut.element));
  Call call{.kernel = "constexpr_lut_to_dense", .reads = {indices, palette.lut}, .writes = {y}};
  call.run = [=](const Memory& memory) -> Status {
    const std::byte* entries = bytes_at(memory, palette.lut);
    std::byte* target = writable_at(memory, y);
    return with_integer_type(indices.element, [&]<class Index>(Index*) {
      const auto* index = static_cast<const Index*>(memory.at(indices));
      return in_chunks(y.count(), [&](int64_t first, int64_t end) -> Status {
        mil::Shape place = place_of(first, y.sizes);
        for (int64_t i = first; i < end; ++i, advance(place, y.sizes)) {
          MW_ASSIGN(const int64_t from,
                    palette.element(place, static_cast<int64_t>(index[palette.stored_position(place)])));
          std::memcpy(target + i * width, entries + from * width, static_cast<size_t>(width));
        }
        return {};
      });
    });
  };
  return lowering.emit(operation, std::move(call));
}

// Where stored element number n belongs, for each position: the number of marks before it.
std::vector<int64_t> marks_before(const Memory& memory, const Mask& mask) {
  std::vector<int64_t> before(static_cast<size_t>(mask.count));
  int64_t marked = 0;
  for (int64_t i = 0; i < mask.count; ++i) {
    before[static_cast<size_t>(i)] = marked;
    marked += mask.marks(memory, i) ? 1 : 0;
  }
  return before;
}

// The values in row-major order of the grown mask.
Status lower_lut_to_sparse(Lowering& lowering, const mil::Operation& operation) {
  const View indices = lowering.dense_operand(operation, "indices_nonzero_data");
  const View grown = lowering.dense_result(operation, 0);
  const View y = lowering.dense_result(operation, 1);
  const mil::Shape stored = lowering.operand(operation, "indices_mask").sizes;
  MW_ASSIGN(const Mask mask, mask_of(lowering, operation, "indices_mask", mil::element_count(stored), false));
  const Palette palette = palette_of(lowering, operation, stored, grown.sizes);
  const auto width = static_cast<int64_t>(mil::element_bytes(palette.lut.element));
  Call call{.kernel = "constexpr_lut_to_sparse", .reads = {mask.view, indices, palette.lut}, .writes = {grown, y}};
  call.run = [=](const Memory& memory) -> Status {
    MW_TRY(mask.check(memory, palette.where, indices.count()));
    const std::vector<int64_t> before = marks_before(memory, mask);
    const std::byte* entries = bytes_at(memory, palette.lut);
    std::byte* marks = writable_at(memory, grown);
    std::byte* target = writable_at(memory, y);
    return with_integer_type(indices.element, [&]<class Index>(Index*) -> Status {
      const auto* index = static_cast<const Index*>(memory.at(indices));
      mil::Shape place(grown.sizes.size(), 0);
      for (int64_t i = 0; i < grown.count(); ++i, advance(place, grown.sizes)) {
        const int64_t position = palette.stored_position(place);
        const bool is_marked = mask.marks(memory, position);
        marks[i] = std::byte{is_marked};
        if (!is_marked) continue;
        const auto entry = static_cast<int64_t>(index[before[static_cast<size_t>(position)]]);
        MW_ASSIGN(const int64_t from, palette.element(place, entry));
        std::memcpy(target, entries + from * width, static_cast<size_t>(width));
        target += width;
      }
      return {};
    });
  };
  return lowering.emit(operation, std::move(call));
}

Status lower_sparse_to_dense(Lowering& lowering, const mil::Operation& operation) {
  const View data = lowering.dense_operand(operation, "nonzero_data");
  const View y = lowering.dense_result(operation);
  MW_ASSIGN(const Mask mask, mask_of(lowering, operation, "mask", y.count(), is_given(operation, "shape")));
  const auto width = static_cast<int64_t>(mil::element_bytes(data.element));
  Call call{.kernel = "constexpr_sparse_to_dense", .reads = {data, mask.view}, .writes = {y}};
  call.run = [=, where = mil::describe(operation)](const Memory& memory) -> Status {
    MW_TRY(mask.check(memory, where, data.count()));
    const std::byte* source = bytes_at(memory, data);
    std::byte* target = writable_at(memory, y);
    if (y.count() > 0) std::memset(target, 0, static_cast<size_t>(y.bytes()));
    for (int64_t i = 0; i < mask.count; ++i) {
      if (!mask.marks(memory, i)) continue;
      std::memcpy(target + i * width, source, static_cast<size_t>(width));
      source += width;
    }
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

double number_at(const Memory& memory, const View& view, int64_t index) {
  return mil::load_number(view.element,
                          bytes_at(memory, view) + index * static_cast<int64_t>(mil::element_bytes(view.element)));
}

// scale · (stored − offset), one number per block of the mask's shape; stored elements only.
Status lower_sparse_blockwise(Lowering& lowering, const mil::Operation& operation) {
  const View data = lowering.dense_operand(operation, "nonzero_data");
  const View scale = lowering.dense_operand(operation, "scale");
  const std::optional<View> offset =
      is_given(operation, "offset") ? std::optional(lowering.dense_operand(operation, "offset")) : std::nullopt;
  const mil::Shape shape = operation.result(0)->shape();
  MW_ASSIGN(const Mask mask, mask_of(lowering, operation, "data_mask", mil::element_count(shape), false));
  const View y = lowering.dense_result(operation, 1);
  lowering.define(operation.result(0), mask.view);
  Call call{.kernel = "constexpr_sparse_blockwise_shift_scale", .reads = {mask.view, data, scale}, .writes = {y}};
  if (offset) call.reads.push_back(*offset);
  call.run = [=, where = mil::describe(operation)](const Memory& memory) -> Status {
    MW_TRY(mask.check(memory, where, data.count()));
    std::byte* target = writable_at(memory, y);
    mil::Shape place(shape.size(), 0);
    int64_t stored = 0;
    for (int64_t i = 0; i < mask.count; ++i, advance(place, shape)) {
      if (!mask.marks(memory, i)) continue;
      int64_t block = 0;
      for (size_t axis = 0; axis < shape.size(); ++axis) {
        block = block * scale.sizes[axis] + place[axis] / (shape[axis] / scale.sizes[axis]);
      }
      const double shift = offset ? number_at(memory, *offset, block) : 0;
      mil::store_number(y.element, number_at(memory, scale, block) * (number_at(memory, data, stored++) - shift),
                        target);
      target += mil::element_bytes(y.element);
    }
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"constexpr_lut_to_dense", lower_lut_to_dense, "*"},
    {"constexpr_lut_to_sparse", lower_lut_to_sparse, "*"},
    {"constexpr_sparse_to_dense", lower_sparse_to_dense, "*"},
    {"constexpr_sparse_blockwise_shift_scale", lower_sparse_blockwise, "*"},
};

}  // namespace

std::span<const KernelEntry> compression_kernels() { return kEntries; }

}  // namespace millwright::cpu
