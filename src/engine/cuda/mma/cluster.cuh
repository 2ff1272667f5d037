// Thread block clusters (sm_90): rank, barriers, and sending to another block's shared memory. One block alone before.
#pragma once

#include <cstdint>

namespace qat::cuda {

__device__ inline int cluster_size() {
  uint32_t n = 1;
#if __CUDA_ARCH__ >= 900
  asm("mov.u32 %0, %%cluster_nctaid.x;" : "=r"(n));
#endif
  return static_cast<int>(n);
}

__device__ inline int cluster_rank() {
  uint32_t rank = 0;
#if __CUDA_ARCH__ >= 900
  asm("mov.u32 %0, %%cluster_ctaid.x;" : "=r"(rank));
#endif
  return static_cast<int>(rank);
}

// All threads of all blocks, in two halves. It orders no memory but barriers that publish_barriers() spoke of: with
// "release" it would wait for everything the block ever wrote.
__device__ inline void cluster_arrive() { asm volatile("barrier.cluster.arrive.relaxed;" ::: "memory"); }
__device__ inline void cluster_wait() { asm volatile("barrier.cluster.wait;" ::: "memory"); }

// This block's shared address, as it is in the block of rank `rank`.
__device__ inline uint32_t in_block(uint32_t shared, int rank) {
  uint32_t there;
  asm("mapa.shared::cluster.u32 %0, %1, %2;" : "=r"(there) : "r"(shared), "r"(rank));
  return there;
}

// 16 bytes to an address of in_block(), whose block's barrier counts them.
__device__ inline void send16(uint32_t to, uint32_t barrier, const int32_t* v) {
  asm volatile(
      "st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.s32 [%0], {%1, %2, %3, %4}, [%5];" ::"r"(to),
      "r"(v[0]), "r"(v[1]), "r"(v[2]), "r"(v[3]), "r"(barrier)
      : "memory");
}

// 32 bytes to this block's addresses `to` and `barrier` in the block of rank `rank`, whose barrier counts them.
__device__ inline void send_shared(uint32_t to, uint32_t barrier, int rank, const int32_t (&v)[8]) {
  asm volatile(
      "{\n .reg .u32 there, counter;\n mapa.shared::cluster.u32 there, %0, %2;\n"
      " mapa.shared::cluster.u32 counter, %1, %2;\n"
      " st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.s32 [there], {%3, %4, %5, %6}, [counter];\n"
      " st.async.weak.shared::cluster.mbarrier::complete_tx::bytes.v4.s32 [there + 16], {%7, %8, %9, %10}, [counter];\n"
      "}" ::"r"(to),
      "r"(barrier), "r"(rank), "r"(v[0]), "r"(v[1]), "r"(v[2]), "r"(v[3]), "r"(v[4]), "r"(v[5]), "r"(v[6]), "r"(v[7])
      : "memory");
}

}  // namespace qat::cuda
