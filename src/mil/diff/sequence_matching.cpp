#include "mil/diff/sequence_matching.h"

#include <algorithm>
#include <limits>
#include <unordered_set>

namespace millwright::mil {
namespace {

// A part of both sequences, ends excluded.
struct Range {
  int64_t a_begin = 0;
  int64_t a_end = 0;
  int64_t b_begin = 0;
  int64_t b_end = 0;
};

struct Point {
  int64_t a = 0;
  int64_t b = 0;
};

// Cuts ranges at a point of an optimal edit path until they match or are empty. Diagonal d holds the points with
// a − b = d; forward_[d] and backward_[d] are the furthest a that so many edits reach from either end.
class Matcher {
 public:
  Matcher(std::span<const uint64_t> a, std::span<const uint64_t> b)
      : a_(a),
        b_(b),
        offset_(static_cast<int64_t>(b.size()) + 1),
        forward_(a.size() + b.size() + 3),
        backward_(forward_.size()) {}

  std::vector<Match> match() {
    std::vector<Range> open = {{0, static_cast<int64_t>(a_.size()), 0, static_cast<int64_t>(b_.size())}};
    while (!open.empty()) {
      Range range = open.back();
      open.pop_back();
      trim(range);
      if (range.a_begin == range.a_end || range.b_begin == range.b_end) continue;
      const Point middle = split(range);
      open.push_back({range.a_begin, middle.a, range.b_begin, middle.b});
      open.push_back({middle.a, range.a_end, middle.b, range.b_end});
    }
    std::ranges::sort(matches_);
    return std::move(matches_);
  }

 private:
  bool equal(int64_t a, int64_t b) const { return a_[static_cast<size_t>(a)] == b_[static_cast<size_t>(b)]; }
  void add(int64_t a, int64_t b) { matches_.emplace_back(static_cast<uint32_t>(a), static_cast<uint32_t>(b)); }
  int64_t& forward(int64_t diagonal) { return forward_[static_cast<size_t>(diagonal + offset_)]; }
  int64_t& backward(int64_t diagonal) { return backward_[static_cast<size_t>(diagonal + offset_)]; }

  // Takes what matches at both ends.
  void trim(Range& range) {
    while (range.a_begin < range.a_end && range.b_begin < range.b_end && equal(range.a_begin, range.b_begin)) {
      add(range.a_begin++, range.b_begin++);
    }
    while (range.a_begin < range.a_end && range.b_begin < range.b_end && equal(range.a_end - 1, range.b_end - 1)) {
      add(--range.a_end, --range.b_end);
    }
  }

  // The diagonals that a search has reached, every second one from `first` to `last`.
  struct Reach {
    int64_t first = 0;
    int64_t last = 0;
    bool contains(int64_t diagonal) const { return diagonal >= first && diagonal <= last; }
  };

  // One more edit on each diagonal; beyond the edge of the range the reach shrinks instead of growing.
  template <typename Furthest>
  static void widen(Reach& reach, const Range& range, int64_t unreached, Furthest furthest) {
    if (reach.first > range.a_begin - range.b_end) {
      furthest(--reach.first - 1) = unreached;
    } else {
      ++reach.first;
    }
    if (reach.last < range.a_end - range.b_begin) {
      furthest(++reach.last + 1) = unreached;
    } else {
      --reach.last;
    }
  }

  // The point where searches from both ends meet; both parts of the range are smaller than it. The ends of the range do
  // not match.
  Point split(const Range& range) {
    Reach ahead{range.a_begin - range.b_begin, range.a_begin - range.b_begin};
    Reach behind{range.a_end - range.b_end, range.a_end - range.b_end};
    const bool odd = ((ahead.first - behind.first) & 1) != 0;
    forward(ahead.first) = range.a_begin;
    backward(behind.first) = range.a_end;
    for (int64_t edits = 1;; ++edits) {
      widen(ahead, range, -1, [this](int64_t diagonal) -> int64_t& { return forward(diagonal); });
      for (int64_t d = ahead.last; d >= ahead.first; d -= 2) {
        int64_t a = std::max(forward(d - 1) + 1, forward(d + 1));
        while (a < range.a_end && a - d < range.b_end && equal(a, a - d)) ++a;
        forward(d) = a;
        if (odd && behind.contains(d) && backward(d) <= a) return {a, a - d};
      }
      widen(behind, range, std::numeric_limits<int64_t>::max(),
            [this](int64_t diagonal) -> int64_t& { return backward(diagonal); });
      for (int64_t d = behind.last; d >= behind.first; d -= 2) {
        int64_t a = std::min(backward(d - 1), backward(d + 1) - 1);
        while (a > range.a_begin && a - d > range.b_begin && equal(a - 1, a - 1 - d)) --a;
        backward(d) = a;
        if (!odd && ahead.contains(d) && a <= forward(d)) return {a, a - d};
      }
      if (edits >= kMostSearch) return furthest(range, ahead, behind);
    }
  }

  // Where the searches have come furthest without meeting.
  Point furthest(const Range& range, const Reach& ahead, const Reach& behind) {
    Point best_ahead{range.a_begin, range.b_begin};
    for (int64_t d = ahead.last; d >= ahead.first; d -= 2) {
      const int64_t a = std::min({forward(d), range.a_end, range.b_end + d});
      if (a + a - d > best_ahead.a + best_ahead.b) best_ahead = {a, a - d};
    }
    Point best_behind{range.a_end, range.b_end};
    for (int64_t d = behind.last; d >= behind.first; d -= 2) {
      const int64_t a = std::max({backward(d), range.a_begin, range.b_begin + d});
      if (a + a - d < best_behind.a + best_behind.b) best_behind = {a, a - d};
    }
    const int64_t way_ahead = best_ahead.a + best_ahead.b - range.a_begin - range.b_begin;
    const int64_t way_behind = range.a_end + range.b_end - best_behind.a - best_behind.b;
    return way_ahead >= way_behind ? best_ahead : best_behind;
  }

  std::span<const uint64_t> a_;
  std::span<const uint64_t> b_;
  int64_t offset_;
  std::vector<int64_t> forward_;
  std::vector<int64_t> backward_;
  std::vector<Match> matches_;
};

// The positions in `sequence` of elements that the other sequence has, too.
std::vector<uint32_t> positions_of_common(std::span<const uint64_t> sequence, std::span<const uint64_t> other) {
  const std::unordered_set<uint64_t> elements(other.begin(), other.end());
  std::vector<uint32_t> positions;
  for (size_t i = 0; i < sequence.size(); ++i) {
    if (elements.contains(sequence[i])) positions.push_back(static_cast<uint32_t>(i));
  }
  return positions;
}

std::vector<uint64_t> elements_at(std::span<const uint64_t> sequence, std::span<const uint32_t> positions) {
  std::vector<uint64_t> elements;
  elements.reserve(positions.size());
  for (const uint32_t position : positions) elements.push_back(sequence[position]);
  return elements;
}

}  // namespace

std::vector<Match> common_subsequence(std::span<const uint64_t> a, std::span<const uint64_t> b) {
  if (a.empty() || b.empty()) return {};
  const std::vector<uint32_t> in_a = positions_of_common(a, b);
  const std::vector<uint32_t> in_b = positions_of_common(b, a);
  std::vector<Match> matches = Matcher(elements_at(a, in_a), elements_at(b, in_b)).match();
  for (Match& match : matches) match = {in_a[match.first], in_b[match.second]};
  return matches;
}

std::vector<size_t> longest_ascending(std::span<const Match> matches) {
  constexpr size_t kNone = std::numeric_limits<size_t>::max();
  std::vector<size_t> last;  // by length: the end of the chain with the smallest second member
  std::vector<size_t> previous(matches.size(), kNone);  // in the chain
  for (size_t i = 0; i < matches.size(); ++i) {
    const auto place =
        std::ranges::lower_bound(last, matches[i].second, {}, [&](size_t at) { return matches[at].second; });
    if (place != last.begin()) previous[i] = *std::prev(place);
    if (place == last.end()) {
      last.push_back(i);
    } else {
      *place = i;
    }
  }
  std::vector<size_t> chain;
  for (size_t at = last.empty() ? kNone : last.back(); at != kNone; at = previous[at]) chain.push_back(at);
  std::ranges::reverse(chain);
  return chain;
}

}  // namespace millwright::mil
