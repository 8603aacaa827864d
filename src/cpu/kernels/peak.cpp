// The peak loop, once per Highway target.
#include "cpu/kernels/peak.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <thread>
#include <vector>

#include "cpu/kernels/targets.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "cpu/kernels/peak.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace millwright::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

// Twelve independent chains cover latency 4 on two ports with room to spare. They start from different values
// (values[0] to values[11]), so that the compiler cannot merge them; their sum goes to values[0], so that it cannot
// drop them.
double target_multiply_add_loop(int64_t iterations, float* values) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.999f);
  const auto term = hn::Set(d, 0.001f);
  auto x0 = hn::Set(d, values[0]), x1 = hn::Set(d, values[1]), x2 = hn::Set(d, values[2]), x3 = hn::Set(d, values[3]),
       x4 = hn::Set(d, values[4]), x5 = hn::Set(d, values[5]), x6 = hn::Set(d, values[6]), x7 = hn::Set(d, values[7]),
       x8 = hn::Set(d, values[8]), x9 = hn::Set(d, values[9]), x10 = hn::Set(d, values[10]),
       x11 = hn::Set(d, values[11]);
  for (int64_t i = 0; i < iterations; ++i) {
    x0 = hn::MulAdd(x0, factor, term);
    x1 = hn::MulAdd(x1, factor, term);
    x2 = hn::MulAdd(x2, factor, term);
    x3 = hn::MulAdd(x3, factor, term);
    x4 = hn::MulAdd(x4, factor, term);
    x5 = hn::MulAdd(x5, factor, term);
    x6 = hn::MulAdd(x6, factor, term);
    x7 = hn::MulAdd(x7, factor, term);
    x8 = hn::MulAdd(x8, factor, term);
    x9 = hn::MulAdd(x9, factor, term);
    x10 = hn::MulAdd(x10, factor, term);
    x11 = hn::MulAdd(x11, factor, term);
  }
  const auto sum0 = hn::Add(hn::Add(x0, x1), hn::Add(x2, x3));
  const auto sum1 = hn::Add(hn::Add(x4, x5), hn::Add(x6, x7));
  const auto sum2 = hn::Add(hn::Add(x8, x9), hn::Add(x10, x11));
  values[0] = hn::GetLane(hn::SumOfLanes(d, hn::Add(sum0, hn::Add(sum1, sum2))));
  return 12.0 * 2.0 * static_cast<double>(hn::Lanes(d)) * static_cast<double>(iterations);
}

}  // namespace HWY_NAMESPACE
}  // namespace millwright::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace millwright::cpu {

HWY_EXPORT(target_multiply_add_loop);

double measure_fma_peak_gflops(int threads) {
  constexpr int64_t kIterations = 4'000'000;  // about 10 ms
  constexpr int kRepetitions = 5;
  double best = 0.0;
  for (int repetition = 0; repetition < kRepetitions; ++repetition) {
    std::vector<double> flops(static_cast<size_t>(threads));
    const auto start = std::chrono::steady_clock::now();
    const auto run = [&](size_t index) {
      std::array<float, 12> values;
      for (size_t i = 0; i < values.size(); ++i) values[i] = 1.0f + static_cast<float>(i);
      flops[index] = HWY_DYNAMIC_DISPATCH(target_multiply_add_loop)(kIterations, values.data());
      volatile float sink = values[0];
      (void)sink;
    };
    std::vector<std::thread> workers;
    for (size_t index = 1; index < flops.size(); ++index) workers.emplace_back(run, index);
    run(0);
    for (std::thread& worker : workers) worker.join();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    double total = 0.0;
    for (double part : flops) total += part;
    best = std::max(best, total / seconds.count() / 1e9);
  }
  return best;
}

}  // namespace millwright::cpu
#endif
