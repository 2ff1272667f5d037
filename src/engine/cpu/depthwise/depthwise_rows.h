// The depthwise convolution, one or two rows of outputs of one block of channels at a time, on an ISA's registers.
//
// The input columns that a row touches are interleaved once into scratch (blocks.h) and then read by every output whose
// window holds them. A 3 x 3 filter of stride 1 leaves room for a fourth tap row, so the same columns serve the next
// row of outputs too, shifted by a byte. `Vec` gives the registers: Vec::kWidth bytes, so four vectors of dwords are a
// block.
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

// Four byte rows to a block of dwords.
template <class Vec>
[[gnu::always_inline]] inline void interleave(const uint8_t* x0, const uint8_t* x1, const uint8_t* x2,
                                              const uint8_t* x3, uint8_t* to) {
  const auto r0 = Vec::loadu(x0), r1 = Vec::loadu(x1), r2 = Vec::loadu(x2), r3 = Vec::loadu(x3);
  const auto low01 = Vec::unpacklo8(r0, r1), high01 = Vec::unpackhi8(r0, r1);
  const auto low23 = Vec::unpacklo8(r2, r3), high23 = Vec::unpackhi8(r2, r3);
  Vec::store(to, Vec::unpacklo16(low01, low23));
  Vec::store(to + Vec::kWidth, Vec::unpackhi16(low01, low23));
  Vec::store(to + 2 * Vec::kWidth, Vec::unpacklo16(high01, high23));
  Vec::store(to + 3 * Vec::kWidth, Vec::unpackhi16(high01, high23));
}

// The four tap rows of one group, of which the first `rows` matter; rows outside the image read the zero points, rows
// that do not matter are multiplied by 0.
template <class Vec>
void interleave_group(const RowTask& t, int64_t group, int64_t rows) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t pitch = pitch_of(p.channels), step = t.blocks->groups * kTapRows * Vec::kWidth;
  const uint8_t* row[kTapRows];
  int64_t advance[kTapRows];
  for (int64_t i = 0; i < kTapRows; ++i) {
    const int64_t r = group * kTapRows + i, h = t.top + r * p.dilation_h;
    const bool inside = r < rows && h >= 0 && h < p.in_h;
    row[i] = inside ? t.image + h * p.in_w * pitch : t.zeros;
    advance[i] = inside ? pitch : 0;
  }
  uint8_t* to = t.columns + group * kTapRows * Vec::kWidth;
  for (int64_t column = 0; column < t.blocks->span; ++column, to += step) {
    const int64_t w = column - p.pad_left;
    if (w < 0 || w >= p.in_w) {
      interleave<Vec>(t.zeros, t.zeros, t.zeros, t.zeros, to);
    } else {
      interleave<Vec>(row[0] + w * advance[0], row[1] + w * advance[1], row[2] + w * advance[2],
                      row[3] + w * advance[3], to);
    }
  }
}

template <class Vec>
struct BlockSums {
  typename Vec::Ints acc[4];

  [[gnu::always_inline]] explicit BlockSums(const uint8_t* start) {
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) acc[v] = Vec::loadu(start + v * Vec::kWidth);
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
        channels(t.channels) {}

  // Saturating packs put the channels back in order and apply the lower bounds, as in epilogue512.h.
  [[gnu::always_inline]] void finish(const BlockSums<Vec>& sums, uint8_t* y) const {
    typename Vec::Ints q[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) q[v] = Vec::requantize(sums.acc[v], multiplier, bias, v, high);
    const auto low_half = Vec::adds16(Vec::packs32(q[0], q[1]), zero_point);
    const auto high_half = Vec::adds16(Vec::packs32(q[2], q[3]), zero_point);
    Vec::store_bytes(y, Vec::max8(Vec::packus16(low_half, high_half), lowest), channels);
  }

  typename Vec::Floats high;
  typename Vec::Ints zero_point, lowest;
  const float *multiplier, *bias;
  int64_t channels;
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
                                          const uint8_t* skip, uint8_t* y) {
  if constexpr (How == Finish::kPlain) {
    plain.finish(sums, y);
  } else {
    finish_any(t, sums, skip, y);
  }
}

// Three columns of one group of tap rows: the twelve weight vectors stay in registers.
template <class Vec, Finish How, Rows Count>
void outputs_of_3_columns(const RowTask& t) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t set_bytes = kTapRows * Vec::kWidth, out_w = p.out_w();
  typename Vec::Ints w[3][4];
#pragma GCC unroll 12
  for (int i = 0; i < 12; ++i) w[i / 4][i % 4] = Vec::loadu(t.packed + 4 * Vec::kWidth + i * Vec::kWidth);
  const PlainBlock<Vec> plain(t);
  for (int64_t column = 0; column < out_w; ++column) {
    BlockSums<Vec> sums(t.packed), below(t.packed);
    const uint8_t* x = t.columns + column * p.stride_w * set_bytes;
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i, x += p.dilation_w * set_bytes) {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const auto taps = Vec::loadu(x + v * Vec::kWidth);
        sums.acc[v] = Vec::dot(sums.acc[v], taps, w[i][v]);
        if constexpr (Count == Rows::kTwo) below.acc[v] = Vec::dot(below.acc[v], Vec::next_row(taps), w[i][v]);
      }
    }
    uint8_t* y = t.y + column * t.y_stride;
    const uint8_t* skip = t.skip + column * t.skip_stride;
    finish<Vec, How>(t, plain, sums, skip, y);
    if constexpr (Count == Rows::kTwo)
      finish<Vec, How>(t, plain, below, skip + out_w * t.skip_stride, y + out_w * t.y_stride);
  }
}

// Any number of columns and groups of tap rows.
template <class Vec, Finish How>
void outputs_of_row(const RowTask& t) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t groups = t.blocks->groups, set_bytes = kTapRows * Vec::kWidth, out_w = p.out_w();
  const PlainBlock<Vec> plain(t);
  for (int64_t column = 0; column < out_w; ++column) {
    BlockSums<Vec> sums(t.packed);
    const uint8_t *x = t.columns + column * p.stride_w * groups * set_bytes, *w = t.packed + 4 * Vec::kWidth;
    for (int64_t s = 0; s < p.kernel_w; ++s, x += p.dilation_w * groups * set_bytes) {
      for (int64_t group = 0; group < groups; ++group, w += set_bytes) {
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v)
          sums.acc[v] = Vec::dot(sums.acc[v], Vec::loadu(x + group * set_bytes + v * Vec::kWidth),
                                 Vec::loadu(w + v * Vec::kWidth));
      }
    }
    finish<Vec, How>(t, plain, sums, t.skip + column * t.skip_stride, t.y + column * t.y_stride);
  }
}

template <class Vec, Finish How>
void run_row(const RowTask& t, Rows count) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t rows = p.kernel_h + (count == Rows::kTwo);
  for (int64_t group = 0; group < t.blocks->groups; ++group) interleave_group<Vec>(t, group, rows);
  if (t.blocks->tap_sets != 3 || t.blocks->groups != 1) return outputs_of_row<Vec, How>(t);
  if (count == Rows::kTwo) return outputs_of_3_columns<Vec, How, Rows::kTwo>(t);
  outputs_of_3_columns<Vec, How, Rows::kOne>(t);
}

template <class Vec>
void run_block(RowTask t, const DepthwiseArgs& a, int64_t first_channel, int64_t begin, int64_t end) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1, pitch = pitch_of(p.channels);
  const int64_t out_h = p.out_h(), out_w = p.out_w();
  alignas(64) float multiplier[Vec::kWidth], bias[Vec::kWidth];
  for (int64_t i = 0; i < Vec::kWidth; ++i) {
    const int64_t c = channel_at(Vec::kWidth, i);
    multiplier[i] = c < t.channels ? a.multiplier[first_channel + c] : 0.0f;
    bias[i] = c < t.channels ? a.bias[first_channel + c] : 0.0f;
  }
  t.multiplier = multiplier, t.bias = bias;
  const bool plain = t.epilogue->plain && !p.epilogue.has_skip;
  const bool pairs = p.kernel_h == 3 && p.kernel_w == 3 && p.stride_h == 1 && p.dilation_h == 1;
  for (int64_t unit = begin; unit < end;) {
    t.image = a.x + unit / out_h * p.in_h * p.in_w * pitch + first_channel;
    t.top = unit % out_h * p.stride_h - p.pad_top;
    t.skip = p.epilogue.has_skip ? a.skip + unit * out_w * pitch + first_channel : nullptr;
    t.y = static_cast<uint8_t*>(a.y) + unit * out_w * t.y_stride + first_channel * element;
    const Rows count = pairs && unit + 1 < end && (unit + 1) % out_h != 0 ? Rows::kTwo : Rows::kOne;
    if (plain) {
      run_row<Vec, Finish::kPlain>(t, count);
    } else {
      run_row<Vec, Finish::kAny>(t, count);
    }
    unit += count == Rows::kTwo ? 2 : 1;
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
  if (p.channels % kChannelGroup == 0) return;
  for (int64_t pixel = begin * p.out_w(); pixel < end * p.out_w(); ++pixel)
    store_pad(p.epilogue, a.y, pixel, p.channels);
}

int64_t units(const DepthwiseProblem& p) { return p.batch * p.out_h(); }

template <class Wide, class Narrow>
constexpr DepthwiseKernel make_kernel(
    const char* name, Isa isa, const char* (*supports)(const DepthwiseProblem&) = supports_all<DepthwiseProblem>) {
  return {{name, isa, supports, units,
           [](const DepthwiseProblem& p) { return depthwise_scratch_bytes(p, Wide::kWidth); }, run<Wide, Narrow>},
          [](const DepthwiseProblem& p) { return depthwise_packed_bytes(p, Wide::kWidth); },
          [](const DepthwiseProblem& p, const int8_t* weights, void* packed) {
            depthwise_pack(p, Wide::kWidth, weights, packed);
          }};
}

}  // namespace
}  // namespace qat::kernels
