// Gathers and scatter-adds: copies by index, bound by memory, so plain loops.
#include "cpu/kernels/gather.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/parallel.h"

namespace millwright::cpu {

namespace {

constexpr int64_t kTaskElements = 16384;
// Columns of one scatter task: 512 bytes of each row, so that tasks share no cache line that they write.
constexpr int64_t kScatterColumns = 128;

int64_t position(int32_t index, int64_t axis) {
  const int64_t wrapped = index < 0 ? index + axis : index;
  MW_CHECK(wrapped >= 0 && wrapped < axis, "index {} into an axis of {}", index, axis);
  return wrapped;
}

template <class Element>
void gather_elements(const Element* x, int64_t outer, int64_t axis, int64_t inner, const int32_t* indices,
                     int64_t count, Element* y) {
  const int64_t rows = outer * count;
  const int64_t rows_per_task = std::max<int64_t>(kTaskElements / inner, 1);
  parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](int64_t task) {
    const int64_t end = std::min((task + 1) * rows_per_task, rows);
    for (int64_t row = task * rows_per_task; row < end; ++row) {
      const Element* source = x + (row / count * axis + position(indices[row % count], axis)) * inner;
      if (inner == 1) {
        y[row] = *source;
      } else {
        std::memcpy(y + row * inner, source, static_cast<size_t>(inner) * sizeof(Element));
      }
    }
  });
}

template <class Element>
void gather_elements_along_axis(const Element* x, int64_t outer, int64_t axis, int64_t inner, const int32_t* indices,
                                int64_t count, Element* y) {
  const int64_t rows = outer * count;
  const int64_t rows_per_task = std::max<int64_t>(kTaskElements / inner, 1);
  parallel_for((rows + rows_per_task - 1) / rows_per_task, [&](int64_t task) {
    const int64_t end = std::min((task + 1) * rows_per_task, rows);
    for (int64_t row = task * rows_per_task; row < end; ++row) {
      const Element* plane = x + row / count * axis * inner;
      for (int64_t j = 0; j < inner; ++j) {
        y[row * inner + j] = plane[position(indices[row * inner + j], axis) * inner + j];
      }
    }
  });
}

// Calls body(element) with a null pointer of the unsigned type of that size.
template <class Body>
void with_element(int64_t element_bytes, const Body& body) {
  switch (element_bytes) {
    case 1:
      return body(static_cast<uint8_t*>(nullptr));
    case 2:
      return body(static_cast<uint16_t*>(nullptr));
    case 4:
      return body(static_cast<uint32_t*>(nullptr));
    case 8:
      return body(static_cast<uint64_t*>(nullptr));
    default:
      MW_CHECK(false, "elements of {} bytes", element_bytes);
  }
}

// body(outer index, first column, end column) over strips of columns.
template <class Body>
void for_each_column_strip(int64_t outer, int64_t inner, const Body& body) {
  const int64_t strips = (inner + kScatterColumns - 1) / kScatterColumns;
  parallel_for(outer * strips, [&](int64_t task) {
    const int64_t first = task % strips * kScatterColumns;
    body(task / strips, first, std::min(first + kScatterColumns, inner));
  });
}

}  // namespace

int64_t first_invalid_index(const int32_t* indices, int64_t count, int64_t axis) {
  for (int64_t i = 0; i < count; ++i) {
    if (indices[i] < -axis || indices[i] >= axis) return i;
  }
  return -1;
}

void gather(int64_t element_bytes, const void* x, int64_t outer, int64_t axis, int64_t inner, const int32_t* indices,
            int64_t count, void* y) {
  if (outer * inner * count == 0) return;
  with_element(element_bytes, [&]<class Element>(Element*) {
    gather_elements(static_cast<const Element*>(x), outer, axis, inner, indices, count, static_cast<Element*>(y));
  });
}

void scatter_add(const float* x, int64_t outer, int64_t count, int64_t inner, const int32_t* indices, int64_t axis,
                 float* y) {
  for_each_column_strip(outer, inner, [&](int64_t index, int64_t first, int64_t end) {
    for (int64_t i = 0; i < count; ++i) {
      const float* source = x + (index * count + i) * inner;
      float* destination = y + (index * axis + position(indices[i], axis)) * inner;
      for (int64_t j = first; j < end; ++j) destination[j] += source[j];
    }
  });
}

void gather_along_axis(int64_t element_bytes, const void* x, int64_t outer, int64_t axis, int64_t inner,
                       const int32_t* indices, int64_t count, void* y) {
  if (outer * inner * count == 0) return;
  with_element(element_bytes, [&]<class Element>(Element*) {
    gather_elements_along_axis(static_cast<const Element*>(x), outer, axis, inner, indices, count,
                               static_cast<Element*>(y));
  });
}

void scatter_add_along_axis(const float* x, int64_t outer, int64_t count, int64_t inner, const int32_t* indices,
                            int64_t axis, float* y) {
  for_each_column_strip(outer, inner, [&](int64_t index, int64_t first, int64_t end) {
    for (int64_t i = 0; i < count; ++i) {
      const int64_t row = (index * count + i) * inner;
      for (int64_t j = first; j < end; ++j) {
        y[(index * axis + position(indices[row + j], axis)) * inner + j] += x[row + j];
      }
    }
  });
}

}  // namespace millwright::cpu
