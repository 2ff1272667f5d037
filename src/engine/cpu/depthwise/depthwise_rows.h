// The depthwise convolution, a row of outputs of one block of channels at a time, on an ISA's registers.
//
// The input columns that the row touches are interleaved once into scratch (blocks.h) and then read by every output
// whose window holds them. `Ops` gives the registers: kWidth channels as four vectors.
#pragma once

#include <cstring>

#include "engine/cpu/depthwise/blocks.h"
#include "engine/cpu/depthwise/depthwise_kernels.h"
#include "engine/cpu/tile/tile.h"

namespace qat::kernels {
namespace {

// One block in one row: what both steps need.
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
  int64_t channels;               // of the block, 1..kWidth
};

// The four tap rows of one group; rows outside the image, and rows past the kernel (weight 0), read the zero points.
template <class Ops>
void interleave_group(const RowTask& t, int64_t group) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t pitch = pitch_of(p.channels), step = t.blocks->groups * kTapRows * Ops::kWidth;
  const uint8_t* row[kTapRows];
  int64_t advance[kTapRows];
  for (int64_t i = 0; i < kTapRows; ++i) {
    const int64_t r = group * kTapRows + i, h = t.top + r * p.dilation_h;
    const bool inside = r < p.kernel_h && h >= 0 && h < p.in_h;
    row[i] = inside ? t.image + h * p.in_w * pitch : t.zeros;
    advance[i] = inside ? pitch : 0;
  }
  uint8_t* to = t.columns + group * kTapRows * Ops::kWidth;
  for (int64_t column = 0; column < t.blocks->span; ++column, to += step) {
    const int64_t w = column - p.pad_left;
    if (w < 0 || w >= p.in_w) {
      Ops::interleave(t.zeros, t.zeros, t.zeros, t.zeros, to);
    } else {
      Ops::interleave(row[0] + w * advance[0], row[1] + w * advance[1], row[2] + w * advance[2],
                      row[3] + w * advance[3], to);
    }
  }
}

// TapSets > 0: known when compiled, so that the weights stay in registers.
template <class Ops, int TapSets>
void outputs_of_row(const RowTask& t) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t groups = t.blocks->groups, set_bytes = kTapRows * Ops::kWidth,
                sets = TapSets ? TapSets : t.blocks->tap_sets;
  const typename Ops::Weights<TapSets> weights(t.packed + 4 * Ops::kWidth);
  const typename Ops::Scales scales(t.multiplier, t.bias);
  const int64_t out_w = p.out_w();
  for (int64_t column = 0; column < out_w; ++column) {
    typename Ops::Sums sums(t.packed);
    const uint8_t* first = t.columns + column * p.stride_w * groups * set_bytes;
    if constexpr (TapSets > 0) {  // one group: a set is a column
#pragma GCC unroll 5
      for (int64_t i = 0; i < TapSets; ++i) weights.add(i, first + i * p.dilation_w * set_bytes, sums);
    } else {
      for (int64_t i = 0; i < sets; ++i)
        weights.add(i, first + (i / groups * p.dilation_w * groups + i % groups) * set_bytes, sums);
    }
    Ops::finish(*t.epilogue, sums, scales, t.channels, t.skip + column * t.skip_stride, t.y + column * t.y_stride);
  }
}

template <class Ops>
void run_block(RowTask t, const DepthwiseArgs& a, int64_t first_channel, int64_t begin, int64_t end) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1, pitch = pitch_of(p.channels);
  const int64_t out_h = p.out_h(), out_w = p.out_w();
  alignas(64) float multiplier[Ops::kWidth], bias[Ops::kWidth];
  for (int64_t i = 0; i < Ops::kWidth; ++i) {
    const int64_t c = channel_at(Ops::kWidth, i);
    multiplier[i] = c < t.channels ? a.multiplier[first_channel + c] : 0.0f;
    bias[i] = c < t.channels ? a.bias[first_channel + c] : 0.0f;
  }
  t.multiplier = multiplier, t.bias = bias;
  for (int64_t unit = begin; unit < end; ++unit) {
    t.image = a.x + unit / out_h * p.in_h * p.in_w * pitch + first_channel;
    t.top = unit % out_h * p.stride_h - p.pad_top;
    t.skip = p.epilogue.has_skip ? a.skip + unit * out_w * pitch + first_channel : nullptr;
    t.y = static_cast<uint8_t*>(a.y) + unit * out_w * t.y_stride + first_channel * element;
    for (int64_t group = 0; group < t.blocks->groups; ++group) interleave_group<Ops>(t, group);
    if (t.blocks->tap_sets == 3 && t.blocks->groups == 1) {
      outputs_of_row<Ops, 3>(t);
    } else {
      outputs_of_row<Ops, 0>(t);
    }
  }
}

// Narrow: the registers of the last block when it has 32 channels or less.
template <class Wide, class Narrow>
void run(const DepthwiseProblem& p, const DepthwiseArgs& a, int64_t begin, int64_t end, void* scratch) {
  const DepthwiseBlocks blocks = blocks_of(p, Wide::kWidth);
  const TileEpilogue epilogue(p.epilogue);
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1;
  auto* zeros = static_cast<uint8_t*>(scratch);
  std::memset(zeros, p.in_zero_point, Wide::kWidth);
  RowTask t{.problem = &p, .blocks = &blocks, .epilogue = &epilogue};
  t.zeros = zeros;
  t.columns = zeros + Wide::kWidth;
  t.skip_stride = p.epilogue.has_skip ? pitch_of(p.channels) : 0;
  t.y_stride = output_pitch(p.epilogue, p.channels) * element;
  for (int64_t block = 0; block < blocks.count(); ++block) {
    const int64_t first = blocks.first_channel(block);
    t.packed = static_cast<const uint8_t*>(a.weights) + blocks.offset(block);
    t.channels = std::min(blocks.width(block), p.channels - first);
    if (blocks.width(block) == Wide::kWidth) {
      run_block<Wide>(t, a, first, begin, end);
    } else {
      run_block<Narrow>(t, a, first, begin, end);
    }
  }
  for (int64_t pixel = begin * p.out_w(); pixel < end * p.out_w(); ++pixel)
    store_pad(p.epilogue, a.y, pixel, p.channels);
}

int64_t units(const DepthwiseProblem& p) { return p.batch * p.out_h(); }

template <class Wide, class Narrow>
constexpr DepthwiseKernel make_kernel(const char* name, Isa isa) {
  return {{name, isa, supports_all<DepthwiseProblem>, units,
           [](const DepthwiseProblem& p) { return depthwise_scratch_bytes(p, Wide::kWidth); }, run<Wide, Narrow>},
          [](const DepthwiseProblem& p) { return depthwise_packed_bytes(p, Wide::kWidth); },
          [](const DepthwiseProblem& p, const int8_t* weights, void* packed) {
            depthwise_pack(p, Wide::kWidth, weights, packed);
          }};
}

}  // namespace
}  // namespace qat::kernels
