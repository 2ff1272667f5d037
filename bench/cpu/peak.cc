// Loops of dot products, written as assembly: a compiler would merge sums that are equal and keep too few of them.
#include "peak.h"

#include <algorithm>
#include <chrono>
#include <cstdint>

namespace qat::bench {
namespace {

#define QAT_SUMS "0,1,2,3,4,5,6,7,8,9,10,11"
#define QAT_CLOBBERS                                                                                               \
  "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
      "xmm13"

void dots512(int64_t count) {
  asm volatile("1:\n .irp r," QAT_SUMS "\n vpdpbusd %%zmm12, %%zmm13, %%zmm\\r\n .endr\n dec %0\n jnz 1b\n vzeroupper"
               : "+r"(count)::QAT_CLOBBERS);
}

void dots256(int64_t count) {
  asm volatile("1:\n .irp r," QAT_SUMS
               "\n %{vex%} vpdpbusd %%ymm12, %%ymm13, %%ymm\\r\n .endr\n dec %0\n jnz 1b\n vzeroupper"
               : "+r"(count)::QAT_CLOBBERS);
}

double best_rate(void (*loop)(int64_t), double macs) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kLoops = 100'000;
  double best = 1e9;
  for (const auto end = Clock::now() + std::chrono::milliseconds(50); Clock::now() < end;) {
    const auto start = Clock::now();
    loop(kLoops);
    best = std::min(best, std::chrono::duration<double>(Clock::now() - start).count());
  }
  return macs * kLoops / best;
}

}  // namespace

double dot_peak(Isa isa) {
  if (isa >= Isa::kAvx512Vnni) return best_rate(dots512, 12 * 64);
  if (isa == Isa::kAvxVnni) return best_rate(dots256, 12 * 32);
  return 0;
}

}  // namespace qat::bench
