// The depthwise convolution, one or two rows of outputs of one block of channels at a time, on an ISA's registers.
//
// The input columns that a row touches are interleaved once into scratch (blocks.h) and then read by every output whose
// window holds them. A 3 x 3 filter of stride 1 leaves room for a fourth tap row, so the same columns serve the next
// row of outputs too, shifted by a byte.
#pragma once

#include <type_traits>

#include "engine/cpu/depthwise/depthwise_block.h"

namespace qat::kernels {
namespace {

// Four byte rows to a block of dwords.
template <class Vec>
[[gnu::always_inline]] inline void interleave(typename Vec::Ints r0, typename Vec::Ints r1, typename Vec::Ints r2,
                                              typename Vec::Ints r3, uint8_t* to) {
  const auto low01 = Vec::unpacklo8(r0, r1), high01 = Vec::unpackhi8(r0, r1);
  const auto low23 = Vec::unpacklo8(r2, r3), high23 = Vec::unpackhi8(r2, r3);
  Vec::store(to, Vec::unpacklo16(low01, low23));
  Vec::store(to + Vec::kWidth, Vec::unpackhi16(low01, low23));
  Vec::store(to + 2 * Vec::kWidth, Vec::unpacklo16(high01, high23));
  Vec::store(to + 3 * Vec::kWidth, Vec::unpackhi16(high01, high23));
}
template <class Vec>
[[gnu::always_inline]] inline void interleave(const uint8_t* x0, const uint8_t* x1, const uint8_t* x2,
                                              const uint8_t* x3, uint8_t* to) {
  interleave<Vec>(Vec::loadu(x0), Vec::loadu(x1), Vec::loadu(x2), Vec::loadu(x3), to);
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
    if constexpr (Vec::kColumns == 2) {
      const auto two = [&](int i) {
        const auto at = [&](int64_t c) { return c < 0 || c >= p.in_w ? t.zeros : row[i] + c * advance[i]; };
        return Vec::join(at(w), at(w + p.stride_w));
      };
      interleave<Vec>(two(0), two(1), two(2), two(3), to);
    } else if (w < 0 || w >= p.in_w) {
      interleave<Vec>(t.zeros, t.zeros, t.zeros, t.zeros, to);
    } else {
      interleave<Vec>(row[0] + w * advance[0], row[1] + w * advance[1], row[2] + w * advance[2],
                      row[3] + w * advance[3], to);
    }
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

// The twelve weight vectors of three columns of one group of tap rows.
template <class Vec>
struct ThreeColumns {
  [[gnu::always_inline]] explicit ThreeColumns(const RowTask& t)
      : start(t.packed), step(t.problem->dilation_w * kTapRows * Vec::kWidth) {
#pragma GCC unroll 12
    for (int i = 0; i < 12; ++i) w[i / 4][i % 4] = Vec::packed(t.packed, 4 + i);
  }

  // `Below`: of the next row of outputs, whose windows start one input row below.
  template <bool Below>
  [[gnu::always_inline]] BlockSums<Vec> sums(const uint8_t* x) const {
    BlockSums<Vec> result(start);
#pragma GCC unroll 3
    for (int i = 0; i < 3; ++i, x += step) {
#pragma GCC unroll 4
      for (int v = 0; v < 4; ++v) {
        const auto taps = Vec::loadu(x + v * Vec::kWidth);
        result.acc[v] = Vec::dot(result.acc[v], Below ? Vec::next_row(taps) : taps, w[i][v]);
      }
    }
    return result;
  }

  const uint8_t* start;
  int64_t step;
  typename Vec::Ints w[3][4];
};

// The same for registers of 512 bits: sums are finished after the next ones' multiply-adds, so that no result waits for
// its sums in the processor's queues. Two rows of outputs take turns and read their columns twice for it.
template <class Vec, Finish How, Rows Count>
void outputs_in_turns(const RowTask& t) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t out_w = p.out_w(), step = Vec::kColumns * p.stride_w * kTapRows * Vec::kWidth;
  const ThreeColumns<Vec> columns(t);
  const PlainBlock<Vec> plain(t);
  const uint8_t *x = t.columns, *skip = t.skip, *skip_below = skip + out_w * t.skip_stride;
  uint8_t *y = t.y, *y_below = y + out_w * t.y_stride;
  BlockSums<Vec> sums = columns.template sums<false>(x);
  for (int64_t left = out_w; left > 0; left -= Vec::kColumns) {
    if constexpr (Count == Rows::kTwo) {
      const BlockSums<Vec> below = columns.template sums<true>(x);
      finish<Vec, How>(t, plain, sums, skip, y, left);
      x += left > Vec::kColumns ? step : 0;
      sums = columns.template sums<false>(x);
      finish<Vec, How>(t, plain, below, skip_below, y_below, left);
    } else {
      x += left > Vec::kColumns ? step : 0;
      const BlockSums<Vec> next = columns.template sums<false>(x);
      finish<Vec, How>(t, plain, sums, skip, y, left);
      sums = next;
    }
    y += Vec::kColumns * t.y_stride, y_below += Vec::kColumns * t.y_stride;
    skip += Vec::kColumns * t.skip_stride, skip_below += Vec::kColumns * t.skip_stride;
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

bool has_3_columns(const DepthwiseBlocks& blocks) { return blocks.tap_sets == 3 && blocks.groups == 1; }

template <class Vec, Finish How>
void run_row(const RowTask& t, Rows count) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t rows = p.kernel_h + (count == Rows::kTwo);
  for (int64_t group = 0; group < t.blocks->groups; ++group) interleave_group<Vec>(t, group, rows);
  if constexpr (Vec::kColumns == 1) {
    if (!has_3_columns(*t.blocks)) return outputs_of_row<Vec, How>(t);
  }
  if constexpr (Vec::kTakesTurns) {
    count == Rows::kTwo ? outputs_in_turns<Vec, How, Rows::kTwo>(t) : outputs_in_turns<Vec, How, Rows::kOne>(t);
  } else {
    count == Rows::kTwo ? outputs_of_3_columns<Vec, How, Rows::kTwo>(t) : outputs_of_3_columns<Vec, How, Rows::kOne>(t);
  }
}

bool is_plain(const TileEpilogue& e) { return e.plain && !e.full.has_skip; }

template <class Vec>
void run_block(RowTask t, const DepthwiseArgs& a, int64_t first_channel, int64_t begin, int64_t end) {
  const DepthwiseProblem& p = *t.problem;
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1, pitch = pitch_of(p.channels);
  const int64_t out_h = p.out_h(), out_w = p.out_w();
  alignas(64) float multiplier[Vec::kWidth], bias[Vec::kWidth];
  for (int64_t i = 0; i < Vec::kWidth; ++i) {
    const int64_t c = Vec::channel(i);
    multiplier[i] = c < t.channels ? a.multiplier[first_channel + c] : 0.0f;
    bias[i] = c < t.channels ? a.bias[first_channel + c] : 0.0f;
  }
  t.multiplier = multiplier, t.bias = bias;
  const bool plain = is_plain(*t.epilogue);
  const bool pairs = p.kernel_h == 3 && p.kernel_w == 3 && p.stride_h == 1 && p.dilation_h == 1;
  for (int64_t unit = begin; unit < end;) {
    t.image = a.x + unit / out_h * p.in_h * p.in_w * pitch + first_channel;
    t.top = unit % out_h * p.stride_h - p.pad_top;
    t.skip = p.epilogue.has_skip ? a.skip + unit * out_w * pitch + first_channel : nullptr;
    t.y = static_cast<uint8_t*>(a.y) + unit * out_w * t.y_stride + first_channel * element;
    const Rows count = pairs && unit + 1 < end && (unit + 1) % out_h != 0 ? Rows::kTwo : Rows::kOne;
    if (plain) {
      run_row<Vec, Finish::kPlain>(t, count);
    } else if constexpr (Vec::kColumns == 1) {
      run_row<Vec, Finish::kAny>(t, count);
    }
    unit += count == Rows::kTwo ? 2 : 1;
  }
}

// Narrow: the registers of the last block when it has 32 channels or less; Pair: those for two of its columns, where
// there are such.
template <class Wide, class Narrow, class Pair>
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
      continue;
    }
    if constexpr (!std::is_void_v<Pair>) {
      if (has_3_columns(blocks) && is_plain(epilogue)) {
        run_block<Pair>(t, a, first, begin, end);
        continue;
      }
    }
    run_block<Narrow>(t, a, first, begin, end);
  }
  store_pads(p.epilogue, a.y, begin * p.out_w(), end * p.out_w(), p.channels);
}

int64_t units(const DepthwiseProblem& p) { return p.batch * p.out_h(); }

template <class Wide, class Narrow, class Pair = void>
constexpr DepthwiseKernel make_kernel(
    const char* name, Isa isa, const char* (*supports)(const DepthwiseProblem&) = supports_all<DepthwiseProblem>) {
  return {{name, isa, supports, units,
           [](const DepthwiseProblem& p) { return depthwise_scratch_bytes(p, Wide::kWidth); }, run<Wide, Narrow, Pair>},
          [](const DepthwiseProblem& p) { return depthwise_packed_bytes(p, Wide::kWidth); },
          [](const DepthwiseProblem& p, const int8_t* weights, void* packed) {
            depthwise_pack(p, Wide::kWidth, weights, packed);
          }};
}

}  // namespace
}  // namespace qat::kernels
