// The MIL executor of the CPU: compiles a function to a list of kernel calls over one arena, then runs it.
// compile() rewrites (fusion, folded transposes, in-place updates), plans memory by liveness and picks kernels; run()
// only computes. Results do not depend on the thread count: every reduction has an order fixed by shapes.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "mil/ir.h"

namespace millwright::cpu {

struct CompileOptions {
  // Record the time of every kernel call in run(); costs two clock reads per call.
  bool profile = false;
};

// Time of the kernel calls made for one operation (or fused group), summed over the runs so far.
struct ProfileEntry {
  std::string label;   // the label of the operation that ends the group
  std::string kernel;  // "matmul", "elementwise(5)", …
  int64_t calls = 0;
  double seconds = 0;
  double flops = 0;  // per call, products counted as 2·m·n·k; 0 for memory-bound kernels
  double bytes = 0;  // per call: operands read plus results written
};

struct MemoryReport {
  int64_t arena_bytes = 0;      // peak of all intermediate values together, as planned
  int64_t constant_bytes = 0;   // constants kept by the executable
  int64_t workspace_bytes = 0;  // packing buffers and the like
  int64_t unplanned_bytes = 0;  // what the intermediate values would take without sharing
};

// What lies in the memory of an input: the tensor inside a state, else the input itself.
inline bool is_state(const mil::Type& type) { return type.kind() == mil::Type::Kind::state; }
inline const mil::Type& memory_type(const mil::Type& type) { return is_state(type) ? type.arguments()[0] : type; }

class CompiledFunction {
 public:
  // Fails with the operation's name and place where one has no kernel, a shape is unknown, or an alias is unsafe.
  static Result<std::unique_ptr<CompiledFunction>> compile(const mil::Function& function,
                                                           const CompileOptions& options);
  virtual ~CompiledFunction() = default;

  // One pointer per function input and per result, in their order, each to memory_type().bytes() bytes aligned to 64.
  // Where a result aliases an input, the two pointers must be equal. A state is read and updated where it lies. Inputs
  // that are no states and that no result aliases are never written. After an error, states and results are undefined.
  // Not reentrant: one run at a time per object.
  virtual Status run(std::span<void* const> inputs, std::span<void* const> results) = 0;

  // The types of the results. Where the function leaves sizes open that follow from its inputs' types and constants,
  // these are known here.
  virtual const std::vector<mil::Type>& result_types() const = 0;
  virtual MemoryReport memory() const = 0;
  virtual std::vector<ProfileEntry> profile() const = 0;  // in execution order; empty unless asked for
  virtual void reset_profile() = 0;
  // The kernel calls in order, one line each, for tests that count them and for people.
  virtual std::string listing() const = 0;
};

}  // namespace millwright::cpu
