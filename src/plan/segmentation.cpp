#include "plan/segmentation.h"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>

#include "base/check.h"

namespace millwright::plan {
namespace {

using mil::Operation;
using mil::Value;

// A set of engine programs, by their number.
using ProgramSet = std::vector<bool>;

void unite(ProgramSet& into, const ProgramSet& from) {
  for (size_t i = 0; i < from.size(); ++i) into[i] = into[i] || from[i];
}

// Costs nothing on either side of a border.
bool is_view(const Operation& operation) {
  const auto& kind = operation.kind();
  return kind == "reshape" || kind == "squeeze" || kind == "expand_dims";
}

bool multiplies_a_parameter(const Operation& operation) {
  if (operation.kind() != "matmul" && operation.kind() != "conv") return false;
  const auto operands = operation.all_operands();
  return std::any_of(operands.begin(), operands.end(), [](const Value* value) { return value->producer() == nullptr; });
}

class Cutter {
 public:
  Cutter(const mil::Function& function, const Placements& placements, const Pipeline& pipeline)
      : function_(function), placements_(placements), pipeline_(pipeline) {}

  Result<std::vector<Segment>> cut() {
    number_programs();
    MW_TRY(order_programs());
    make_segments();
    MW_TRY(fill_segments());
    return std::move(segments_);
  }

 private:
  const OperationPlacement& placement(const Operation* operation) const { return placements_.at(operation); }

  // The engine programs in the order of their first operations, and for every operation those that it waits for.
  void number_programs() {
    size_t position = 0;
    for (const auto& operation : function_.block().operations()) {
      positions_[operation.get()] = position++;
      if (operation->is_const() || !placement(operation.get()).is_engine()) continue;
      const std::string& name = placement(operation.get()).segment;
      if (programs_.emplace(name, program_names_.size()).second) program_names_.push_back(name);
    }
    const size_t count = program_names_.size();
    awaited_by_program_.assign(count, ProgramSet(count));
    for (const auto& operation : function_.block().operations()) {
      if (operation->is_const()) continue;
      ProgramSet awaited(count);
      for (const Value* operand : operation->all_operands()) {
        const Operation* producer = operand->producer();
        if (producer == nullptr || producer->is_const()) continue;
        unite(awaited, awaited_.at(producer));
        if (placement(producer).is_engine()) awaited[programs_.at(placement(producer).segment)] = true;
      }
      if (placement(operation.get()).is_engine()) {
        const size_t own = programs_.at(placement(operation.get()).segment);
        unite(awaited_by_program_[own], awaited);
        awaited_by_program_[own][own] = false;
      }
      awaited_.emplace(operation.get(), std::move(awaited));
    }
  }

  // Each after those that it waits for; among those that could come next, the one that begins first in the function.
  Status order_programs() {
    const size_t count = program_names_.size();
    // An operation waits for a program by way of another one: that one's own waits count too.
    for (size_t middle = 0; middle < count; ++middle) {
      for (size_t i = 0; i < count; ++i) {
        if (awaited_by_program_[i][middle]) unite(awaited_by_program_[i], awaited_by_program_[middle]);
      }
    }
    for (size_t i = 0; i < count; ++i) {
      for (size_t j = 0; j < i; ++j) {
        if (!awaited_by_program_[i][j] || !awaited_by_program_[j][i]) continue;
        return fail("plan: the programs {} and {} wait for each other, so neither can run as one; cut them finer",
                    program_names_[j], program_names_[i]);
      }
    }
    ProgramSet done(count);
    rank_.assign(count, 0);
    for (size_t rank = 1; rank <= count; ++rank) {
      for (size_t i = 0; i < count; ++i) {
        const auto& awaited = awaited_by_program_[i];
        bool is_ready = !done[i];
        for (size_t j = 0; j < count && is_ready; ++j) is_ready = !awaited[j] || done[j];
        if (!is_ready) continue;
        done[i] = true;
        rank_[i] = rank;
        by_rank_.push_back(i);
        break;
      }
    }
    MW_CHECK(by_rank_.size() == count, "{} of {} programs ordered", by_rank_.size(), count);
    return {};
  }

  // The last program that the operation waits for, counted from 1; 0 where it waits for none.
  size_t rank_of(const Operation* operation) const {
    size_t last = 0;
    const ProgramSet& awaited = awaited_.at(operation);
    for (size_t i = 0; i < awaited.size(); ++i) {
      if (awaited[i]) last = std::max(last, rank_[i]);
    }
    return last;
  }

  // cpu 0, program 1, gradients 0, cpu 1, program 2, gradients 1, …: gradients run beside the program behind them.
  void make_segments() {
    const size_t count = program_names_.size();
    const auto add = [&](Segment::Kind kind, std::string name) {
      segments_.push_back({kind, std::move(name), {}, {}, {}, {}, std::nullopt});
      return segments_.size() - 1;
    };
    for (size_t rank = 0; rank <= count; ++rank) {
      cpu_segments_.push_back(add(Segment::Kind::cpu, fmt::format("cpu.{}", rank)));
      if (rank < count) {
        engine_segments_.push_back(add(Segment::Kind::engine, program_names_[by_rank_[rank]]));
        segments_[cpu_segments_.back()].staged = engine_segments_.back();
      }
      gradient_segments_.push_back(add(Segment::Kind::gradients, fmt::format("gradients.{}", rank)));
    }
    for (const auto& operation : function_.block().operations()) {
      if (operation->is_const()) continue;
      const OperationPlacement& place = placement(operation.get());
      size_t segment = 0;
      if (place.is_engine()) {
        segment = engine_segments_[rank_[programs_.at(place.segment)] - 1];
      } else {
        segment = (place.is_deferrable ? gradient_segments_ : cpu_segments_)[rank_of(operation.get())];
      }
      homes_[operation.get()] = segment;
    }
  }

  Status fill_segments() {
    bodies_.resize(segments_.size());
    for (const auto& operation : function_.block().operations()) {
      if (!operation->is_const()) bodies_[homes_.at(operation.get())].insert(operation.get());
    }
    const auto own = bodies_;
    // Programs first: what they take has to be staged by the segment before.
    for (const Segment::Kind kind : {Segment::Kind::engine, Segment::Kind::gradients, Segment::Kind::cpu}) {
      for (size_t i = 0; i < segments_.size(); ++i) {
        if (segments_[i].kind != kind) continue;
        for (const Operation* operation : sorted(own[i])) {
          for (const Value* operand : operation->all_operands()) MW_TRY(need(operand, i));
        }
        if (segments_[i].staged) {
          for (const SegmentInput& input : std::vector(segments_[*segments_[i].staged].inputs)) stage(input, i);
        }
      }
    }
    for (const Value* result : function_.results()) {
      MW_CHECK(result->producer() != nullptr && !result->producer()->is_const(), "result {} is computed by nothing",
               result->name().view());
      give_out(result, homes_.at(result->producer()));
    }
    for (size_t i = 0; i < segments_.size(); ++i) {
      segments_[i].operations = sorted(bodies_[i]);
      // In the order of the function, so that equal segments of different layers become equal programs.
      const auto position = [&](const Value* value) { return positions_.at(value->producer()); };
      std::ranges::sort(segments_[i].inputs, {}, [&](const SegmentInput& input) { return position(input.value); });
      std::ranges::sort(segments_[i].outputs, {}, position);
    }
    return {};
  }

  std::vector<const Operation*> sorted(const std::unordered_set<const Operation*>& operations) const {
    std::vector<const Operation*> list(operations.begin(), operations.end());
    std::sort(list.begin(), list.end(),
              [&](const Operation* a, const Operation* b) { return positions_.at(a) < positions_.at(b); });
    return list;
  }

  void give_out(const Value* value, size_t segment) {
    auto& outputs = segments_[segment].outputs;
    if (std::find(outputs.begin(), outputs.end(), value) == outputs.end()) outputs.push_back(value);
  }

  void take(const Value* value, size_t from, size_t segment) {
    auto& inputs = segments_[segment].inputs;
    const bool is_known =
        std::any_of(inputs.begin(), inputs.end(), [&](const SegmentInput& input) { return input.value == value; });
    if (is_known) return;
    inputs.push_back({value, from});
    give_out(value, from);
  }

  // What a program takes that the CPU computes in the segment before is packed there; all else comes to that segment.
  void stage(const SegmentInput& input, size_t segment) {
    if (input.from == segment) return;
    take(input.value, input.from, segment);
  }

  const Tap* find_tap(const Operation& operation) const {
    const ModelPlace place = model_place(operation);
    const auto found = std::find_if(pipeline_.taps.begin(), pipeline_.taps.end(), [&](const Tap& tap) {
      return !place.is_gradient && tap.part == place.part && tap.operation == place.operation;
    });
    return found == pipeline_.taps.end() ? nullptr : &*found;
  }

  // The segment that gives out the value to `segment`; nothing where it has to be computed there.
  std::optional<size_t> provider_of(const Operation& operation, size_t segment) const {
    const size_t home = homes_.at(&operation);
    if (segments_[home].kind != Segment::Kind::engine || model_place(operation).is_gradient) return home;
    const Tap* tap = find_tap(operation);
    if (tap == nullptr) return std::nullopt;
    if (tap->segment.empty()) return home;
    const std::string layer = model_place(operation).layer;
    const auto program =
        programs_.find(layer.empty() ? std::string(tap->segment) : layer + '.' + std::string(tap->segment));
    if (program == programs_.end()) return std::nullopt;
    const size_t copy = engine_segments_[rank_[program->second] - 1];
    if (copy < segment && bodies_[copy].contains(&operation)) return copy;
    return std::nullopt;
  }

  Status need(const Value* value, size_t segment) {
    const Operation* producer = value->producer();
    if (producer == nullptr) {
      auto& parameters = segments_[segment].parameters;
      if (std::find(parameters.begin(), parameters.end(), value) == parameters.end()) parameters.push_back(value);
      return {};
    }
    if (bodies_[segment].contains(producer)) return {};
    if (!producer->is_const() && !is_view(*producer)) {
      if (const auto provider = provider_of(*producer, segment)) {
        take(value, *provider, segment);
        return {};
      }
      if (multiplies_a_parameter(*producer)) {
        return fail("plan: {} would have to be computed again in {}; the pipeline {} lacks a tap for it",
                    mil::describe(*producer), segments_[segment].name, pipeline_.name);
      }
    }
    bodies_[segment].insert(producer);
    for (const Value* operand : producer->all_operands()) MW_TRY(need(operand, segment));
    return {};
  }

  const mil::Function& function_;
  const Placements& placements_;
  const Pipeline& pipeline_;

  std::unordered_map<const Operation*, size_t> positions_;
  std::unordered_map<std::string, size_t> programs_;
  std::vector<std::string> program_names_;
  std::unordered_map<const Operation*, ProgramSet> awaited_;
  std::vector<ProgramSet> awaited_by_program_;
  std::vector<size_t> rank_;     // by program, from 1
  std::vector<size_t> by_rank_;  // programs

  std::vector<Segment> segments_;
  std::vector<size_t> cpu_segments_;  // by rank
  std::vector<size_t> engine_segments_;
  std::vector<size_t> gradient_segments_;
  std::unordered_map<const Operation*, size_t> homes_;
  std::vector<std::unordered_set<const Operation*>> bodies_;
};

}  // namespace

Result<std::vector<Segment>> cut(const mil::Function& function, const Placements& placements,
                                 const Pipeline& pipeline) {
  return Cutter(function, placements, pipeline).cut();
}

}  // namespace millwright::plan
