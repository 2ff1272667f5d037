// Exact Winograd convolution F(4x4, 3x3) of int8: the same int32 sums as any other kernel's, with a quarter of the
// multiplications.
//
//   Y = A' [(G' g G'^T) .* (B^T d B)] A'^T    for a tile of 4 x 4 outputs, d: its 6 x 6 inputs, g: 3 x 3 weights
//
// with the points 0, 1, -1, 2, -2, infinity (Lavin and Gray, 2016), and the rows of G and A scaled to integers
// (winograd_transforms.h). Everything fits:
//
//   B^T d B   s16: |x - z| <= 255, absolute coefficients sum to at most 10 a dimension: 100 * 255 = 25,500
//   G' g G'^T s16: |w| <= 128, at most 7 a dimension: 49 * 128 = 6,272
//   products  are summed over the channels modulo 2^32, as vpdpwssd, vpmaddwd and vpaddd do
//   Y         comes out multiplied by 9 * 2^k, k <= 6. 9 has an inverse modulo 2^32, and a shift by k gives Y exactly
//             where |Y| < 2^25: ConvProblem::sum_bits <= 26, which a layer's own weights decide
//
// s16 products run at half the rate of u8 times s8, so the multiplications of a layer take half the time; transforms
// cost some 300 operations on vectors a tile and 32 channels.
//
// Weights are packed as the bytes that they are. Transformed they take 8 times as many, which memory and often the
// third-level cache bring later than the tiles of a block need them. So each unit transforms its panel itself, in 36
// stores and some 120 operations on vectors for a vector of weights at all points, what three of a block's tiles cost.
//
// Where an image ends in 1 to 3 outputs, its last tiles are of F(2) or F(3) in that dimension, on 4 or 5 of the same
// points, whose weights serve all: 14 x 14 outputs take 484 products instead of 576, 7 x 7 take 121 instead of 144.
//
// A unit is one block of tiles times one panel of output channels. A block's inputs are transformed once to 36 matrices
// [tiles][channels], and each meets its matrix of weights, made for a row of points at a time; the sums of a panel are
// transformed back, 36 to 16.
#pragma once

#include <algorithm>

#include "engine/cpu/conv/conv.h"
#include "engine/cpu/tile/tile.h"

namespace qat::kernels {

constexpr int64_t kWinogradOut = 4, kWinogradIn = 6, kWinogradPoints = kWinogradIn * kWinogradIn;
constexpr int kWinogradSumBits = 26;

// The register tiles of an instruction set: rows, vectors of columns, and columns of a vector.
struct WordTile {
  int max_rows, max_vectors, vector_columns;
  int64_t columns() const { return static_cast<int64_t>(max_vectors) * vector_columns; }
};

// The tiles of a dimension of an image: `full` of four outputs, then, where outputs are left, one of `rest` (2 or 3: a
// single one is computed as the first of two).
struct WinogradTiling {
  explicit WinogradTiling(int64_t outputs)
      : full(outputs / kWinogradOut),
        rest(outputs % kWinogradOut == 0   ? 0
             : outputs % kWinogradOut == 3 ? 3
                                           : 2) {}
  int64_t count() const { return full + (rest != 0); }
  int outputs(int64_t tile) const { return static_cast<int>(tile < full ? kWinogradOut : rest); }
  int64_t full;
  int rest;
};

// The problem cut into tiles and blocks of tiles, and where things lie in a thread's scratch. Tiles are ordered by
// kind, those of the right edge, full ones, those of the bottom, corners, so that the ones that have a point follow
// each other.
struct WinogradBlocks {
  WinogradBlocks(const WordTile& tiles, const ConvProblem& p);

  struct Tile {
    int64_t image, top, left;  // its first output
    int high, wide;            // outputs that are computed
  };
  Tile at(int64_t index) const;

  struct Range {
    int64_t begin, end;
  };
  Range with_point(int point) const;  // tiles

  WinogradTiling rows, columns;
  int64_t right, whole, bottom, tiles;  // tiles before the end of each kind
  int64_t run, count;                   // run: tiles of a block, but for the last one; blocks
  // A thread's transformed inputs: [points][blocks of a vector's channels][tiles][a vector of words].
  int64_t vector_bytes, channel_blocks;
  int64_t input_block;                             // bytes between two blocks of channels
  int64_t input_point, weights_point, sums_point;  // bytes between two points
  int64_t patch_bytes;                             // of a tile's inputs, copied where it reaches over the border

  size_t scratch_bytes() const {
    return static_cast<size_t>(kWinogradPoints * (input_point + sums_point) + 2 * kWinogradIn * weights_point +
                               patch_bytes);
  }
};

// For ConvProblem::blocks.
int64_t winograd_shared_blocks(const WordTile& tiles, const ConvProblem& p);

// The packed weights: panels of output channels. In a panel, a vector of columns after the other for each step of two
// input channels, s8 [9 weights][columns of a vector][2 channels]; 0 past the last channels. Every panel starts at a
// multiple of 64 bytes.
struct WinogradPanels {
  WinogradPanels(const WordTile& tile, const ConvProblem& p);

  int64_t columns, vector_columns, channels, steps;
  int64_t count, panel_bytes;  // panel_bytes: of a full one
  int vectors(int64_t panel) const;
  int64_t panel_channels(int64_t panel) const { return std::min(columns, channels - panel * columns); }
  int64_t vector_bytes() const { return 9 * 2 * vector_columns; }  // of a step
  int64_t offset(int64_t panel) const { return panel * panel_bytes; }
  int64_t bytes() const;
};

const char* winograd_supports(const ConvProblem& p);
void winograd_pack(const WordTile& tiles, const ConvProblem& p, const int8_t* weights, void* packed);

// The pixel rows of a tile's inputs, `row` bytes apart.
struct WinogradWindow {
  const uint8_t* x;
  int64_t row;
};
// In the image, or copied to `patch` with zero points around it.
WinogradWindow winograd_window(const ConvProblem& p, const WinogradBlocks::Tile& tile, const uint8_t* x,
                               uint8_t* patch);

}  // namespace qat::kernels
