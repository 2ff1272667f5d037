// The shape of elementwise kernels: a block takes whole rows (or 2,048 channels of them), a thread keeps its eight
// channels and steps down the rows, so that what belongs to a channel stays in registers.
#pragma once

#include <algorithm>

#include "train/cuda/kernels/device.cuh"

namespace qat::train::cuda {

constexpr int kRowThreads = 256;

struct RowGrid {
  int lanes = 1;  // threads along a row, eight channels each
  int rows = 1;   // rows of a block
  dim3 blocks;    // y: tiles of channels

  // `per_thread`: rows a thread has at least, where there are enough.
  RowGrid(int64_t total_rows, int64_t channels, int per_thread) {
    const int64_t groups = (channels + 7) / 8;
    lanes = static_cast<int>(std::min<int64_t>(groups, kRowThreads));
    rows = kRowThreads / lanes;
    const int64_t tiles = (groups + lanes - 1) / lanes;
    // Three blocks on each of an H200's 132 processors.
    const int64_t most = std::max<int64_t>(1, 396 / tiles), step = static_cast<int64_t>(rows) * per_thread;
    blocks = dim3(static_cast<unsigned>(std::clamp<int64_t>((total_rows + step - 1) / step, 1, most)),
                  static_cast<unsigned>(tiles));
  }
  unsigned threads() const { return static_cast<unsigned>(lanes * rows); }
};

// One thread's place: its channels, its first row and the step between its rows.
struct RowPlace {
  int64_t channel, row, step;
  int count;  // channels: 8, fewer at the end of a row, none beyond it

  __device__ RowPlace(int64_t channels, int lanes, int rows) {
    const int lane = static_cast<int>(threadIdx.x) % lanes;
    channel = (static_cast<int64_t>(blockIdx.y) * lanes + lane) * 8;
    count = static_cast<int>(min(static_cast<int64_t>(8), channels - channel));
    row = static_cast<int64_t>(blockIdx.x) * rows + static_cast<int>(threadIdx.x) / lanes;
    step = static_cast<int64_t>(gridDim.x) * rows;
  }
};

}  // namespace qat::train::cuda
