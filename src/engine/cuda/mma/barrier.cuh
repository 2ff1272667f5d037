// Barriers in shared memory that count arrivals and bytes (mbarrier, sm_90): a ring of stages between the bulk copies
// and the warps that use them.
#pragma once

#include <cstdint>

namespace qat::cuda {

__device__ inline void barrier_init(uint32_t barrier, int arrivals) {
  asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}

// After the init() of one thread, before the block's __syncthreads(): the copy engine sees them too.
__device__ inline void publish_barriers() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }

__device__ inline void barrier_arrive(uint32_t barrier) {
  asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}

// Arrives, and makes the phase wait for `bytes` that copies will bring.
__device__ inline void barrier_expect(uint32_t barrier, int bytes) {
  asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}

// Returns when the phase of this parity is complete; parity 1 of a fresh barrier is. The loop is the assembler's, so
// that the compiler does not take the warp for a divergent one.
__device__ inline void barrier_wait(uint32_t barrier, uint32_t parity) {
  asm volatile(
      "{\n .reg .pred done;\n"
      "again:\n mbarrier.try_wait.parity.shared::cta.b64 done, [%0], %1;\n @!done bra again;\n}" ::"r"(barrier),
      "r"(parity)
      : "memory");
}

// Barriers of some of a block's threads, id 1 to 15: those that wait, and those that only let them go on, `threads` in
// all.
__device__ inline void wait_turn(int id, int threads) {
  asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
__device__ inline void give_turn(int id, int threads) {
  asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

// Whether any of the threads says so.
__device__ inline bool any_of(bool value, int id, int threads) {
  uint32_t any;
  asm volatile(
      "{\n .reg .pred mine, all;\n setp.ne.u32 mine, %1, 0;\n bar.red.or.pred all, %2, %3, mine;\n"
      " selp.u32 %0, 1, 0, all;\n}"
      : "=r"(any)
      : "r"(static_cast<uint32_t>(value)), "r"(id), "r"(threads)
      : "memory");
  return any != 0;
}

}  // namespace qat::cuda
