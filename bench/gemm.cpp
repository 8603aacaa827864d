// bench_gemm: the matrix product at the shapes of a training step, against the measured multiply-add peak and, where
// installed, oneDNN and OpenBLAS. Weights are cold: every product of a step has its own, more than the caches hold.
//
//   bench_gemm [--threads N] [--repetitions N] [--sequence N] [--no-step]
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "base/parallel.h"
#include "cpu/kernels/gemm.h"
#include "cpu/kernels/peak.h"
#include "cpu/kernels/targets.h"

#if defined(MILLWRIGHT_HAVE_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#endif
#if defined(MILLWRIGHT_HAVE_OPENBLAS)
#include <cblas.h>
#endif

namespace millwright {
namespace {

// C [m, n] = op(A)·op(B), all row-major and dense; a transposed operand is stored [k, m] or [n, k].
struct Product {
  std::string name;
  int64_t m = 0, n = 0, k = 0;
  bool a_transposed = false, b_transposed = false;
  int64_t batch = 1;  // independent products, one after the other in memory

  double flops() const {
    return 2.0 * static_cast<double>(batch * m) * static_cast<double>(n) * static_cast<double>(k);
  }
};

using Multiply = std::function<void(const Product&, const float* a, const float* b, float* c)>;

struct Library {
  std::string name;
  Multiply multiply;
};

void multiply_ours(const Product& product, const float* a, const float* b, float* c) {
  cpu::GemmProblem problem;
  problem.m = product.m;
  problem.n = product.n;
  problem.k = product.k;
  problem.a.data = a;
  problem.a.row_stride = product.a_transposed ? 1 : product.k;
  problem.a.column_stride = product.a_transposed ? product.m : 1;
  problem.b.data = b;
  problem.b.row_stride = product.b_transposed ? 1 : product.n;
  problem.b.column_stride = product.b_transposed ? product.k : 1;
  problem.c = {c, product.n, 1, {product.m * product.n, 0, 0}};
  problem.batch[0].size = product.batch;
  problem.a.batch_strides[0] = product.m * product.k;
  problem.b.batch_strides[0] = product.k * product.n;
  cpu::gemm(problem);
}

// For libraries whose product has no batch.
[[maybe_unused]] Multiply one_by_one(Multiply multiply) {
  return [multiply](const Product& product, const float* a, const float* b, float* c) {
    Product single = product;
    single.batch = 1;
    for (int64_t i = 0; i < product.batch; ++i) {
      multiply(single, a + i * product.m * product.k, b + i * product.k * product.n, c + i * product.m * product.n);
    }
  };
}

std::vector<Library> libraries(int threads) {
  std::vector<Library> all{{"millwright", multiply_ours}};
#if defined(MILLWRIGHT_HAVE_ONEDNN)
  all.push_back({"oneDNN", one_by_one([](const Product& p, const float* a, const float* b, float* c) {
                   dnnl_sgemm(p.a_transposed ? 'T' : 'N', p.b_transposed ? 'T' : 'N', p.m, p.n, p.k, 1.0f, a,
                              p.a_transposed ? p.m : p.k, b, p.b_transposed ? p.k : p.n, 0.0f, c, p.n);
                 })});
#endif
#if defined(MILLWRIGHT_HAVE_OPENBLAS)
  openblas_set_num_threads(threads);
  all.push_back({fmt::format("OpenBLAS({})", openblas_get_corename()),
                 one_by_one([](const Product& p, const float* a, const float* b, float* c) {
                   cblas_sgemm(CblasRowMajor, p.a_transposed ? CblasTrans : CblasNoTrans,
                               p.b_transposed ? CblasTrans : CblasNoTrans, static_cast<blasint>(p.m),
                               static_cast<blasint>(p.n), static_cast<blasint>(p.k), 1.0f, a,
                               static_cast<blasint>(p.a_transposed ? p.m : p.k), b,
                               static_cast<blasint>(p.b_transposed ? p.k : p.n), 0.0f, c, static_cast<blasint>(p.n));
                 })});
#endif
  (void)threads;
  return all;
}

double now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

struct Matrix {
  AlignedBuffer buffer;
  float* data = nullptr;

  explicit Matrix(int64_t elements) : buffer(static_cast<size_t>(elements) * sizeof(float)) {
    data = reinterpret_cast<float*>(buffer.data());
    for (int64_t i = 0; i < elements; ++i) data[i] = static_cast<float>(i % 251) * 0.008f - 1.0f;
  }
};

// GFLOP/s of one product, best of the repetitions, each on other operands until `cold_bytes` are used up.
double measure(const Multiply& multiply, const Product& product, int repetitions) {
  constexpr int64_t kColdBytes = 300 << 20;
  const int64_t a_size = product.batch * product.m * product.k, b_size = product.batch * product.k * product.n;
  const int64_t bytes = 4 * (a_size + b_size);
  const auto copies = static_cast<size_t>(std::clamp<int64_t>(kColdBytes / bytes, 1, 64));
  std::vector<Matrix> as, bs;
  for (size_t i = 0; i < copies; ++i) {
    as.emplace_back(a_size);
    bs.emplace_back(b_size);
  }
  Matrix c(product.batch * product.m * product.n);
  multiply(product, as[0].data, bs[0].data, c.data);
  double best = 1e30;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    const double start = now();
    for (size_t i = 0; i < copies; ++i) multiply(product, as[i].data, bs[i].data, c.data);
    best = std::min(best, (now() - start) / static_cast<double>(copies));
  }
  return product.flops() / best / 1e9;
}

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
      const double gflops = measure(library.multiply, product, repetitions);
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
