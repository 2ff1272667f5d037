// Splits rows among LibTorch's threads in chunks that depend on the shape only, so that sums over chunks do not depend
// on the number of threads.
#pragma once

#include "train/libtorch/libtorch.h"

namespace qat::train {

struct RowChunks {
  int64_t rows, size, count;
  RowChunks(int64_t rows_, int64_t channels)
      : rows(rows_),
        size(std::max<int64_t>(1, 32768 / std::max<int64_t>(1, channels))),
        count((rows_ + size - 1) / size) {}

  // body(chunk, first row, rows of the chunk)
  template <class Body>
  void run(const Body& body) const {
    at::parallel_for(0, count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t chunk = begin; chunk < end; ++chunk) {
        body(chunk, chunk * size, std::min(size, rows - chunk * size));
      }
    });
  }
};

// Rows and channels of x as the kernels see it: [N,C,H,W] in channels_last is [N H W, C]. Others are one flat row set.
struct Pixels {
  int64_t rows, channels;
  explicit Pixels(const at::Tensor& x) {
    channels = x.dim() == 4 || x.dim() == 2 ? x.size(1) : 16;
    if (x.dim() != 4 && x.dim() != 2 && x.numel() % 16 != 0) channels = 1;
    rows = channels == 0 ? 0 : x.numel() / channels;
  }
};

// x, dense in the layout that Pixels describes.
inline at::Tensor dense_pixels(const at::Tensor& x) {
  return x.contiguous(x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

inline at::Tensor empty_pixels(const at::Tensor& like) {
  return at::empty(like.sizes(), like.options(),
                   like.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous);
}

}  // namespace qat::train
