// Launching with programmatic dependent launch: a kernel's blocks may start while the kernel before it drains.
#pragma once

#include <cuda_runtime.h>

#include <cstdint>
#include <type_traits>

namespace qat::cuda {

// In every thread before it touches what other kernels read or write: returns when all kernels before are complete and
// their writes visible.
__device__ inline void wait_for_previous() {
#if __CUDA_ARCH__ >= 900
  cudaGridDependencySynchronize();
#endif
}

// Lets the next kernel's blocks be scheduled as soon as there is room; it waits in wait_for_previous() for this one to
// end. Call it early: before the main loop.
__device__ inline void let_next_start() {
#if __CUDA_ARCH__ >= 900
  cudaTriggerProgrammaticLaunchCompletion();
#endif
}

// Whether the current device knows the launch attribute.
inline bool has_dependent_launch() {
  static const bool known = [] {
    int device = 0, major = 0;
    return cudaGetDevice(&device) == cudaSuccess &&
           cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device) == cudaSuccess && major >= 9;
  }();
  return known;
}

// Of the current device.
inline int multiprocessors() {
  static const int count = [] {
    int device = 0, found = 0;
    if (cudaGetDevice(&device) == cudaSuccess)
      static_cast<void>(cudaDeviceGetAttribute(&found, cudaDevAttrMultiProcessorCount, device));
    return found < 1 ? 1 : found;
  }();
  return count;
}

struct LaunchShape {
  dim3 grid, block;
  size_t shared_bytes = 0;  // dynamic; past 48 KiB the kernel's attribute must have been raised
  unsigned cluster_x = 1;   // thread blocks of a cluster, sm_90
};

// Lets a kernel take all the shared memory of a block: what a launch takes may differ from bound shape to bound shape,
// and a graph's launches must all stay below the kernel's limit.
template <class... Parameters>
cudaError_t allow_shared_memory(void (*kernel)(Parameters...)) {
  static const int most = [] {
    int device = 0, bytes = 48 * 1024;
    if (cudaGetDevice(&device) == cudaSuccess)
      static_cast<void>(cudaDeviceGetAttribute(&bytes, cudaDevAttrMaxSharedMemoryPerBlockOptin, device));
    return bytes;
  }();
  return cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, most);
}

// Blocks for `items` in a grid-stride loop: one item a thread up to 65,536 blocks.
inline dim3 blocks_for(int64_t items, int threads) {
  const int64_t blocks = (items + threads - 1) / threads;
  return dim3(static_cast<unsigned>(blocks < 1 ? 1 : blocks > 65536 ? 65536 : blocks));
}

// kernel<<<...>>>(arguments...) with the attributes.
template <class... Parameters>
cudaError_t launch(void (*kernel)(Parameters...), const LaunchShape& shape, cudaStream_t stream,
                   std::type_identity_t<Parameters>... arguments) {
  cudaLaunchAttribute attributes[2] = {};
  cudaLaunchConfig_t config = {};
  config.gridDim = shape.grid;
  config.blockDim = shape.block;
  config.dynamicSmemBytes = shape.shared_bytes;
  config.stream = stream;
  config.attrs = attributes;
  if (has_dependent_launch()) {
    attributes[config.numAttrs].id = cudaLaunchAttributeProgrammaticStreamSerialization;
    attributes[config.numAttrs++].val.programmaticStreamSerializationAllowed = 1;
  }
  if (shape.cluster_x > 1) {
    attributes[config.numAttrs].id = cudaLaunchAttributeClusterDimension;
    attributes[config.numAttrs++].val.clusterDim = {shape.cluster_x, 1, 1};
  }
  return cudaLaunchKernelEx(&config, kernel, arguments...);
}

}  // namespace qat::cuda
