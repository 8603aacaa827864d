// What is known of one engine: rates, sizes, limits, quirks and times, each with its source. Where sources contradict
// each other the profile holds the alternatives and says why it picked its value; "unknown" is a legal value.
// Profiles are JSON (docs/chip-profiles.md); those of m1 … m5 are part of the binary.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/files.h"
#include "base/result.h"

namespace millwright::ane {

// A limit that is not there, written "none" in files.
inline constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

// One fact with where it comes from. The sources are keys of docs/chip-profiles.md.
template <class T>
struct Fact {
  struct Alternative {
    std::optional<T> value;
    std::string source;
  };

  std::optional<T> value;  // nothing: unknown
  std::string source;
  std::string reason;  // why this value, where sources contradict each other or it was taken from a sibling
  std::vector<Alternative> alternatives;
  std::string profile;  // the file that says so: "common", "m4", "variant-e5", or the user's profile

  bool known() const { return value.has_value(); }
  T value_or(T otherwise) const { return value.value_or(std::move(otherwise)); }
  // Only for facts that a profile must know.
  const T& operator*() const {
    MW_CHECK(value.has_value(), "an unknown fact was used as if it were known");
    return *value;
  }
};

// How programs reach the engine: the private in-memory interface, or the E5 runtime that Core ML uses.
enum class Route : uint8_t { in_memory, e5 };
enum class Acceptance : uint8_t { accept, reject };
// Whether a row of a surface takes whole multiples of 64 bytes (U1) or just its elements.
enum class SurfaceRows : uint8_t { padded, packed };
// A surface too small for padded rows: evaluation is refused (0x1d), or runs and gives zeros (C31).
enum class NarrowSurfaces : uint8_t { refuse, zeros };
// How surfaces find their tensors: by the order of the tensors' names (U2), or as the program declares them.
enum class Binding : uint8_t { alphabetical, declaration };
// Whether a damaged weight file is refused at compile (strict) or read as it stands (lenient).
enum class BlobValidation : uint8_t { strict, lenient };
// What the stack looks a program up by: its text and its weights (U3), or its text and the names of its weight files.
enum class Identity : uint8_t { content, text };
// What limits on-chip memory: the size of single operands (C64), or one capacity for everything (C65).
enum class OnChipModel : uint8_t { operand, capacity };
// Where a sum lies half-way between two fp16 numbers (C57).
enum class Ties : uint8_t { to_even, away };

struct Throughput {
  Fact<double> fp16_tflops;    // highest of deep convolution chains
  Fact<double> matmul_tflops;  // highest of single matmuls
  Fact<double> int8_speedup;   // of convolution chains when the activations are int8 too
};

struct Memory {
  Fact<double> dram_gbps;             // of the whole chip
  Fact<double> weight_gbps;           // weights from DRAM into the engine
  Fact<double> activation_gbps;       // activations from and to DRAM
  Fact<double> staging_gbps;          // the CPU copying contiguous rows into surfaces
  Fact<double> strided_staging_gbps;  // the CPU interleaving weights into a packed surface
  Fact<int64_t> operand_bytes;        // an operand above this streams from DRAM
  Fact<OnChipModel> on_chip_model;    //
  Fact<int64_t> capacity_bytes;       // of the model "capacity"
  Fact<int64_t> weight_bank_bytes;    // most weights of a loaded program
  Fact<int64_t> surface_bytes;        // all surfaces of a process before locking gets slow
  Fact<bool> int8_weights_stream;     // int8 weights cross DRAM as int8
};

struct Dispatch {
  Fact<double> floor_ms;            // an evaluation that does nothing, at best
  Fact<double> median_factor;       // median over best
  Fact<double> first_call_factor;   // of the first evaluation after load
  Fact<double> second_call_factor;  //
  Fact<double> idle_seconds;        // after so long without work the engine sleeps
  Fact<double> wake_ms;             // what the next evaluation then costs
  Fact<double> background_factor;   // evaluations of background service over standard
};

struct Limits {
  Fact<int64_t> rank;
  Fact<int64_t> axis;                     // longest axis
  Fact<int64_t> channel_axis;             // longest axis 1 of a tensor of rank 4
  Fact<int64_t> batch;                    // longest axis 0 of a tensor of rank 4
  Fact<int64_t> conv_output_channels;     //
  Fact<int64_t> runtime_conv_outputs;     // output channels of a convolution whose weight is computed
  Fact<int64_t> pad_width;                // last axis of a padded tensor
  Fact<int64_t> kernel_width;             // of a convolution in fp16
  Fact<int64_t> conv_operations;          // per program
  Fact<int64_t> blob_files;               // weight files per program
  Fact<int64_t> surface_slots;            // inputs and outputs of one evaluation
  Fact<int64_t> subprogram_weight_bytes;  // C18
  Fact<int64_t> fan_in;                   // parallel branches that meet in one operation
  Fact<bool> native_sin_cos;
  Fact<std::vector<std::string>> operations;     // that the in-memory interface compiles
  Fact<std::vector<std::string>> e5_operations;  // that the E5 runtime compiles
};

struct Lifecycle {
  Fact<int64_t> compile_budget;         // successful compiles per process
  Fact<int64_t> system_compile_budget;  // of all processes until reboot
  Fact<int64_t> loaded_programs;        // per process
  Fact<int64_t> in_flight;              // evaluations waiting per program
  Fact<double> compile_ms;              // a program of one 768-wide layer
  Fact<double> same_topology_factor;    // recompiling with other weights
  Fact<double> load_ms;
  Fact<double> reload_ms;
  Fact<double> unload_ms;
  Fact<double> failure_pause_seconds;        // failures closer together than this slow down the compiler
  Fact<double> failure_penalty_ms;           //
  Fact<double> background_compile_slowdown;  // of evaluations while something compiles (C6B)
  Fact<Identity> identity;                   // under which a program is known (U3)
  Fact<bool> seeded_load;                    // a new identity with the donor's net.plist loads without compiling (C25)
  Fact<bool> load_retry;                     // the first load after an unload fails (C29)
};

struct Surfaces {
  Fact<SurfaceRows> rows;
  Fact<NarrowSurfaces> narrow;
  Fact<Binding> binding;
  Fact<bool> equal_sizes;      // every surface of an evaluation must have one size (C34)
  Fact<bool> m1_order;         // input sizes must ascend, output sizes descend (C35)
  Fact<bool> m1_broadcasts;    // broadcasts of run-time vectors come out wrong (C3A)
  Fact<int64_t> rank4_inputs;  // most run-time inputs of rank 4 (C37)
  Fact<int64_t> alignment;     // of a surface's first byte
};

struct RuleOptions {
  Fact<Route> route;
  Fact<Acceptance> concat;                // C07
  Fact<Acceptance> baked_matmul_operand;  // C0F
  Fact<BlobValidation> blob_validation;   // C41
  Fact<bool> attention_group;             // split, matmul, softmax and tile in one program fail (C0A)
  Fact<bool> espresso_limits;             // C0C
};

struct Numerics {
  Fact<bool> width_slice_overflow;       // a slice of the last axis behind its start multiplies by 16 inside (C51)
  Fact<double> product_limit;            // results of products at or above become infinite (C52)
  Fact<bool> partial_product_limit;      // … partial sums too
  Fact<Ties> sum_ties;                   // C57
  Fact<bool> flushes_denormal_products;  // C58
  Fact<bool> hides_nan;                  // C59
  Fact<double> log_of_zero;              // C59
  Fact<double> exp_limit;                // above, exp is infinite (C5C)
  Fact<double> softplus_limit;           // above, softplus is wrong (C55)
  Fact<bool> pow_broken;                 // C53
  Fact<bool> sqrt_broadcast_broken;      // C54
};

struct Power {
  Fact<double> idle_w;
  Fact<double> dispatch_w;   // small evaluations one after the other
  Fact<double> streaming_w;  // bound by memory
  Fact<double> compute_w;    // bound by arithmetic
  Fact<double> int8_factor;  // int8 over fp16 at the same work
};

// Constants of the cost model (cost_model.h), fitted to published measurements by bench/cost-model: what explains many
// rows together, where the facts above are what single sources say.
struct CostConstants {
  Fact<double> floor_ms;                // an evaluation that does nothing
  Fact<double> peak_tflops;             // fp16 products with many positions
  Fact<double> half_rate_positions;     // positions at which products reach half the peak
  Fact<double> weight_gbps;             // constants from DRAM
  Fact<double> activation_gbps;         // surfaces, and data that changes its layout
  Fact<double> on_chip_bytes_per_flop;  // bandwidth between operations over peak rate
  Fact<double> stride_conflict;         // slowdown of weights with rows of 8 KiB, 16 KiB, … (C65)
  Fact<double> compile_ms;              // a program of no operations
  Fact<double> compile_operation_ms;    // each operation
  Fact<double> compile_megabyte_ms;     // each MB of constants
};

struct ChipProfile {
  std::string name;    // "m4-max", "m4+macos26"
  std::string title;   // "M4 Max"
  std::string family;  // "H16"

  Throughput throughput;
  Memory memory;
  Dispatch dispatch;
  Limits limits;
  Lifecycle lifecycle;
  Surfaces surfaces;
  RuleOptions rules;
  Numerics numerics;
  Power power;
  CostConstants cost;
};

// "m1", "m1-pro", … in the order of their generations, and the variants that any of them can take: "macos26".
const std::vector<std::string>& profile_names();
const std::vector<std::string>& variant_names();

// A built-in profile with variants laid over it in turn: "m4", "m4+macos26". Unknown names are errors.
Result<ChipProfile> find_profile(std::string_view name);

// A profile of the user's. It stands on a built-in one ("base": "m4") and changes what it names; without a base it must
// name every fact. `source` names the text in errors.
Result<ChipProfile> parse_profile(std::string_view text, const std::string& source);
Result<ChipProfile> read_profile(const Path& path);

}  // namespace millwright::ane
