// The longest common subsequence of two sequences of numbers, or nearly that: Myers' difference algorithm with the
// linear-space refinement (E. W. Myers, "An O(ND) Difference Algorithm and Its Variations", 1986).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace millwright::mil {

// Positions in `a` and in `b` that are one element of the common subsequence.
using Match = std::pair<uint32_t, uint32_t>;

// Ascending in both members. Memory is linear in the lengths. Time is the lengths times the number of differences,
// which counts for at most kMostSearch: where the sequences differ more than that, the result may be shorter than the
// longest.
std::vector<Match> common_subsequence(std::span<const uint64_t> a, std::span<const uint64_t> b);

inline constexpr int64_t kMostSearch = 512;

// The most matches that ascend in both members, of matches that ascend in the first and in which no element stands
// twice. Their positions in `matches`.
std::vector<size_t> longest_ascending(std::span<const Match> matches);

}  // namespace millwright::mil
