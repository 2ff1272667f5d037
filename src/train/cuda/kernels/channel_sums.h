// How sums per channel are split, for device and twin: the order of all additions follows from this.
//
// A tile is 64 channels, a thread eight of them (a lane). The rows of a tile are dealt to `parts` blocks of kSumThreads
// threads in turns of `rows`. A thread adds its rows in fp32; columns of a block are added in double by `segments`
// threads each, segment by segment; parts in the same way by the last block of the tile. No more than kMostBlocks
// blocks, so that all run at once: a thread adds some 100 values at ResNet-50's largest tensor, batch 256.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/qmath.h"

namespace qat::train::cuda {

constexpr int kSumThreads = 512, kTileLanes = 8, kTileChannels = 8 * kTileLanes;
constexpr int kMostBlocks = 132;  // one on each of an H200's processors: half the parts of two, and registers for loads

// Lanes of tile `tile`.
QAT_HD int lanes_of(int64_t channels, int64_t tile) {
  const int64_t groups = (channels + 7) / 8 - tile * kTileLanes;
  return static_cast<int>(groups < kTileLanes ? groups : kTileLanes);
}

// Values of `width` a thread or part; a segment is one thread of the block.
QAT_HD int segments_of(int lanes, int width) { return kSumThreads / (lanes * width); }

struct SumGrid {
  int64_t tiles = 1, parts = 1;

  SumGrid(int64_t rows, int64_t channels) {
    tiles = (channels + kTileChannels - 1) / kTileChannels;
    const int64_t rows_of_block = kSumThreads / lanes_of(channels, 0);
    parts = std::clamp<int64_t>(rows / (4 * rows_of_block), 1, std::max<int64_t>(1, kMostBlocks / tiles));
  }
};

}  // namespace qat::train::cuda
