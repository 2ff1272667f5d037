// The Winograd kernel for one instruction set, `Arch`: winograd.h. Included by one file of each.
//
//   Arch::kTiles           words times words, sums stored as they are (tile_words.h)
//   Arch::Words, Ints      vectors of s16 and u32, of one size
//   Arch::load_words(x)    bytes widened
//   Arch::with_epilogue    calls a body with an object whose store(at, sums, count) finishes `count` pixels
#pragma once

#include <algorithm>

#include "engine/cpu/conv/winograd.h"
#include "engine/cpu/conv/winograd_transforms.h"

namespace qat::kernels {
namespace {

// One tile's inputs to 36 points; `to`: its first block of channels at the first point.
template <class Arch>
void transform_window(const WinogradWindow& window, const WinogradBlocks& blocks, int64_t pitch, int32_t zero_point,
                      uint8_t* to) {
  using Words = typename Arch::Words;
  constexpr int64_t kCount = sizeof(Words) / 2;
  const Words zero = Words{} + static_cast<int16_t>(zero_point);
  for (int64_t c = 0; c < blocks.channel_blocks * kCount; c += kCount, to += blocks.input_block) {
    Words across[6][6];
#pragma GCC unroll 6
    for (int i = 0; i < 6; ++i) {
      const uint8_t* x = window.x + i * window.row + c;
      transform_input<Words>(Arch::load_words(x) - zero, Arch::load_words(x + pitch) - zero,
                             Arch::load_words(x + 2 * pitch) - zero, Arch::load_words(x + 3 * pitch) - zero,
                             Arch::load_words(x + 4 * pitch) - zero, Arch::load_words(x + 5 * pitch) - zero, across[i],
                             1);
    }
#pragma GCC unroll 6
    for (int j = 0; j < 6; ++j) {
      Words all[6];
      transform_input<Words>(across[0][j], across[1][j], across[2][j], across[3][j], across[4][j], across[5][j], all,
                             1);
#pragma GCC unroll 6
      for (int i = 0; i < 6; ++i) *reinterpret_cast<Words*>(to + (i * 6 + j) * blocks.input_point) = all[i];
    }
  }
}

// The sums of 16 pixels from those of 36 points, `point` bytes apart; `to`: [4][4] of them, `stride` vectors apart.
template <class Arch>
[[gnu::always_inline]] inline void transform_points(const uint8_t* sums, int64_t point, typename Arch::Ints* to,
                                                    int stride) {
  using Ints = typename Arch::Ints;
  using Signed = typename Arch::Signed;
  Ints down[4][6];
#pragma GCC unroll 6
  for (int j = 0; j < 6; ++j) {
    const auto at = [&](int i) { return *reinterpret_cast<const Ints*>(sums + (i * 6 + j) * point); };
    transform_sums<Ints>(at(0), at(1), at(2), at(3), at(4), at(5), &down[0][j], 6);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    Ints y[4];
    transform_sums<Ints>(down[i][0], down[i][1], down[i][2], down[i][3], down[i][4], down[i][5], y, 1);
#pragma GCC unroll 4
    for (int j = 0; j < 4; ++j) {
      const auto times = reinterpret_cast<Signed>(y[j] * kInverseOf9);
      to[(i * 4 + j) * stride] = reinterpret_cast<Ints>(times >> (kSumsShift[i] + kSumsShift[j]));
    }
  }
}

template <class Arch>
size_t winograd_packed_bytes(const ConvProblem& p) {
  return static_cast<size_t>(winograd_layout(Arch::kTiles, p).bytes());
}

template <class Arch>
void winograd_pack(const ConvProblem& p, const int8_t* weights, void* packed) {
  winograd_pack(Arch::kTiles, p, weights, packed);
}

template <class Arch>
int64_t winograd_units(const ConvProblem& p) {
  return WinogradBlocks(Arch::kTiles, p).count * winograd_layout(Arch::kTiles, p).panels;
}

template <class Arch>
size_t winograd_scratch_bytes(const ConvProblem& p) {
  return WinogradBlocks(Arch::kTiles, p).scratch_bytes();
}

// The sums of tiles [first, first + count) for a panel to results; `base`: its epilogue and first channel. `pads`: the
// output, for the panel that is followed by a pixel's pad channels; null for others.
template <class Arch, int Vectors>
void finish_tiles(const ConvProblem& p, const WinogradBlocks& blocks, const TileTask& base, int64_t first,
                  int64_t count, const uint8_t* sums, void* pads) {
  using Ints = typename Arch::Ints;
  Arch::template with_epilogue<Vectors>(base, [&](const auto& epilogue) {
    for (int64_t tile = first; tile < first + count; ++tile, sums += Vectors * sizeof(Ints)) {
      Ints y[16][Vectors];
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v)
        transform_points<Arch>(sums + v * sizeof(Ints), blocks.sums_point, &y[0][v], Vectors);
      const int64_t top = tile / blocks.tiles_w % blocks.tiles_h * kWinogradOut;
      const int64_t left = tile % blocks.tiles_w * kWinogradOut;
      const int64_t image = tile / (blocks.tiles_h * blocks.tiles_w);
      const int64_t high = std::min(kWinogradOut, p.out_h() - top), wide = std::min(kWinogradOut, p.out_w() - left);
      for (int64_t i = 0; i < high; ++i) {
        const int64_t pixel = (image * p.out_h() + top + i) * p.out_w() + left;
        TileTask at = base;
        at.advance(pixel);
        epilogue.store(at, reinterpret_cast<const int32_t*>(y[4 * i]), static_cast<int>(wide));
        for (int64_t j = 0; pads && j < wide; ++j) store_pad(p.epilogue, pads, pixel + j, p.out_channels);
      }
    }
  });
}

template <class Arch>
void winograd_run(const ConvProblem& p, const ConvArgs& a, int64_t begin, int64_t end, void* scratch) {
  const WinogradBlocks blocks(Arch::kTiles, p);
  const PanelLayout layout = winograd_layout(Arch::kTiles, p);
  const TileEpilogue epilogue(p.epilogue);
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1;
  auto* inputs = static_cast<uint8_t*>(scratch);
  uint8_t* sums = inputs + kWinogradPoints * blocks.input_point;
  uint8_t* patch = sums + kWinogradPoints * blocks.sums_point;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t first = unit / layout.panels * blocks.run, panel = unit % layout.panels;
    const int64_t count = std::min(blocks.run, blocks.tiles - first), vectors = layout.vectors(panel);
    if (unit == begin || panel == 0)
      for (int64_t i = 0; i < count; ++i)
        transform_window<Arch>(winograd_window(p, blocks, a.x, first + i, patch), blocks, pitch_of(p.in_channels),
                               p.in_zero_point, inputs + i * blocks.vector_bytes);
    for (int64_t point = 0; point < kWinogradPoints; ++point) {
      const auto* weights = static_cast<const uint8_t*>(a.weights) + layout.offset(point, panel);
      const bool more = point + 1 < kWinogradPoints;
      run_tiles(Arch::kTiles, static_cast<int>(vectors),
                {.rows = inputs + point * blocks.input_point,
                 .row_stride = blocks.vector_bytes,
                 .run = count,
                 .steps = layout.depth / 4,
                 .segment_step = blocks.input_block,
                 .panel = weights,
                 .y = sums + point * blocks.sums_point,
                 .y_stride = vectors * layout.vector_columns * 4,
                 .next = weights + (more ? layout.group_bytes : 0)},
                more ? layout.panel_bytes : 0);
    }
    const int64_t k = panel * layout.columns;
    const TileTask base{.epilogue = &epilogue,
                        .multiplier = a.multiplier + k,
                        .bias = a.bias + k,
                        .channels = layout.panel_channels(panel),
                        .skip = p.epilogue.has_skip ? a.skip + k : nullptr,
                        .skip_stride = p.epilogue.has_skip ? pitch_of(p.out_channels) : 0,
                        .y = static_cast<uint8_t*>(a.y) + k * element,
                        .y_stride = output_pitch(p.epilogue, p.out_channels) * element};
    void* pads = panel + 1 == layout.panels && p.out_channels % kChannelGroup != 0 ? a.y : nullptr;
    if (vectors == 2) {
      finish_tiles<Arch, 2>(p, blocks, base, first, count, sums, pads);
    } else {
      finish_tiles<Arch, 1>(p, blocks, base, first, count, sums, pads);
    }
  }
}

template <class Arch>
constexpr ConvKernel make_winograd_kernel(const char* name, Isa isa) {
  return {{name, isa, winograd_supports, winograd_units<Arch>, winograd_scratch_bytes<Arch>, winograd_run<Arch>},
          winograd_packed_bytes<Arch>,
          winograd_pack<Arch>};
}

}  // namespace
}  // namespace qat::kernels
