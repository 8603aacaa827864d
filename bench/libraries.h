// Matrix products of this project and of the libraries that the machine has, behind one call, for benchmarks that
// compare them. The peers are never needed by the product.
#pragma once

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/aligned_buffer.h"
#include "cpu/kernels/gemm.h"

#if defined(MILLWRIGHT_HAVE_ONEDNN)
#include <oneapi/dnnl/dnnl.h>
#endif
#if defined(MILLWRIGHT_HAVE_OPENBLAS)
#include <cblas.h>
#endif

namespace millwright {

// C [m, n] = op(A)·op(B) for each of `batch` matrices, all row-major and dense; a transposed operand is stored [k, m]
// or [n, k].
struct Product {
  std::string name;
  int64_t m = 0, n = 0, k = 0;
  bool a_transposed = false, b_transposed = false;
  int64_t batch = 1;

  double flops() const {
    return 2.0 * static_cast<double>(batch) * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  }
};

using Multiply = std::function<void(const Product&, const float* a, const float* b, float* c)>;

struct Library {
  std::string name;
  Multiply multiply;
};

inline void multiply_ours(const Product& product, const float* a, const float* b, float* c) {
  cpu::GemmProblem problem;
  problem.m = product.m;
  problem.n = product.n;
  problem.k = product.k;
  problem.batch[0].size = product.batch;
  problem.a.data = a;
  problem.a.row_stride = product.a_transposed ? 1 : product.k;
  problem.a.column_stride = product.a_transposed ? product.m : 1;
  problem.a.batch_strides[0] = product.m * product.k;
  problem.b.data = b;
  problem.b.row_stride = product.b_transposed ? 1 : product.n;
  problem.b.column_stride = product.b_transposed ? product.k : 1;
  problem.b.batch_strides[0] = product.k * product.n;
  problem.c = {c, product.n, 1, {product.m * product.n}};
  cpu::gemm(problem);
}

// Calls `multiply_one` for each matrix of the batch.
inline Multiply one_by_one(Multiply multiply_one) {
  return [multiply_one](const Product& product, const float* a, const float* b, float* c) {
    for (int64_t i = 0; i < product.batch; ++i) {
      multiply_one(product, a + i * product.m * product.k, b + i * product.k * product.n,
                   c + i * product.m * product.n);
    }
  };
}

inline std::vector<Library> libraries(int threads) {
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

inline double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Matrix {
  AlignedBuffer buffer;
  float* data = nullptr;

  explicit Matrix(int64_t elements) : buffer(static_cast<size_t>(elements) * sizeof(float)) {
    data = reinterpret_cast<float*>(buffer.data());
    for (int64_t i = 0; i < elements; ++i) data[i] = static_cast<float>(i % 251) * 0.008f - 1.0f;
  }
};

// Seconds of one product, best of the repetitions, each on other operands until 300 MB are used up: more than the
// caches hold, as the weights of a training step are.
inline double measure_seconds(const Multiply& multiply, const Product& product, int repetitions) {
  constexpr int64_t kColdBytes = int64_t{300} << 20;
  const int64_t a_count = product.batch * product.m * product.k;
  const int64_t b_count = product.batch * product.k * product.n;
  const int64_t bytes = 4 * (a_count + b_count);
  const int64_t fitting = kColdBytes / bytes;
  const auto copies = static_cast<size_t>(fitting < 1 ? 1 : (fitting > 64 ? 64 : fitting));
  std::vector<Matrix> as, bs;
  for (size_t i = 0; i < copies; ++i) {
    as.emplace_back(a_count);
    bs.emplace_back(b_count);
  }
  Matrix c(product.batch * product.m * product.n);
  multiply(product, as[0].data, bs[0].data, c.data);
  double best = 1e30;
  for (int repetition = 0; repetition < repetitions; ++repetition) {
    const double start = now();
    for (size_t i = 0; i < copies; ++i) multiply(product, as[i].data, bs[i].data, c.data);
    const double seconds = (now() - start) / static_cast<double>(copies);
    best = seconds < best ? seconds : best;
  }
  return best;
}

}  // namespace millwright
