// The machine's own fp32 multiply-add peak, measured with a loop that stays in registers: what benchmarks divide by.
#pragma once

namespace millwright::cpu {

// GFLOP/s (a multiply-add counts two) of `threads` threads at once, best of a few repetitions, about 0.1 s in all.
double measure_fma_peak_gflops(int threads);

}  // namespace millwright::cpu
