// Operations that order elements along an axis, and non_maximum_suppression, which orders boxes by score. Equal
// elements keep their order; NaN counts as larger than every number.
#include <algorithm>
#include <bit>
#include <limits>
#include <type_traits>
#include <utility>

#include "cpu/element_dispatch.h"
#include "cpu/index_operands.h"
#include "cpu/kernel_table.h"
#include "cpu/parallel_rows.h"
#include "mil/parameters.h"

namespace millwright::cpu {
namespace {

template <class T>
using Key = std::conditional_t<sizeof(T) <= 4, uint32_t, uint64_t>;

// Unsigned numbers in the order of the elements: −0 equals 0, and every NaN is the largest.
uint32_t sort_key(float value) {
  if (value != value) return std::numeric_limits<uint32_t>::max();
  const auto bits = std::bit_cast<uint32_t>(value == 0 ? 0.0f : value);
  return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}
uint64_t sort_key(double value) {
  if (value != value) return std::numeric_limits<uint64_t>::max();
  const auto bits = std::bit_cast<uint64_t>(value == 0 ? 0.0 : value);
  return (bits >> 63) != 0 ? ~bits : bits | (uint64_t{1} << 63);
}
uint32_t sort_key(Half value) { return sort_key(static_cast<float>(value)); }
uint32_t sort_key(BFloat16 value) { return sort_key(static_cast<float>(value)); }
template <class Integer>
requires std::is_integral_v<Integer> Key<Integer> sort_key(Integer value) {
  using Unsigned = Key<Integer>;
  constexpr Unsigned kSign = std::is_signed_v<Integer> ? Unsigned{1} << (sizeof(Unsigned) * 8 - 1) : 0;
  return static_cast<Unsigned>(value) ^ kSign;
}

// x as [outer, size, inner]; the first `count` of each row along the middle axis, in order.
struct Sorting {
  int64_t outer = 1;
  int64_t size = 1;
  int64_t inner = 1;
  int64_t count = 1;
  bool ascending = false;
};

Sorting sorting_of(const mil::Operation& operation, const mil::Shape& x, int64_t count) {
  const int64_t axis = mil::axis_of(operation, "axis", static_cast<int64_t>(x.size()));
  Sorting sorting;
  for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i) {
    const int64_t size = x[static_cast<size_t>(i)];
    (i < axis ? sorting.outer : i == axis ? sorting.size : sorting.inner) *= size;
  }
  sorting.count = count < 0 ? sorting.size : count;
  sorting.ascending = mil::flag(operation, "ascending");
  return sorting;
}

// Calls put(position in the sorted tensor, position in the row, element) for each of the elements kept.
template <class T, class Put>
void sort_rows(const Sorting& s, const T* x, const Put& put) {
  using Entry = std::pair<Key<T>, int32_t>;
  parallel_rows(s.outer * s.inner, s.size * 8, [&](int64_t row) {
    const T* first = x + row / s.inner * s.size * s.inner + row % s.inner;
    std::vector<Entry> entries;
    entries.reserve(static_cast<size_t>(s.size));
    for (int64_t i = 0; i < s.size; ++i) {
      const Key<T> key = sort_key(first[i * s.inner]);
      entries.emplace_back(s.ascending ? key : static_cast<Key<T>>(~key), static_cast<int32_t>(i));
    }
    const auto end = entries.begin() + s.count;
    if (s.count < s.size) std::nth_element(entries.begin(), end, entries.end());
    std::sort(entries.begin(), end);
    for (int64_t i = 0; i < s.count; ++i) {
      const int32_t from = entries[static_cast<size_t>(i)].second;
      put((row / s.inner * s.count + i) * s.inner + row % s.inner, from, first[from * s.inner]);
    }
  });
}

Status check_sortable(const mil::Operation& operation, const View& x) {
  if (has_number_type(x.element)) return {};
  return operation_error(operation, "the CPU executor has no kernel of this operation for {}",
                         mil::element_name(x.element));
}

Status lower_argsort(Lowering& lowering, const mil::Operation& operation) {
  const View x = lowering.dense_operand(operation, "x");
  MW_TRY(check_sortable(operation, x));
  const View y = lowering.dense_result(operation);
  const Sorting sorting = sorting_of(operation, x.sizes, -1);
  Call call{.kernel = "argsort", .reads = {x}, .writes = {y}};
  call.run = [=](const Memory& memory) -> Status {
    int32_t* positions = memory.integers(y);
    with_number_type(x.element, [&]<class T>(T*) {
      sort_rows(sorting, static_cast<const T*>(memory.at(x)),
                [&](int64_t to, int32_t from, T) { positions[to] = from; });
    });
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// What topk writes. With sort = false any order would do; it is sorted all the same.
struct TopK {
  Sorting sorting;
  View x, values;
  std::optional<View> positions;

  void run(const Memory& memory) const {
    with_number_type(x.element, [&]<class T>(T*) {
      const auto* source = static_cast<const T*>(memory.at(x));
      auto* target = static_cast<T*>(memory.at(values));
      if (!positions) {
        return sort_rows(sorting, source, [&](int64_t to, int32_t, T value) { target[to] = value; });
      }
      with_integer_type(positions->element, [&]<class Index>(Index*) {
        auto* index = static_cast<Index*>(memory.at(*positions));
        sort_rows(sorting, source, [&](int64_t to, int32_t from, T value) {
          target[to] = value;
          index[to] = static_cast<Index>(from);
        });
      });
    });
  }
};

// k that is known at run time only must be what the result's type says.
Status check_count(const std::string& where, int64_t k, const Sorting& sorting) {
  if ((k == -1 ? sorting.size : k) == sorting.count) return {};
  return fail("{}: k is {}, the declared result has {}", where, k, sorting.count);
}

Status lower_topk(Lowering& lowering, const mil::Operation& operation) {
  TopK topk;
  topk.x = lowering.dense_operand(operation, "x");
  MW_TRY(check_sortable(operation, topk.x));
  topk.values = lowering.dense_result(operation);
  if (mil::flag(operation, "return_indices")) topk.positions = lowering.dense_result(operation, 1);
  const auto axis = static_cast<size_t>(mil::axis_of(operation, "axis", topk.x.rank()));
  topk.sorting = sorting_of(operation, topk.x.sizes, topk.values.sizes[axis]);
  if (topk.sorting.count > topk.sorting.size) {
    return operation_error(operation, "k is {}, axis {} of x has size {}", topk.sorting.count, axis, topk.sorting.size);
  }
  if (topk.positions && topk.sorting.size - 1 > mil::integer_range(topk.positions->element).second) {
    return operation_error(operation, "positions on axis {} of size {} do not fit {}", axis, topk.sorting.size,
                           mil::element_name(topk.positions->element));
  }
  std::optional<View> k;
  if (mil::find_parameter(operation, "k") == nullptr) {
    MW_ASSIGN(k, int32_operand(lowering, operation, "k"));
  }
  Call call{.kernel = "topk", .reads = {topk.x}, .writes = {topk.values}};
  if (k) call.reads.push_back(*k);
  if (topk.positions) call.writes.push_back(*topk.positions);
  call.run = [=, where = mil::describe(operation)](const Memory& memory) -> Status {
    if (k) MW_TRY(check_count(where, *memory.integers(*k), topk.sorting));
    topk.run(memory);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

// Intersection over union of two boxes (centre x, centre y, width, height).
float overlap(const float* a, const float* b) {
  float common = 1;
  for (size_t axis = 0; axis < 2; ++axis) {
    const float low = std::max(a[axis] - a[axis + 2] / 2, b[axis] - b[axis + 2] / 2);
    const float high = std::min(a[axis] + a[axis + 2] / 2, b[axis] + b[axis + 2] / 2);
    common *= std::max(high - low, 0.0f);
  }
  const float joined = a[2] * a[3] + b[2] * b[3] - common;
  return joined > 0 ? common / joined : 0;
}

// Per batch, boxes by their best class score, best first; a box goes when it overlaps one that stays, of the same best
// class where classes are suppressed apart. Free places hold zeros, and −1 as index.
struct Suppression {
  View boxes, scores;                                // [batches, boxes, 4], [batches, boxes, classes]
  View kept_boxes, kept_scores, kept_index, counts;  // [batches, places, …]
  float largest_overlap = 0;
  float lowest_score = 0;
  bool per_class = false;

  void run(const Memory& memory) const {
    parallel_rows(scores.sizes[0], scores.sizes[1] * scores.sizes[2] * 16, [&](int64_t batch) { run(memory, batch); });
  }

 private:
  struct Candidate {
    float score;
    int64_t box;
    int64_t best_class;
  };

  void run(const Memory& memory, int64_t batch) const {
    const int64_t boxes_count = scores.sizes[1], classes = scores.sizes[2], places = kept_index.sizes[1];
    const float* box = memory.floats(boxes) + batch * boxes_count * 4;
    const float* score = memory.floats(scores) + batch * boxes_count * classes;
    const std::vector<Candidate> kept = survivors(box, candidates(score));
    float* to_box = memory.floats(kept_boxes) + batch * places * 4;
    float* to_score = memory.floats(kept_scores) + batch * places * classes;
    int32_t* to_index = memory.integers(kept_index) + batch * places;
    std::fill_n(to_box, places * 4, 0.0f);
    std::fill_n(to_score, places * classes, 0.0f);
    std::fill_n(to_index, places, -1);
    for (const Candidate& one : kept) {
      to_box = std::copy_n(box + one.box * 4, 4, to_box);
      to_score = std::copy_n(score + one.box * classes, classes, to_score);
      *to_index++ = static_cast<int32_t>(one.box);
    }
    memory.integers(counts)[batch] = static_cast<int32_t>(kept.size());
  }

  std::vector<Candidate> candidates(const float* score) const {
    const int64_t classes = scores.sizes[2];
    std::vector<Candidate> all;
    for (int64_t i = 0; classes > 0 && i < scores.sizes[1]; ++i) {
      const float* best = std::max_element(score + i * classes, score + (i + 1) * classes);
      if (*best > lowest_score) all.push_back({*best, i, best - (score + i * classes)});
    }
    std::sort(all.begin(), all.end(), [](const Candidate& a, const Candidate& b) {
      return a.score != b.score ? a.score > b.score : a.box < b.box;
    });
    return all;
  }

  std::vector<Candidate> survivors(const float* box, const std::vector<Candidate>& all) const {
    std::vector<Candidate> kept;
    for (const Candidate& one : all) {
      if (static_cast<int64_t>(kept.size()) == kept_index.sizes[1]) break;
      const bool goes = std::any_of(kept.begin(), kept.end(), [&](const Candidate& other) {
        return (!per_class || one.best_class == other.best_class) &&
               overlap(box + one.box * 4, box + other.box * 4) > largest_overlap;
      });
      if (!goes) kept.push_back(one);
    }
    return kept;
  }
};

Status lower_suppression(Lowering& lowering, const mil::Operation& operation) {
  Suppression s;
  s.boxes = lowering.dense_operand(operation, "boxes");
  s.scores = lowering.dense_operand(operation, "scores");
  MW_TRY(expect_element(operation, s.boxes, mil::ElementType::fp32));
  MW_TRY(expect_element(operation, s.scores, mil::ElementType::fp32));
  s.kept_boxes = lowering.dense_result(operation, 0);
  s.kept_scores = lowering.dense_result(operation, 1);
  s.kept_index = lowering.dense_result(operation, 2);
  s.counts = lowering.dense_result(operation, 3);
  s.largest_overlap = static_cast<float>(mil::number(operation, "iou_threshold"));
  s.lowest_score = static_cast<float>(mil::number(operation, "score_threshold"));
  s.per_class = mil::flag(operation, "per_class_suppression");
  Call call{.kernel = "non_maximum_suppression", .reads = {s.boxes, s.scores}};
  call.writes = {s.kept_boxes, s.kept_scores, s.kept_index, s.counts};
  call.run = [s](const Memory& memory) -> Status {
    s.run(memory);
    return {};
  };
  return lowering.emit(operation, std::move(call));
}

constexpr KernelEntry kEntries[] = {
    {"argsort", lower_argsort, "*"},
    {"topk", lower_topk, "*"},
    {"non_maximum_suppression", lower_suppression},
};

}  // namespace

std::span<const KernelEntry> sorting_kernels() { return kEntries; }

}  // namespace millwright::cpu
