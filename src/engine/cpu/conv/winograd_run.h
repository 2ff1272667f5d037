// The Winograd kernel for one instruction set, `Arch`: winograd.h. Included by one file of each.
//
//   Arch::kTile                     of registers (winograd.h)
//   Arch::kSideRows                 most rows of one that makes weights on the side; 0: none does
//   Arch::Words, Ints               vectors of s16 and u32, of one size
//   Arch::load_words(x)             u8 widened
//   Arch::load_weights(w)           s8 widened
//   Arch::broadcast(x)              two words to all lanes
//   Arch::multiply_add(sum, x, w)   sum + x0 * w0 + x1 * w1 in each lane, modulo 2^32
//   Arch::with_epilogue             calls a body with an object whose store(at, sums, count) finishes `count` pixels
#pragma once

#include <algorithm>

#include "engine/cpu/conv/winograd_tiles.h"

namespace qat::kernels {
namespace {

// One tile's inputs to its points; `to`: its first block of channels at the first point.
template <class Arch, int High, int Wide>
void transform_window(const WinogradWindow& window, const WinogradBlocks& blocks, int64_t pitch, int32_t zero_point,
                      uint8_t* to) {
  using Words = typename Arch::Words;
  constexpr int64_t kCount = sizeof(Words) / 2;
  constexpr auto kRows = points_of<High>();
  constexpr auto kColumns = points_of<Wide>();
  const Words zero = Words{} + static_cast<int16_t>(zero_point);
  for (int64_t c = 0; c < blocks.channel_blocks * kCount; c += kCount, to += blocks.input_block) {
    Words across[High + 2][Wide + 2];
#pragma GCC unroll 6
    for (int i = 0; i < High + 2; ++i) {
      const uint8_t* x = window.x + i * window.row + c;
      Words d[Wide + 2];
#pragma GCC unroll 6
      for (int j = 0; j < Wide + 2; ++j) d[j] = Arch::load_words(x + j * pitch) - zero;
      transform_input<Wide>(d, across[i]);
    }
#pragma GCC unroll 6
    for (int j = 0; j < Wide + 2; ++j) {
      Words d[High + 2], t[High + 2];
#pragma GCC unroll 6
      for (int i = 0; i < High + 2; ++i) d[i] = across[i][j];
      transform_input<High>(d, t);
#pragma GCC unroll 6
      for (int i = 0; i < High + 2; ++i)
        *reinterpret_cast<Words*>(to + (kRows[static_cast<size_t>(i)] * 6 + kColumns[static_cast<size_t>(j)]) *
                                           blocks.input_point) = t[i];
    }
  }
}

// The sums of a tile's pixels from those of its points, `point` bytes apart; `to`: [4][4] of them, `stride` vectors
// apart.
template <class Arch, int High, int Wide>
void transform_points(const uint8_t* sums, int64_t point, typename Arch::Ints* to, int stride) {
  using Ints = typename Arch::Ints;
  using Signed = typename Arch::Signed;
  constexpr auto kRows = points_of<High>();
  constexpr auto kColumns = points_of<Wide>();
  Ints down[High][Wide + 2];
#pragma GCC unroll 6
  for (int j = 0; j < Wide + 2; ++j) {
    Ints n[High + 2], y[High];
#pragma GCC unroll 6
    for (int i = 0; i < High + 2; ++i)
      n[i] = *reinterpret_cast<const Ints*>(
          sums + (kRows[static_cast<size_t>(i)] * 6 + kColumns[static_cast<size_t>(j)]) * point);
    transform_sums<High>(n, y);
#pragma GCC unroll 4
    for (int i = 0; i < High; ++i) down[i][j] = y[i];
  }
#pragma GCC unroll 4
  for (int i = 0; i < High; ++i) {
    Ints y[Wide];
    transform_sums<Wide>(down[i], y);
#pragma GCC unroll 4
    for (int j = 0; j < Wide; ++j) {
      const auto times = reinterpret_cast<Signed>(y[j] * kInverseOf9);
      to[(i * 4 + j) * stride] = reinterpret_cast<Ints>(
          times >> (shifts_of<High>()[static_cast<size_t>(i)] + shifts_of<Wide>()[static_cast<size_t>(j)]));
    }
  }
}

// Both transforms by a tile's outputs, 2 to 4 in each dimension.
template <class Arch>
struct Transforms {
  decltype(&transform_window<Arch, 4, 4>) window;
  decltype(&transform_points<Arch, 4, 4>) points;
};
template <class Arch, int High, int Wide>
constexpr Transforms<Arch> kTransform = {transform_window<Arch, High, Wide>, transform_points<Arch, High, Wide>};
template <class Arch>
const Transforms<Arch>& transforms_of(const WinogradBlocks::Tile& tile) {
  static constexpr Transforms<Arch> kTable[3][3] = {
      {kTransform<Arch, 2, 2>, kTransform<Arch, 2, 3>, kTransform<Arch, 2, 4>},
      {kTransform<Arch, 3, 2>, kTransform<Arch, 3, 3>, kTransform<Arch, 3, 4>},
      {kTransform<Arch, 4, 2>, kTransform<Arch, 4, 3>, kTransform<Arch, 4, 4>}};
  return kTable[tile.high - 2][tile.wide - 2];
}

template <class Arch>
size_t winograd_packed_bytes(const ConvProblem& p) {
  return static_cast<size_t>(WinogradPanels(Arch::kTile, p).bytes());
}

template <class Arch>
void winograd_pack(const ConvProblem& p, const int8_t* weights, void* packed) {
  winograd_pack(Arch::kTile, p, weights, packed);
}

template <class Arch>
int64_t winograd_units(const ConvProblem& p) {
  return WinogradBlocks(Arch::kTile, p).count * WinogradPanels(Arch::kTile, p).count;
}

template <class Arch>
size_t winograd_scratch_bytes(const ConvProblem& p) {
  return WinogradBlocks(Arch::kTile, p).scratch_bytes();
}

// The sums of tiles [first, first + count) for a panel to results; `base`: its epilogue and first channel. `padded_y`:
// the output, for the panel that is followed by a pixel's pad channels; null for others.
template <class Arch, int Vectors>
void finish_tiles(const ConvProblem& p, const WinogradBlocks& blocks, const TileTask& base, int64_t first,
                  int64_t count, const uint8_t* sums, void* padded_y) {
  using Ints = typename Arch::Ints;
  Arch::template with_epilogue<Vectors>(base, [&](const auto& epilogue) {
    for (int64_t index = first; index < first + count; ++index, sums += Vectors * sizeof(Ints)) {
      const WinogradBlocks::Tile tile = blocks.at(index);
      const auto transform = transforms_of<Arch>(tile).points;
      Ints y[16][Vectors];
      for (int v = 0; v < Vectors; ++v) transform(sums + v * sizeof(Ints), blocks.sums_point, &y[0][v], Vectors);
      const int64_t high = std::min<int64_t>(tile.high, p.out_h() - tile.top);
      const int64_t wide = std::min<int64_t>(tile.wide, p.out_w() - tile.left);
      for (int64_t i = 0; i < high; ++i) {
        const int64_t pixel = (tile.image * p.out_h() + tile.top + i) * p.out_w() + tile.left;
        TileTask at = base;
        at.advance(pixel);
        epilogue.store(at, reinterpret_cast<const int32_t*>(y[4 * i]), static_cast<int>(wide));
        if (padded_y) store_pads(p.epilogue, padded_y, pixel, pixel + wide, p.out_channels);
      }
    }
  });
}

// All points of a row for tiles [first, last): their inputs times the weights `made`, which follow each other, to sums.
template <class Arch, int Vectors>
void multiply_row(const WinogradBlocks& blocks, int row, WinogradBlocks::Range block, const uint8_t* inputs,
                  const uint8_t* made, uint8_t* sums, WordTask& task, RowOfWeights<Arch>& making) {
  for (int point = row * kWinogradIn; point < (row + 1) * kWinogradIn; ++point, made += blocks.weights_point) {
    const auto [begins, ends] = blocks.with_point(point);
    const int64_t from = std::max(block.begin, begins), to = std::min(block.end, ends), at = from - block.begin;
    if (from >= to) continue;
    task.rows = inputs + point * blocks.input_point + at * blocks.vector_bytes;
    task.panel = made;
    task.y = sums + point * blocks.sums_point + at * Vectors * blocks.vector_bytes;
    run_word_tiles<Arch, Vectors>(task, to - from, making);
  }
}

template <class Arch>
void winograd_run(const ConvProblem& p, const ConvArgs& a, int64_t begin, int64_t end, void* scratch) {
  const WinogradBlocks blocks(Arch::kTile, p);
  const WinogradPanels panels(Arch::kTile, p);
  const TileEpilogue epilogue(p.epilogue);
  const int64_t element = p.epilogue.output == Output::kF32 ? 4 : 1;
  const auto* packed = static_cast<const uint8_t*>(a.weights);
  auto* inputs = static_cast<uint8_t*>(scratch);
  uint8_t* sums = inputs + kWinogradPoints * blocks.input_point;
  uint8_t* weights = sums + kWinogradPoints * blocks.sums_point;  // of a row of points, and of the next one
  const int64_t row_bytes = kWinogradIn * blocks.weights_point;
  uint8_t* patch = weights + 2 * row_bytes;
  RowOfWeights<Arch> making;
  const auto make = [&](int64_t unit, int row) {
    const int64_t panel = unit % panels.count;
    making = {.row = row,
              .left = panels.steps * panels.vectors(panel),
              .from = packed + panels.offset(panel),
              .to = weights + row % 2 * row_bytes,
              .point = blocks.weights_point};
  };
  if (begin < end) make(begin, 0);
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t first = unit / panels.count * blocks.run, panel = unit % panels.count;
    const int64_t last = std::min(first + blocks.run, blocks.tiles), vectors = panels.vectors(panel);
    const bool more = unit + 1 < end;
    if (unit == begin || panel == 0) {
      for (int64_t i = first; i < last; ++i) {
        const WinogradBlocks::Tile tile = blocks.at(i);
        transforms_of<Arch>(tile).window(winograd_window(p, tile, a.x, patch), blocks, pitch_of(p.in_channels),
                                         p.in_zero_point, inputs + (i - first) * blocks.vector_bytes);
      }
    }
    WordTask task{.block_step = blocks.input_block,
                  .steps = panels.steps,
                  .next = packed + panels.offset(more ? (unit + 1) % panels.count : panel),
                  .next_step = more ? ceil_div(panels.panel_bytes, kWinogradPoints * panels.steps) : 0};
    const int64_t k = panel * panels.columns;
    fetch_constants(a.multiplier + k, a.bias + k, panels.panel_channels(panel));
    for (int row = 0; row < kWinogradIn; ++row) {
      making.make_rest();
      const uint8_t* made = weights + row % 2 * row_bytes;
      if (row + 1 < kWinogradIn) {
        make(unit, row + 1);
      } else if (more) {
        make(unit + 1, 0);
      }
      const auto multiply = vectors == 2 ? multiply_row<Arch, 2> : multiply_row<Arch, 1>;
      multiply(blocks, row, {first, last}, inputs, made, sums, task, making);
    }
    const TileTask base{.epilogue = &epilogue,
                        .multiplier = a.multiplier + k,
                        .bias = a.bias + k,
                        .channels = panels.panel_channels(panel),
                        .skip = p.epilogue.has_skip ? a.skip + k : nullptr,
                        .skip_stride = p.epilogue.has_skip ? pitch_of(p.out_channels) : 0,
                        .y = static_cast<uint8_t*>(a.y) + k * element,
                        .y_stride = output_pitch(p.epilogue, p.out_channels) * element};
    void* padded_y = panel + 1 == panels.count ? a.y : nullptr;
    if (vectors == 2) {
      finish_tiles<Arch, 2>(p, blocks, base, first, last - first, sums, padded_y);
    } else {
      finish_tiles<Arch, 1>(p, blocks, base, first, last - first, sums, padded_y);
    }
  }
}

template <class Arch>
void winograd_cut(ConvProblem& p) {
  p.blocks = p.members > 1 ? winograd_shared_blocks(Arch::kTile, p) : 0;
}

template <class Arch>
constexpr ConvKernel make_winograd_kernel(const char* name, Isa isa) {
  return {{name, isa, winograd_supports, winograd_units<Arch>, winograd_scratch_bytes<Arch>, winograd_run<Arch>},
          winograd_packed_bytes<Arch>,
          winograd_pack<Arch>,
          winograd_cut<Arch>,
          /*prepares=*/true};
}

}  // namespace
}  // namespace qat::kernels
