// bench_gemm: the matrix product at the shapes of a training step, against the measured multiply-add peak and, where
// installed, oneDNN and OpenBLAS. Weights are cold: every product of a step has its own, more than the caches hold.
//
//   bench_gemm [--threads N] [--repetitions N] [--sequence N] [--no-step]
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <string>
#include <vector>

#include "base/parallel.h"
#include "cpu/kernels/peak.h"
#include "cpu/kernels/targets.h"
#include "libraries.h"

namespace millwright {
namespace {

std::vector<Product> shape_list(int64_t sequence) {
  return {{"W·X  768x768", 768, sequence, 768, false, false},
          {"W·X  2048x768", 2048, sequence, 768, false, false},
          {"W·X  768x2048", 768, sequence, 2048, false, false},
          {"W·X  32000x768", 32000, sequence, 768, false, false},
          {"WᵀdY 768x768", 768, sequence, 768, true, false},
          {"WᵀdY 768x2048", 768, sequence, 2048, true, false},
          {"WᵀdY 2048x768", 2048, sequence, 768, true, false},
          {"WᵀdY 768x32000", 768, sequence, 32000, true, false},
          {"dYXᵀ 768x768", 768, 768, sequence, false, true},
          {"dYXᵀ 2048x768", 2048, 768, sequence, false, true},
          {"dYXᵀ 768x2048", 768, 2048, sequence, false, true},
          {"dYXᵀ 32000x768", 32000, 768, sequence, false, true},
          {"W·x  2048x768, 1 column", 2048, 1, 768, false, false},
          {"Wᵀx  2048x768, 1 column", 2048, 1, 768, true, false},
          {"W·X  2048x768, 4 columns", 2048, 4, 768, false, false},
          {"W·X  2048x768, 16 columns", 2048, 16, 768, false, false},
          {"QᵀK  256x256x64, 12 heads", 256, 256, 64, true, false, 12},
          {"V·Pᵀ 64x256x256, 12 heads", 64, 256, 256, false, true, 12},
          {"Q·dS 64x256x256, 12 heads", 64, 256, 256, false, false, 12}};
}

// The 255 linear products of one step of Stories110M (12 layers, dim 768, hidden 2048, vocabulary 32000).
class StepProducts {
 public:
  explicit StepProducts(int64_t sequence) : sequence_(sequence) {
    for (int layer = 0; layer < 12; ++layer) {
      for (int projection = 0; projection < 4; ++projection) add_linear(768, 768);
      add_linear(2048, 768);
      add_linear(2048, 768);
      add_linear(768, 2048);
    }
    add_linear(32000, 768);
  }

  // Seconds of one step by phase: forward, input gradients, weight gradients.
  std::map<std::string, double> run(const Multiply& multiply) {
    std::map<std::string, double> seconds;
    for (Linear& linear : linears_) {
      const Product product{"", linear.out, sequence_, linear.in, false, false};
      time(seconds["forward"], [&] { multiply(product, linear.weight.data, linear.x.data, linear.y.data); });
    }
    for (auto linear = linears_.rbegin(); linear != linears_.rend(); ++linear) {
      const Product input{"", linear->in, sequence_, linear->out, true, false};
      time(seconds["input gradients"], [&] { multiply(input, linear->weight.data, linear->y.data, linear->dx.data); });
      const Product weight{"", linear->out, linear->in, sequence_, false, true};
      time(seconds["weight gradients"],
           [&] { multiply(weight, linear->y.data, linear->x.data, linear->gradient.data); });
    }
    return seconds;
  }

  double flops() const {
    double total = 0.0;
    for (const Linear& linear : linears_) {
      total += 6.0 * static_cast<double>(linear.out) * static_cast<double>(linear.in) * static_cast<double>(sequence_);
    }
    return total;
  }

 private:
  struct Linear {
    int64_t out, in;
    Matrix weight, gradient, x, y, dx;
  };

  void add_linear(int64_t out, int64_t in) {
    linears_.push_back({out, in, Matrix(out * in), Matrix(out * in), Matrix(in * sequence_), Matrix(out * sequence_),
                        Matrix(in * sequence_)});
  }

  static void time(double& total, const std::function<void()>& body) {
    const double start = now();
    body();
    total += now() - start;
  }

  int64_t sequence_;
  std::vector<Linear> linears_;
};

int run(int threads, int repetitions, int64_t sequence, bool step) {
  set_thread_count(threads);
  const double peak = cpu::measure_fma_peak_gflops(threads);
  fmt::print("target {}, {} threads, multiply-add peak {:.1f} GFLOP/s\n", cpu::kernel_targets().front().name, threads,
             peak);
  const std::vector<Library> all = libraries(threads);
  fmt::print("\nGFLOP/s (share of the peak), cold operands, best of {}\n{:<28}", repetitions, "");
  for (const Library& library : all) fmt::print("{:>24}", library.name);
  fmt::print("\n");
  for (const Product& product : shape_list(sequence)) {
    fmt::print("{:<28}", product.name);
    for (const Library& library : all) {
      const double gflops = product.flops() / measure_seconds(library.multiply, product, repetitions) / 1e9;
      fmt::print("{:>24}", fmt::format("{:.1f} ({:.0f} %)", gflops, 100.0 * gflops / peak));
    }
    fmt::print("\n");
    std::fflush(stdout);
  }
  if (!step) return 0;
  StepProducts products(sequence);
  fmt::print(
      "\nAll 255 linear products of a Stories110M step, batch 1, {} positions: {:.1f} GFLOP, {:.0f} ms at the peak\n",
      sequence, products.flops() / 1e9, products.flops() / peak / 1e6);
  for (const Library& library : all) {
    std::map<std::string, double> best;
    double best_total = 1e30;
    products.run(library.multiply);
    for (int repetition = 0; repetition < repetitions; ++repetition) {
      const std::map<std::string, double> seconds = products.run(library.multiply);
      double total = 0.0;
      for (const auto& [phase, part] : seconds) total += part;
      if (total < best_total) {
        best_total = total;
        best = seconds;
      }
    }
    fmt::print("{:<24}{:7.1f} ms  {:5.1f} % of the peak", library.name, best_total * 1e3,
               100.0 * products.flops() / best_total / 1e9 / peak);
    for (const auto& [phase, part] : best) fmt::print("  {} {:.1f}", phase, part * 1e3);
    fmt::print("\n");
  }
  return 0;
}

}  // namespace
}  // namespace millwright

int main(int argc, char** argv) {
  int threads = millwright::thread_count();
  int repetitions = 5;
  int64_t sequence = 256;
  bool step = true;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--no-step") {
      step = false;
    } else if (i + 1 < argc && option == "--threads") {
      threads = std::max(1, std::atoi(argv[++i]));
    } else if (i + 1 < argc && option == "--repetitions") {
      repetitions = std::max(1, std::atoi(argv[++i]));
    } else if (i + 1 < argc && option == "--sequence") {
      sequence = std::max(1, std::atoi(argv[++i]));
    } else {
      fmt::print(stderr, "usage: bench_gemm [--threads N] [--repetitions N] [--sequence N] [--no-step]\n");
      return 1;
    }
  }
  return millwright::run(threads, repetitions, sequence, step);
}
