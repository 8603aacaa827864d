#include "ane/profile_fields.h"

namespace millwright::ane {

namespace {

constexpr double kMost = 1e15;  // counts and bytes: exact in a double

constexpr std::string_view kRoutes[] = {"in-memory", "e5"};
constexpr std::string_view kAcceptances[] = {"accept", "reject"};
constexpr std::string_view kRows[] = {"padded", "packed"};
constexpr std::string_view kNarrow[] = {"refuse", "zeros"};
constexpr std::string_view kBindings[] = {"alphabetical", "declaration"};
constexpr std::string_view kValidations[] = {"strict", "lenient"};
constexpr std::string_view kOnChipModels[] = {"operand", "capacity"};
constexpr std::string_view kTies[] = {"to-even", "away"};
constexpr std::string_view kIdentities[] = {"content", "text"};

}  // namespace

std::span<const std::string_view> words_of(Route) { return kRoutes; }
std::span<const std::string_view> words_of(Acceptance) { return kAcceptances; }
std::span<const std::string_view> words_of(SurfaceRows) { return kRows; }
std::span<const std::string_view> words_of(NarrowSurfaces) { return kNarrow; }
std::span<const std::string_view> words_of(Binding) { return kBindings; }
std::span<const std::string_view> words_of(BlobValidation) { return kValidations; }
std::span<const std::string_view> words_of(OnChipModel) { return kOnChipModels; }
std::span<const std::string_view> words_of(Ties) { return kTies; }
std::span<const std::string_view> words_of(Identity) { return kIdentities; }

// A fact's type follows from its member.
#define MW_FACT(section, member) \
#section, #member, +[](ChipProfile & profile) -> decltype(profile.section.member)& { return profile.section.member; }

std::span<const ProfileField> profile_fields() {
  static const std::vector<ProfileField> fields = {
      {MW_FACT(throughput, fp16_tflops), "TFLOPS", "highest rate of deep convolution chains", 1e-3, 1e4},
      {MW_FACT(throughput, matmul_tflops), "TFLOPS", "highest rate of single matmuls", 1e-3, 1e4},
      {MW_FACT(throughput, int8_speedup), "", "convolution chains with int8 activations over fp16", 0.1, 16},

      {MW_FACT(memory, dram_gbps), "GB/s", "DRAM bandwidth of the whole chip", 0.1, 1e5},
      {MW_FACT(memory, weight_gbps), "GB/s", "weights from DRAM into the engine", 0.1, 1e5},
      {MW_FACT(memory, activation_gbps), "GB/s", "activations from and to DRAM", 0.1, 1e5},
      {MW_FACT(memory, staging_gbps), "GB/s", "CPU copying contiguous rows into surfaces", 0.1, 1e5},
      {MW_FACT(memory, strided_staging_gbps), "GB/s", "CPU interleaving weights into a packed surface", 0.1, 1e5},
      {MW_FACT(memory, operand_bytes), "bytes", "an operand above this streams from DRAM (C64)", 1024, kMost, true,
       true},
      {MW_FACT(memory, on_chip_model), "", "what limits on-chip memory (C64, C65)", 0, 0, false},
      {MW_FACT(memory, capacity_bytes), "bytes", "on-chip memory under the model \"capacity\" (C65)", 1024, kMost},
      {MW_FACT(memory, weight_bank_bytes), "bytes", "most weights of a loaded program (C2A)", 1024, kMost, true, true},
      {MW_FACT(memory, surface_bytes), "bytes", "all surfaces before locking gets slow, with 16 GB of memory (C62)",
       1024, kMost, true, true},
      {MW_FACT(memory, int8_weights_stream), "", "int8 weights cross DRAM as int8 (C46)"},

      {MW_FACT(dispatch, floor_ms), "ms", "an evaluation that does nothing, at best (C63)", 0, 1e4},
      {MW_FACT(dispatch, median_factor), "", "median over best", 1, 100},
      {MW_FACT(dispatch, first_call_factor), "", "first evaluation after load over the later ones (C68)", 1, 1e4},
      {MW_FACT(dispatch, second_call_factor), "", "second evaluation over the later ones (C68)", 1, 1e4},
      {MW_FACT(dispatch, idle_seconds), "s", "without work for so long the engine sleeps (C68)", 0, 1e6},
      {MW_FACT(dispatch, wake_ms), "ms", "what the next evaluation then costs (C68)", 0, 1e6},
      {MW_FACT(dispatch, background_factor), "", "an evaluation with background class of service over the standard one",
       0.01, 100},

      {MW_FACT(limits, rank), "", "axes of a tensor (C10)", 1, 16, false},
      {MW_FACT(limits, axis), "", "longest axis (C12)", 1, kMost, false},
      {MW_FACT(limits, channel_axis), "", "longest channel axis (C12)", 1, kMost, false},
      {MW_FACT(limits, batch), "", "longest batch axis (C11)", 1, kMost, false},
      {MW_FACT(limits, conv_output_channels), "", "output channels of a convolution (C13)", 1, kMost, false, true},
      {MW_FACT(limits, runtime_conv_outputs), "", "output channels of a convolution with a computed weight (C16)", 1,
       kMost, false, true},
      {MW_FACT(limits, pad_width), "", "last axis of a padded tensor (C14)", 1, kMost, false, true},
      {MW_FACT(limits, kernel_width), "", "width of a convolution's kernel in fp16 (C15)", 1, 4096, false, true},
      {MW_FACT(limits, conv_operations), "", "convolutions of a program (C19)", 1, kMost, false, true},
      {MW_FACT(limits, blob_files), "", "weight files of a program (C42)", 1, kMost, false, true},
      {MW_FACT(limits, surface_slots), "", "surfaces of an evaluation (C3D)", 1, kMost, false, true},
      {MW_FACT(limits, subprogram_weight_bytes), "bytes", "weights of a program (C18)", 1, kMost, false, true},
      {MW_FACT(limits, fan_in), "", "branches that meet in one operation (C1B)", 2, kMost, false, true},
      {MW_FACT(limits, native_sin_cos), "", "sin and cos are operations of the engine", 0, 0, false},
      {MW_FACT(limits, operations), "", "operations that the in-memory interface compiles (C09)", 0, 0, false},
      {MW_FACT(limits, e5_operations), "", "operations that the E5 runtime compiles (C09)", 0, 0, false},

      {MW_FACT(lifecycle, compile_budget), "", "successful compiles of a process (C21)", 1, kMost, false, true},
      {MW_FACT(lifecycle, system_compile_budget), "", "compiles of all processes until reboot (C22)", 1, kMost, false,
       true},
      {MW_FACT(lifecycle, loaded_programs), "", "programs that a process may have loaded (C20)", 1, kMost, false, true},
      {MW_FACT(lifecycle, in_flight), "", "evaluations waiting per program (C23)", 1, kMost, false, true},
      {MW_FACT(lifecycle, compile_ms), "ms", "compiling a program of one 768-wide layer", 0, 1e9},
      {MW_FACT(lifecycle, same_topology_factor), "", "recompiling with other weights over compiling (C2C)", 0, 1},
      {MW_FACT(lifecycle, load_ms), "ms", "loading a program", 0, 1e9},
      {MW_FACT(lifecycle, reload_ms), "ms", "loading a program again", 0, 1e9},
      {MW_FACT(lifecycle, unload_ms), "ms", "unloading a program", 0, 1e9},
      {MW_FACT(lifecycle, failure_pause_seconds), "s", "failed compiles closer together slow down the compiler (C28)",
       0, 1e6},
      {MW_FACT(lifecycle, failure_penalty_ms), "ms", "what such a failure adds (C28)", 0, 1e9},
      {MW_FACT(lifecycle, background_compile_slowdown), "", "evaluations while something compiles (C6B)", 1, 100},
      {MW_FACT(lifecycle, identity), "",
       "a program is known by its text and weights, or by its text and the names of its weight files (C24)", 0, 0,
       false},
      {MW_FACT(lifecycle, seeded_load), "", "a new identity seeded from a donor loads without compiling (C25)", 0, 0,
       false},
      {MW_FACT(lifecycle, load_retry), "", "the first load after an unload fails (C29)", 0, 0, false},

      {MW_FACT(surfaces, rows), "", "rows of surfaces take multiples of 64 bytes, or just their elements (C30)", 0, 0,
       false},
      {MW_FACT(surfaces, narrow), "", "what a surface with too short rows does (C31)", 0, 0, false},
      {MW_FACT(surfaces, binding), "", "which surface belongs to which tensor (C33)", 0, 0, false},
      {MW_FACT(surfaces, equal_sizes), "", "all surfaces of an evaluation must have one size (C34)", 0, 0, false},
      {MW_FACT(surfaces, m1_order), "", "input sizes must ascend and output sizes descend (C35)", 0, 0, false},
      {MW_FACT(surfaces, m1_broadcasts), "", "broadcasts of run-time vectors come out wrong (C3A)", 0, 0, false},
      {MW_FACT(surfaces, rank4_inputs), "", "inputs of rank 4 before evaluation fails (C37)", 1, kMost, false, true},
      {MW_FACT(surfaces, alignment), "bytes", "alignment of a surface's first byte (C3C)", 1, 1 << 20, false},

      {MW_FACT(rules, route), "", "how programs reach the engine", 0, 0, false},
      {MW_FACT(rules, concat), "", "concat (C07)", 0, 0, false},
      {MW_FACT(rules, baked_matmul_operand), "", "a constant as matmul operand (C0F)", 0, 0, false},
      {MW_FACT(rules, blob_validation), "", "whether damaged weight files are refused (C40, C41)", 0, 0, false},
      {MW_FACT(rules, attention_group), "", "split, matmul, softmax and tile in one program fail (C0A)", 0, 0, false},
      {MW_FACT(rules, espresso_limits), "", "softmax widths, sliced inputs and reduce_mean are refused (C0C)", 0, 0,
       false},

      {MW_FACT(numerics, width_slice_overflow), "", "slices behind the start of the last axis overflow early (C51)"},
      {MW_FACT(numerics, product_limit), "", "results of products from here on are infinite (C52)", 1, 65536},
      {MW_FACT(numerics, partial_product_limit), "", "partial sums of products too (C52)", 0, 0, false},
      {MW_FACT(numerics, sum_ties), "", "rounding half-way between two numbers (C57)"},
      {MW_FACT(numerics, flushes_denormal_products), "", "products flush denormals to zero (C58)"},
      {MW_FACT(numerics, hides_nan), "", "NaN never leaves the engine (C59)"},
      {MW_FACT(numerics, log_of_zero), "", "log(0) (C59)", -1e9, 0},
      {MW_FACT(numerics, exp_limit), "", "exp of more is infinite (C5C)", 1, 1000},
      {MW_FACT(numerics, softplus_limit), "", "softplus of more is wrong (C55)", 1, 1000, true, false},
      {MW_FACT(numerics, pow_broken), "", "pow gives NaN or infinity (C53)", 0, 0, false},
      {MW_FACT(numerics, sqrt_broadcast_broken), "", "sqrt before a broadcast or division is wrong (C54)", 0, 0, false},

      {MW_FACT(power, idle_w), "W", "engine rail, nothing to do", 0, 1e3},
      {MW_FACT(power, dispatch_w), "W", "engine rail, small evaluations", 0, 1e3},
      {MW_FACT(power, streaming_w), "W", "engine rail, bound by memory", 0, 1e3},
      {MW_FACT(power, compute_w), "W", "engine rail, bound by arithmetic", 0, 1e3},
      {MW_FACT(power, int8_factor), "", "int8 over fp16", 0.1, 10},

      {MW_FACT(cost, floor_ms), "ms", "fitted: an evaluation that does nothing", 0, 1e4},
      {MW_FACT(cost, peak_tflops), "TFLOPS", "fitted: fp16 products with many positions", 1e-3, 1e4},
      {MW_FACT(cost, half_rate_positions), "", "fitted: positions at which products reach half of it", 0, 1e6},
      {MW_FACT(cost, weight_gbps), "GB/s", "fitted: constants from DRAM", 1e-3, 1e5},
      {MW_FACT(cost, activation_gbps), "GB/s", "fitted: surfaces and changes of layout", 1e-3, 1e5},
      {MW_FACT(cost, on_chip_bytes_per_flop), "", "bandwidth between operations over peak rate", 1e-6, 1e3},
      {MW_FACT(cost, stride_conflict), "", "fitted: slowdown of weights with rows of 8 KiB, 16 KiB, ... (C65)", 1, 100},
      {MW_FACT(cost, compile_ms), "ms", "fitted: compiling a program of no operations", 0, 1e6},
      {MW_FACT(cost, compile_operation_ms), "ms", "fitted: compiling one operation", 0, 1e6},
      {MW_FACT(cost, compile_megabyte_ms), "ms", "fitted: compiling 1 MB of constants", 0, 1e6},
  };
  return fields;
}

#undef MW_FACT

}  // namespace millwright::ane
