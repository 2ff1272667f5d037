// A block of channels of a depthwise convolution's row: its task, its sums and their epilogue, on an ISA's registers.
// `Vec` gives them: Vec::kWidth bytes, so four vectors of dwords are a block, or a block of half as many channels in
// two columns of outputs (Vec::kColumns), side by side.
#pragma once

#include <cstring>

#include "engine/cpu/depthwise/blocks.h"
#include "engine/cpu/depthwise/depthwise_kernels.h"
#include "engine/cpu/tile/tile.h"

namespace qat::kernels {
namespace {

// One block in one row (or two): what all steps need.
struct RowTask {
  const DepthwiseProblem* problem;
  const DepthwiseBlocks* blocks;
  const TileEpilogue* epilogue;
  const uint8_t* image;            // of the row's image, first channel of the block
  int64_t top;                     // input row of the first tap row, maybe outside
  const uint8_t* packed;           // the block's
  uint8_t* columns;                // scratch: [span][groups][4 vectors]
  const uint8_t* zeros;            // a pixel of zero points
  const float *multiplier, *bias;  // of the block, in the order of channel_at
  const uint8_t* skip;             // of the row, first channel of the block
  uint8_t* y;
  int64_t skip_stride, y_stride;  // bytes between outputs of the row
  int64_t channels;               // of the block, 1..Vec::kWidth
};

template <class Vec>
struct BlockSums {
  typename Vec::Ints acc[4];

  [[gnu::always_inline]] explicit BlockSums(const uint8_t* start) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) acc[v] = Vec::packed(start, v);
  }
};

// Constants of a plain epilogue in registers: stores of bytes may alias anything, so nothing is read again between
// them.
template <class Vec>
struct PlainBlock {
  [[gnu::always_inline]] explicit PlainBlock(const RowTask& t)
      : high(Vec::floats(t.epilogue->high)),
        zero_point(Vec::words(t.epilogue->full.zero_point)),
        lowest(Vec::bytes(t.epilogue->lowest)),
        multiplier(t.multiplier),
        bias(t.bias),
        channels(t.channels),
        y_stride(t.y_stride) {}

  // Saturating packs put the channels back in order and apply the lower bounds, as in epilogue512.h. `columns`: how
  // many to store, up to Vec::kColumns.
  [[gnu::always_inline]] void finish(const BlockSums<Vec>& sums, uint8_t* y, int64_t columns) const {
    typename Vec::Ints q[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) q[v] = Vec::requantize(sums.acc[v], multiplier, bias, v, high);
    const auto low_half = Vec::adds16(Vec::packs32(q[0], q[1]), zero_point);
    const auto high_half = Vec::adds16(Vec::packs32(q[2], q[3]), zero_point);
    const auto bytes = Vec::max8(Vec::packus16(low_half, high_half), lowest);
    if constexpr (Vec::kColumns == 1) {
      Vec::store_bytes(y, bytes, channels);
    } else {
      Vec::store_columns(y, y_stride, bytes, channels, columns);
    }
  }

  typename Vec::Floats high;
  typename Vec::Ints zero_point, lowest;
  const float *multiplier, *bias;
  int64_t channels, y_stride;
};

// Any epilogue, through memory in the order of the channels.
template <class Vec>
[[gnu::noinline]] void finish_any(const RowTask& t, const BlockSums<Vec>& sums, const uint8_t* skip, uint8_t* y) {
  alignas(64) int32_t results[Vec::kWidth];
  alignas(64) int32_t shuffled[Vec::kWidth];
  alignas(64) float multiplier[Vec::kWidth], bias[Vec::kWidth];
  for (int v = 0; v < 4; ++v) Vec::store(shuffled + v * Vec::kWidth / 4, sums.acc[v]);
  for (int64_t i = 0; i < Vec::kWidth; ++i) {
    const int64_t c = channel_at(Vec::kWidth, i);
    results[c] = shuffled[i], multiplier[c] = t.multiplier[i], bias[c] = t.bias[i];
  }
  Vec::finish_channels(t.epilogue->full, results, multiplier, bias, t.channels, skip, y);
}

// What the loop over a row's outputs is compiled for.
enum class Finish { kPlain, kAny };
enum class Rows { kOne, kTwo };  // kTwo: this row of outputs and the next, whose windows start one input row below

template <class Vec, Finish How>
[[gnu::always_inline]] inline void finish(const RowTask& t, const PlainBlock<Vec>& plain, const BlockSums<Vec>& sums,
                                          const uint8_t* skip, uint8_t* y, int64_t columns = 1) {
  if constexpr (How == Finish::kPlain) {
    plain.finish(sums, y, columns);
  } else {
    finish_any(t, sums, skip, y);
  }
}

}  // namespace
}  // namespace qat::kernels
