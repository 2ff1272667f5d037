// Moving tiles: cp.async into shared memory and ldmatrix out of it, as inline PTX (sm_80).
#pragma once

#include <cstdint>

namespace qat::cuda {

__device__ inline uint32_t shared_address(const void* p) { return static_cast<uint32_t>(__cvta_generic_to_shared(p)); }

// 4 bytes, zeros where `bytes` is 0.
__device__ inline void copy4(uint32_t to, const void* from, int bytes) {
  asm volatile("cp.async.ca.shared.global [%0], [%1], 4, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

// 16 bytes; those past `bytes` (0 or 16) are zeros and `from` is not read for them. Past L1: for data read once.
__device__ inline void copy16(uint32_t to, const void* from, int bytes) {
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(from), "r"(bytes) : "memory");
}

// The same through L1 where `reused`: the taps of a window read each pixel again.
__device__ inline void copy16(uint32_t to, const void* from, int bytes, bool reused) {
  asm volatile(
      "{\n .reg .pred p;\n setp.ne.s32 p, %3, 0;\n"
      " @p cp.async.ca.shared.global [%0], [%1], 16, %2;\n"
      " @!p cp.async.cg.shared.global [%0], [%1], 16, %2;\n}" ::"r"(to),
      "l"(from), "r"(bytes), "r"(static_cast<int>(reused))
      : "memory");
}

__device__ inline void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }

// Waits until at most kPending of this thread's newest groups are under way.
template <int kPending>
__device__ inline void wait_copies() {
  asm volatile("cp.async.wait_group %0;" ::"n"(kPending) : "memory");
}

// Four 8x8 matrices of 16-bit elements (here: 8 rows of 16 bytes each); lane l gives the address of row l % 8 of matrix
// l / 8 and gets, of each matrix, bytes 4 (l % 4) .. + 3 of row l / 4.
__device__ inline void load_matrices(uint32_t (&to)[4], uint32_t address) {
  asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
               : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
               : "r"(address)
               : "memory");
}

}  // namespace qat::cuda
