#include "cpu/memory_plan.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "base/check.h"

namespace millwright::cpu {
namespace {

constexpr int kForever = std::numeric_limits<int>::max();

class Planner {
 public:
  Planner(const LoweredFunction& lowered, std::span<const int> aliases)
      : buffers_(lowered.buffers), calls_(lowered.calls), aliases_(aliases) {
    plan_.owner.resize(buffers_.size());
    std::iota(plan_.owner.begin(), plan_.owner.end(), 0);
    members_.resize(buffers_.size());
    for (size_t i = 0; i < buffers_.size(); ++i) members_[i] = {static_cast<int>(i)};
  }

  Result<MemoryPlan> run() {
    find_lifetimes();
    MW_TRY(bind_aliases());
    share_moves();
    share_in_place();
    plan_.is_dropped.resize(calls_.size());
    for (size_t call = 0; call < calls_.size(); ++call) {
      plan_.is_dropped[call] = calls_[call].is_move && owner(calls_[call].reads[0]) == owner(calls_[call].writes[0]);
    }
    place();
    return std::move(plan_);
  }

 private:
  int owner(const View& view) const { return plan_.owner[static_cast<size_t>(view.buffer)]; }
  const Buffer& buffer(int id) const { return buffers_[static_cast<size_t>(id)]; }

  void find_lifetimes() {
    plan_.lifetimes.assign(buffers_.size(), Lifetime{kForever, -1});
    const auto use = [&](const View& view, int call) {
      Lifetime& life = plan_.lifetimes[static_cast<size_t>(view.buffer)];
      life.first = std::min(life.first, call);
      life.last = std::max(life.last, call);
    };
    for (size_t call = 0; call < calls_.size(); ++call) {
      for (const View& view : calls_[call].reads) use(view, static_cast<int>(call));
      for (const View& view : calls_[call].writes) use(view, static_cast<int>(call));
    }
    for (size_t id = 0; id < buffers_.size(); ++id) {
      Lifetime& life = plan_.lifetimes[id];
      switch (buffers_[id].kind) {
        case Buffer::Kind::arena:
          break;
        case Buffer::Kind::constant:
          life = {-1, kForever};
          break;
        case Buffer::Kind::result:
          life.last = kForever;
          break;
        case Buffer::Kind::input:
          // Without an alias nothing may ever be written over it.
          life = {-1, is_aliased(buffers_[id].index) ? life.last : kForever};
          break;
      }
    }
  }

  bool is_aliased(int input) const { return std::ranges::find(aliases_, input) != aliases_.end(); }

  Status bind_aliases() {
    for (size_t id = 0; id < buffers_.size(); ++id) {
      if (buffers_[id].kind != Buffer::Kind::result) continue;
      const int input = aliases_[static_cast<size_t>(buffers_[id].index)];
      if (input < 0) continue;
      const auto found = std::ranges::find_if(
          buffers_, [&](const Buffer& other) { return other.kind == Buffer::Kind::input && other.index == input; });
      const int memory = static_cast<int>(found - buffers_.begin());
      const Lifetime& reads = plan_.lifetimes[static_cast<size_t>(memory)];
      const int write = plan_.lifetimes[id].first;
      const Call& move = calls_[static_cast<size_t>(write)];
      const bool is_itself = reads.last == write && move.reads[0].buffer == memory && move.is_move;
      if (reads.last >= write && !is_itself) {
        return fail("result {} is stored over an input that another result still reads; return a copy", move.label);
      }
      merge(memory, static_cast<int>(id));
    }
    return {};
  }

  // Results first, so that values are computed where the caller wants them; then the copies that in-place operations
  // make of what they change.
  void share_moves() {
    for (const bool results : {true, false}) {
      for (size_t call = calls_.size(); call-- > 0;) {
        const Call& move = calls_[call];
        if (!move.is_move) continue;
        const int to = move.writes[0].buffer;
        if ((buffer(to).kind == Buffer::Kind::result) == results) try_merge(move.reads[0].buffer, to);
      }
    }
  }

  void share_in_place() {
    for (const Call& call : calls_) {
      for (const auto& [read, write] : call.in_place) {
        try_merge(call.reads[static_cast<size_t>(read)].buffer, call.writes[static_cast<size_t>(write)].buffer);
      }
    }
  }

  void try_merge(int a, int b) {
    const int first = plan_.owner[static_cast<size_t>(a)];
    const int second = plan_.owner[static_cast<size_t>(b)];
    if (first == second || buffer(a).bytes != buffer(b).bytes || buffer(a).bytes == 0) return;
    if (is_external(first) && is_external(second)) return;
    for (const int p : members_[static_cast<size_t>(first)]) {
      for (const int q : members_[static_cast<size_t>(second)]) {
        if (!may_share(p, q)) return;
      }
    }
    merge(first, second);
  }

  bool is_external(int id) const {
    return std::ranges::any_of(members_[static_cast<size_t>(id)],
                               [&](int member) { return buffer(member).kind != Buffer::Kind::arena; });
  }

  // One's life ends before the other's begins, or in the very call that allows it.
  bool may_share(int p, int q) const {
    const Lifetime& a = plan_.lifetimes[static_cast<size_t>(p)];
    const Lifetime& b = plan_.lifetimes[static_cast<size_t>(q)];
    if (!a.is_used() || !b.is_used()) return true;
    if (a.last < b.first || b.last < a.first) return true;
    if (a.last == b.first) return hands_over(p, q, a.last);
    if (b.last == a.first) return hands_over(q, p, b.last);
    return false;
  }

  bool hands_over(int from, int to, int call_index) const {
    if (call_index < 0 || call_index == kForever) return false;
    const Call& call = calls_[static_cast<size_t>(call_index)];
    return std::ranges::any_of(call.in_place, [&](const auto& pair) {
      return call.reads[static_cast<size_t>(pair.first)].buffer == from &&
             call.writes[static_cast<size_t>(pair.second)].buffer == to;
    });
  }

  void merge(int a, int b) {
    const int into = plan_.owner[static_cast<size_t>(a)];
    const int from = plan_.owner[static_cast<size_t>(b)];
    auto& target = members_[static_cast<size_t>(into)];
    for (const int member : members_[static_cast<size_t>(from)]) {
      plan_.owner[static_cast<size_t>(member)] = into;
      target.push_back(member);
    }
    members_[static_cast<size_t>(from)].clear();
  }

  struct Block {
    int owner;
    int64_t bytes;
    Lifetime life;
    int64_t offset = 0;
    bool overlaps(const Block& other) const { return life.first <= other.life.last && other.life.first <= life.last; }
  };

  std::vector<Block> arena_blocks() {
    std::vector<Block> blocks;
    for (size_t id = 0; id < buffers_.size(); ++id) {
      const bool is_arena = buffers_[id].kind == Buffer::Kind::arena;
      if (is_arena && plan_.lifetimes[id].is_used()) plan_.unplanned_bytes += buffers_[id].bytes;
      if (plan_.owner[id] != static_cast<int>(id) || is_external(static_cast<int>(id))) continue;
      Block block{static_cast<int>(id),
                  (buffers_[id].bytes + kArenaAlignment - 1) / kArenaAlignment * kArenaAlignment,
                  {kForever, -1}};
      for (const int member : members_[id]) {
        const Lifetime& life = plan_.lifetimes[static_cast<size_t>(member)];
        block.life.first = std::min(block.life.first, life.first);
        block.life.last = std::max(block.life.last, life.last);
      }
      if (block.life.is_used()) blocks.push_back(block);
    }
    return blocks;
  }

  // The largest first; each into the smallest gap, between those that live at the same time, that holds it.
  void place() {
    plan_.offset.assign(buffers_.size(), -1);
    std::vector<Block> blocks = arena_blocks();
    std::ranges::sort(blocks, [](const Block& a, const Block& b) {
      return a.bytes != b.bytes ? a.bytes > b.bytes : a.owner < b.owner;
    });
    std::vector<Block> placed;  // by offset
    for (Block& block : blocks) {
      int64_t best_offset = -1;
      int64_t best_gap = std::numeric_limits<int64_t>::max();
      int64_t free_from = 0;
      for (const Block& other : placed) {
        if (!block.overlaps(other)) continue;
        const int64_t gap = other.offset - free_from;
        if (gap >= block.bytes && gap < best_gap) {
          best_gap = gap;
          best_offset = free_from;
        }
        free_from = std::max(free_from, other.offset + other.bytes);
      }
      block.offset = best_offset >= 0 ? best_offset : free_from;
      plan_.offset[static_cast<size_t>(block.owner)] = block.offset;
      plan_.arena_bytes = std::max(plan_.arena_bytes, block.offset + block.bytes);
      placed.insert(std::ranges::upper_bound(placed, block.offset, {}, &Block::offset), block);
    }
  }

  const std::vector<Buffer>& buffers_;
  const std::vector<Call>& calls_;
  std::span<const int> aliases_;
  MemoryPlan plan_;
  std::vector<std::vector<int>> members_;  // by owner
};

}  // namespace

Result<MemoryPlan> plan_memory(const LoweredFunction& lowered, std::span<const int> aliases) {
  return Planner(lowered, aliases).run();
}

}  // namespace millwright::cpu
