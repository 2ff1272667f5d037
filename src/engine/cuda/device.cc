// Device memory and errors: see device.h.
#include "engine/cuda/device.h"

#include <utility>

#include "base/error.h"

namespace qat::cuda {

void check(cudaError_t status, const char* what) {
  if (status == cudaSuccess) return;
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // it is not sticky; the next call must not see it
    fail(Code::kOutOfMemory, "[", what, "] the GPU has too little free memory; use a smaller batch or image");
  }
  fail(Code::kFailure, "[", what, "] CUDA: ", cudaGetErrorString(status));
}

DeviceBuffer::DeviceBuffer(size_t bytes) : size_(bytes) {
  if (bytes == 0) return;
  void* memory = nullptr;
  const cudaError_t status = cudaMalloc(&memory, bytes);
  if (status == cudaErrorMemoryAllocation) {
    static_cast<void>(cudaGetLastError());  // as above
    size_t free = 0, total = 0;
    static_cast<void>(cudaMemGetInfo(&free, &total));
    fail(Code::kOutOfMemory, "the engine needs ", human_bytes(static_cast<double>(bytes)), " of GPU memory, ",
         human_bytes(static_cast<double>(free)), " are free; use a smaller batch or image");
  }
  check(status, "GPU memory");
  data_ = static_cast<std::byte*>(memory);
}
DeviceBuffer::~DeviceBuffer() { static_cast<void>(cudaFree(data_)); }
DeviceBuffer::DeviceBuffer(DeviceBuffer&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_(std::exchange(other.size_, 0)) {}
DeviceBuffer& DeviceBuffer::operator=(DeviceBuffer&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_, other.size_);
  return *this;
}

}  // namespace qat::cuda
