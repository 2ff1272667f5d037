// What every CUDA kernel is to the engine: an entry of its op's table, as engine/cpu/kernel.h has it for the CPU.
//
// An op's folder has a header (its table; problem and arguments are the CPU's), files named by tile and architecture,
// and a test against the CPU's reference kernel. Tables are ordered fastest first and end in a reference that does
// every problem, one thread an output.
//
// Int8 activations: u8, NHWC, storage zero point as on the CPU; a pixel of C channels takes pitch_of(C) bytes here,
// whose pad bytes hold anything: packed weights are 0 there and no result depends on them. f16 activations: NHWC, pitch
// half_pitch_of(C) elements, the same of their pad. f32 activations: NHWC, pitch C. Buffers are 256-byte aligned with
// 256 readable bytes after them. Pointers in Args are device memory; an output may be skip's buffer, never x's, as the
// op's CPU header says.
//
// launch() only enqueues: it can be captured in a graph, waits for nothing and allocates nothing. Kernels are launched
// through launch.cuh with programmatic dependent launch: each calls wait_for_previous() in every thread before the
// first access to anything that another kernel writes or reads (activations, workspace, its own output); weights,
// multipliers and biases may be read before.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace qat::cuda {

constexpr int64_t pitch_of(int64_t channels) { return channels <= 4 ? 4 : (channels + 15) / 16 * 16; }
constexpr int64_t half_pitch_of(int64_t channels) { return (channels + 7) / 8 * 8; }

constexpr int kAnyCapability = 80;

template <class ProblemType, class ArgsType>
struct Kernel {
  using Problem = ProblemType;
  using Args = ArgsType;

  const char* name;
  int min_capability;                         // 80: everywhere; 90: code of sm_90a, for 9.0 alone
  const char* (*supports)(const Problem&);    // null: it does; else the reason why not. Looks at no extent that a bound
                                              // shape sets, unless launch() could not do the problem at all.
  size_t (*workspace_bytes)(const Problem&);  // zero when first given to a kernel; each leaves it zero
  cudaError_t (*launch)(const Problem&, const Args&, void* workspace, cudaStream_t stream);
};

// Kernels with weights add packing, done at build time on the host. The packed form depends on no bound extent.
template <class ProblemType, class ArgsType>
struct WeightKernel : Kernel<ProblemType, ArgsType> {
  size_t (*packed_bytes)(const ProblemType&);
  void (*pack)(const ProblemType&, const int8_t* weights, void* packed);  // weights as the CPU's pack gets them
};

// May a GPU of this compute capability (90 for 9.0) run a kernel with this floor?
constexpr bool runnable(int min_capability, int capability) {
  return min_capability == 90 ? capability == 90 : capability >= min_capability;
}

// The first kernel of the table that the GPU runs and that supports the problem; the reference always does.
template <class KernelType>
const KernelType& choose(std::span<const KernelType> table, const typename KernelType::Problem& problem,
                         int capability) {
  for (const KernelType& kernel : table)
    if (runnable(kernel.min_capability, capability) && !kernel.supports(problem)) return kernel;
  return table.back();
}

// Null when no kernel has this name.
template <class KernelType>
const KernelType* find_kernel(std::span<const KernelType> table, std::string_view name) {
  for (const KernelType& kernel : table)
    if (name == kernel.name) return &kernel;
  return nullptr;
}

// For entries without conditions or workspace.
template <class Problem>
const char* supports_all(const Problem&) {
  return nullptr;
}
template <class Problem>
size_t no_workspace(const Problem&) {
  return 0;
}

}  // namespace qat::cuda
