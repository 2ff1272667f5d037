// Device memory and errors of the CUDA runtime as qat::Error.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace qat::cuda {

// Throws Error(kOutOfMemory) for cudaErrorMemoryAllocation, Error(kFailure) for any other: "[what] CUDA: <text>".
void check(cudaError_t status, const char* what);

// Memory of the current device, 256-byte aligned, freed with its owner.
class DeviceBuffer {
 public:
  DeviceBuffer() = default;
  explicit DeviceBuffer(size_t bytes);  // throws Error(kOutOfMemory) naming the size
  ~DeviceBuffer();
  DeviceBuffer(DeviceBuffer&& other) noexcept;
  DeviceBuffer& operator=(DeviceBuffer&& other) noexcept;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace qat::cuda
