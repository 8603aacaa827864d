#include "mil/diff/alignment.h"

#include <algorithm>
#include <functional>

#include "mil/diff/sequence_matching.h"

namespace millwright::mil {
namespace {

using Member = uint64_t Fingerprint::*;

// Positions by fingerprint: groups of equal ones stand together, each in the order of the text.
std::vector<std::pair<uint64_t, uint32_t>> sorted(std::span<const Fingerprint> block, Member member,
                                                  const std::vector<bool>& taken) {
  std::vector<std::pair<uint64_t, uint32_t>> entries;
  for (size_t i = 0; i < block.size(); ++i) {
    if (!taken[i]) entries.emplace_back(block[i].*member, static_cast<uint32_t>(i));
  }
  std::ranges::sort(entries);
  return entries;
}

class Aligner {
 public:
  Aligner(std::span<const Fingerprint> a, std::span<const Fingerprint> b)
      : a_(a), b_(b), a_taken_(a.size()), b_taken_(b.size()) {}

  std::vector<OperationPair> align() {
    trim();
    std::vector<OperationPair> anchors = find_anchors();
    size_t a = prefix_;
    size_t b = prefix_;
    for (const OperationPair& anchor : anchors) {
      if (anchor.moved) continue;
      fill(a, anchor.a, b, anchor.b);
      a = anchor.a + size_t{1};
      b = anchor.b + size_t{1};
    }
    fill(a, a_.size() - suffix_, b, b_.size() - suffix_);
    std::ranges::sort(pairs_, {}, &OperationPair::a);
    return std::move(pairs_);
  }

 private:
  void take(size_t a, size_t b, bool moved = false) {
    a_taken_[a] = true;
    b_taken_[b] = true;
    pairs_.push_back({static_cast<uint32_t>(a), static_cast<uint32_t>(b), moved});
  }

  // What computes the same at the beginning and serves the same at the end: of programs that differ little, nearly all.
  void trim() {
    const size_t most = std::min(a_.size(), b_.size());
    while (prefix_ < most && a_[prefix_].computation == b_[prefix_].computation) {
      take(prefix_, prefix_);
      ++prefix_;
    }
    while (prefix_ + suffix_ < most && a_[a_.size() - 1 - suffix_].use == b_[b_.size() - 1 - suffix_].use) {
      ++suffix_;
      take(a_.size() - suffix_, b_.size() - suffix_);
    }
  }

  // Pairs by equal computation, then by equal use. A group of equal operations is paired in order where both sides have
  // as many. Those of groups that would break the order of the others stay open, but for single ones, which have moved.
  std::vector<OperationPair> find_anchors() {
    std::vector<Match> matches;
    std::vector<bool> single;
    std::vector<bool> a_matched = a_taken_;
    std::vector<bool> b_matched = b_taken_;
    for (const Member member : {&Fingerprint::computation, &Fingerprint::use}) {
      const auto in_a = sorted(a_, member, a_matched);
      const auto in_b = sorted(b_, member, b_matched);
      for (size_t a = 0, b = 0; a < in_a.size() && b < in_b.size();) {
        const uint64_t key = std::min(in_a[a].first, in_b[b].first);
        const auto is_other = [key](const auto& entry) { return entry.first != key; };
        const auto a_end = std::find_if(in_a.begin() + static_cast<ptrdiff_t>(a), in_a.end(), is_other);
        const auto b_end = std::find_if(in_b.begin() + static_cast<ptrdiff_t>(b), in_b.end(), is_other);
        const auto a_count = static_cast<size_t>(a_end - in_a.begin()) - a;
        const auto b_count = static_cast<size_t>(b_end - in_b.begin()) - b;
        for (size_t i = 0; a_count == b_count && i < a_count; ++i) {
          matches.emplace_back(in_a[a + i].second, in_b[b + i].second);
          a_matched[matches.back().first] = true;
          b_matched[matches.back().second] = true;
        }
        a += a_count;
        b += b_count;
        single.resize(matches.size(), a_count == 1);
      }
    }
    return in_order(matches, single);
  }

  std::vector<OperationPair> in_order(const std::vector<Match>& matches, const std::vector<bool>& single) {
    std::vector<std::pair<Match, bool>> ordered;
    for (size_t i = 0; i < matches.size(); ++i) ordered.emplace_back(matches[i], single[i]);
    std::ranges::sort(ordered);
    std::vector<Match> ascending_in_a;
    for (const auto& [match, is_single] : ordered) ascending_in_a.push_back(match);
    std::vector<bool> keeps_order(ordered.size());
    for (const size_t at : longest_ascending(ascending_in_a)) keeps_order[at] = true;
    std::vector<OperationPair> anchors;
    for (size_t i = 0; i < ordered.size(); ++i) {
      const auto& [match, is_single] = ordered[i];
      if (!keeps_order[i] && !is_single) continue;
      take(match.first, match.second, !keeps_order[i]);
      anchors.push_back(pairs_.back());
    }
    return anchors;
  }

  // Aligns what is open between two anchors: operations that are equal but for their operands, then those of one kind.
  void fill(size_t a_begin, size_t a_end, size_t b_begin, size_t b_end) {
    std::vector<uint32_t> a = open(a_taken_, a_begin, a_end);
    std::vector<uint32_t> b = open(b_taken_, b_begin, b_end);
    const std::vector<Match> equal = match(a, b, [](const Fingerprint& fingerprint) { return fingerprint.own; });
    size_t a_from = a_begin;
    size_t b_from = b_begin;
    for (size_t i = 0; i <= equal.size(); ++i) {
      const size_t a_to = i < equal.size() ? equal[i].first : a_end;
      const size_t b_to = i < equal.size() ? equal[i].second : b_end;
      a = open(a_taken_, a_from, a_to);
      b = open(b_taken_, b_from, b_to);
      match(a, b, [](const Fingerprint& fingerprint) {
        return std::hash<std::string_view>{}(fingerprint.operation->kind());
      });
      a_from = a_to + 1;
      b_from = b_to + 1;
    }
  }

  static std::vector<uint32_t> open(const std::vector<bool>& taken, size_t begin, size_t end) {
    std::vector<uint32_t> positions;
    for (size_t i = begin; i < end; ++i) {
      if (!taken[i]) positions.push_back(static_cast<uint32_t>(i));
    }
    return positions;
  }

  // Takes the common subsequence of what `key` gives for the operations at these positions.
  template <typename Key>
  std::vector<Match> match(std::span<const uint32_t> a, std::span<const uint32_t> b, Key key) {
    if (a.empty() || b.empty()) return {};
    std::vector<uint64_t> a_keys;
    std::vector<uint64_t> b_keys;
    for (const uint32_t position : a) a_keys.push_back(key(a_[position]));
    for (const uint32_t position : b) b_keys.push_back(key(b_[position]));
    std::vector<Match> matches = common_subsequence(a_keys, b_keys);
    for (Match& match : matches) {
      match = {a[match.first], b[match.second]};
      take(match.first, match.second);
    }
    return matches;
  }

  std::span<const Fingerprint> a_;
  std::span<const Fingerprint> b_;
  std::vector<bool> a_taken_;
  std::vector<bool> b_taken_;
  std::vector<OperationPair> pairs_;
  size_t prefix_ = 0;
  size_t suffix_ = 0;
};

}  // namespace

std::vector<OperationPair> align(std::span<const Fingerprint> a, std::span<const Fingerprint> b) {
  return Aligner(a, b).align();
}

}  // namespace millwright::mil
