// The steps around the convolutions at ResNet-50's sizes: quantize, max pool, global pool, add; every kernel of each
// table.
//
// usage: small_ops_bench        Prints microseconds and bytes per second of every kernel after checking it.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <vector>

#include "engine/cpu/add/add.h"
#include "engine/cpu/pool/pool.h"
#include "engine/cpu/quantize/quantize.h"

namespace qat::bench {
namespace {

using Clock = std::chrono::steady_clock;
using namespace kernels;

template <class KernelType>
void time_all(const char* what, std::span<const KernelType> table, const typename KernelType::Problem& p,
              const typename KernelType::Args& args, uint8_t* y, size_t y_bytes, double bytes) {
  table.back().run(p, args, 0, table.back().units(p), nullptr);
  const std::vector<uint8_t> expected(y, y + y_bytes);
  for (const KernelType& kernel : table) {
    if (!runnable(kernel.isa) || kernel.supports(p)) continue;
    double best = 1e9;
    for (int i = 0; i < 30; ++i) {
      const auto start = Clock::now();
      kernel.run(p, args, 0, kernel.units(p), nullptr);
      best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
    }
    const bool right = std::memcmp(y, expected.data(), y_bytes) == 0;
    std::printf("%-28s %-24s %9.1f us %7.1f GB/s%s\n", what, kernel.name, best * 1e6, bytes / best / 1e9,
                right ? "" : "  WRONG RESULT");
  }
}

}  // namespace

int run() {
  std::vector<uint8_t> x(1 << 22), b(1 << 22), y(1 << 22), table(3 * 256);
  for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<uint8_t>(i * 7919), b[i] = static_cast<uint8_t>(i * 31);
  std::vector<float> image(3 * 224 * 224);
  for (size_t i = 0; i < image.size(); ++i) image[i] = static_cast<float>(i % 511) - 255.0f;

  const QuantizeProblem q{.channels = 3, .scale = 2.0f, .zero_point = 128, .height = 224, .width = 224};
  const size_t pixels = 224 * 224;
  time_all("quantize f32 3x224x224", quantize_kernels(), q, {.x = image.data(), .y = y.data()}, y.data(), pixels * 4,
           pixels * 16.0);
  QuantizeProblem u8 = q;
  u8.source = QuantizeSource::kU8Nhwc;
  time_all("quantize u8 224x224x3", quantize_kernels(), u8, {.x = x.data(), .table = table.data(), .y = y.data()},
           y.data(), pixels * 4, pixels * 7.0);
  const PoolProblem max{.channels = 64,
                        .kernel_h = 3,
                        .kernel_w = 3,
                        .stride_h = 2,
                        .stride_w = 2,
                        .pad_top = 1,
                        .pad_left = 1,
                        .pad_bottom = 1,
                        .pad_right = 1,
                        .in_h = 112,
                        .in_w = 112,
                        .out_h = 56,
                        .out_w = 56};
  time_all("max pool 64x112x112 3/2", pool_kernels(), max, {.x = x.data(), .y = y.data()}, y.data(), 64 * 56 * 56,
           64.0 * (112 * 112 + 56 * 56));
  const PoolProblem global{.kind = Pool::kGlobal, .channels = 2048, .hi = 127, .in_h = 7, .in_w = 7};
  time_all("global pool 2048x7x7", pool_kernels(), global, {.x = x.data(), .y = y.data()}, y.data(), 2048, 2048.0 * 50);
  const AddProblem add{.channels = 256, .a_scale = 0.7f, .b_scale = 0.9f, .pixels = 56 * 56};
  time_all("add 256x56x56", add_kernels(), add, {.a = x.data(), .b = b.data(), .y = y.data()}, y.data(), 256 * 56 * 56,
           256.0 * 56 * 56 * 3);
  return 0;
}

}  // namespace qat::bench

int main() { return qat::bench::run(); }
