// Packing and parameters of the first layer's convolution.
#include <cstring>

#include "engine/cuda/conv/conv_epilogue.cuh"
#include "engine/cuda/conv/conv_stem_params.h"

namespace qat::cuda {

using kernels::ConvArgs;
using kernels::ConvProblem;

size_t stem_packed_bytes(const ConvProblem& p) { return StemShape(p).packed_bytes(); }

void stem_pack(const ConvProblem& p, const int8_t* weights, void* packed) {
  const StemShape shape(p);
  std::memset(packed, 0, shape.packed_bytes());
  std::memset(packed, p.in_zero_point, 16);
  auto* start = static_cast<int32_t*>(packed) + 4;
  auto* rows = reinterpret_cast<int8_t*>(start + shape.rows);
  for (int64_t k = 0; k < p.out_channels; ++k) {
    int8_t* to = rows + (k / kRowGroup * kRowGroup + packed_row(k % kRowGroup)) * shape.row_bytes;
    for (int64_t c = 0; c < p.in_channels; ++c)
      for (int64_t r = 0; r < p.kernel_h; ++r)
        for (int64_t s = 0; s < p.kernel_w; ++s) {
          const int8_t w = *weights++;
          to[(r * shape.row_units * 4 + s) * 4 + c] = w;
          start[k] -= p.in_zero_point * w;
        }
  }
}

const char* stem_supports(const ConvProblem& p) {
  if (p.in_channels > 4) return "pixels of 4 bytes only";
  if (p.groups != 1) return "one group only";
  if (p.out_channels <= 4) return "it stores 8 channels at a time";
  const StemShape shape(p);
  if (shape.steps > kStemMaxSteps) return "at most 64 units of 4 taps";
  if (64 * shape.row_bytes + 8 * shape.patch_pitch(p) * shape.patch_height(p, 2 * kStemWarps) > 96 * 1024)
    return "weights and patch past 96 KiB of shared memory";
  if (p.pixels() >= int64_t{1} << 30) return "pixel indices have 30 bits";
  return nullptr;
}

StemParams stem_params(const ConvProblem& p, const ConvArgs& a, int warp_rows, int tile_columns) {
  const StemShape shape(p);
  const auto narrow = [](int64_t v) { return static_cast<int32_t>(v); };
  const int64_t height = kStemWarps * warp_rows, columns = (p.out_w() + kStemTileWidth - 1) / kStemTileWidth;
  const int64_t rows = (p.out_h() + height - 1) / height;
  StemParams to{output_params(p, a, 1)};
  to.x = reinterpret_cast<const uint32_t*>(a.x);
  to.zero_word = static_cast<const uint32_t*>(a.weights);
  to.start = static_cast<const int32_t*>(a.weights) + 4;
  to.weights = reinterpret_cast<const int8_t*>(to.start + shape.rows);
  to.in_h = narrow(p.in_h), to.in_w = narrow(p.in_w), to.out_h = narrow(p.out_h()), to.out_w = narrow(p.out_w());
  to.stride_h = narrow(p.stride_h), to.stride_w = narrow(p.stride_w);
  to.pad_top = narrow(p.pad_top), to.pad_left = narrow(p.pad_left), to.dilation_w = narrow(p.dilation_w);
  to.rows = narrow(shape.rows), to.row_bytes = narrow(shape.row_bytes), to.steps = narrow(shape.steps);
  to.patch_width = narrow(shape.patch_width(p)), to.patch_height = narrow(shape.patch_height(p, height));
  to.patch_pitch = narrow(shape.patch_pitch(p)), to.patch_shift = narrow(shape.patch_shift(p));
  to.patch_units = Divisor(shape.patch_pitch(p) / 4);
  to.tiles = narrow(p.batch * rows * columns);
  to.tile_columns = Divisor(columns), to.tile_rows = Divisor(rows);
  for (int64_t unit = 0; unit < p.kernel_h * shape.row_units; ++unit)
    to.unit_word[unit] = static_cast<int16_t>(unit / shape.row_units * p.dilation_h * to.patch_pitch +
                                              unit % shape.row_units * 4 * p.dilation_w);
  to.shared_bytes = narrow(column_bytes(tile_columns) + tile_columns * shape.row_bytes +
                           int64_t{8} * to.patch_pitch * to.patch_height);
  return to;
}

dim3 stem_grid(const StemParams& p, int columns) {
  constexpr int kMostBlocks = 132 * 3;  // resident at once on an H200; each then walks over several tiles
  return dim3(static_cast<unsigned>(p.tiles < kMostBlocks ? p.tiles : kMostBlocks),
              static_cast<unsigned>(p.rows / columns));
}

}  // namespace qat::cuda
