// Page-locked host memory, grown on demand: what copies to and from the GPU go through.
#pragma once

#include "engine/cuda/device.h"

namespace qat::cuda {

class PinnedBuffer {
 public:
  PinnedBuffer() = default;
  PinnedBuffer(const PinnedBuffer&) = delete;
  PinnedBuffer& operator=(const PinnedBuffer&) = delete;
  ~PinnedBuffer() { static_cast<void>(cudaFreeHost(data_)); }

  // At least `bytes`; what it held is lost when it grows.
  void* reserve(size_t bytes) {
    if (bytes <= size_) return data_;
    static_cast<void>(cudaFreeHost(data_));
    data_ = nullptr, size_ = 0;
    check(cudaMallocHost(&data_, bytes), "pinned memory");
    size_ = bytes;
    return data_;
  }

 private:
  void* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace qat::cuda
