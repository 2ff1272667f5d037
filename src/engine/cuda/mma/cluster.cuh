// Thread block clusters (sm_90): rank, barrier, and reading another block's shared memory. One block alone before.
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

// All threads of all blocks; shared memory written before it can be read after it by any of them.
__device__ inline void cluster_barrier() {
#if __CUDA_ARCH__ >= 900
  asm volatile("barrier.cluster.arrive.release;\n barrier.cluster.wait.acquire;" ::: "memory");
#else
  __syncthreads();
#endif
}

// 16 bytes at this block's address `shared` in the block of rank `rank`.
__device__ inline int4 load_shared(uint32_t shared, int rank) {
  int4 v;
#if __CUDA_ARCH__ >= 900
  asm volatile(
      "{\n .reg .u32 remote;\n mapa.shared::cluster.u32 remote, %4, %5;\n"
      " ld.shared::cluster.v4.s32 {%0, %1, %2, %3}, [remote];\n}"
      : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
      : "r"(shared), "r"(rank)
      : "memory");
#else
  asm volatile("ld.shared.v4.s32 {%0, %1, %2, %3}, [%4];"
               : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w)
               : "r"(shared)
               : "memory");
#endif
  return v;
}

}  // namespace qat::cuda
