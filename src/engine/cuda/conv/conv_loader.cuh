// The two loaders of a convolution's k-steps: pixels through their taps, and packed weights, each by cp.async.
//
// A step is kRowBytes of depth: a thread copies the same 16-byte column of several rows, so that one tap position a
// step serves them all. Per row it keeps the offset of the window's corner and a mask of the taps inside the image.
#pragma once

#include "engine/cuda/conv/conv_params.h"
#include "engine/cuda/mma/copy.cuh"
#include "engine/cuda/mma/swizzle.h"

namespace qat::cuda {

// Which of the first `taps` window rows (or columns) lie inside an image of `extent`, bit by bit.
__device__ inline uint32_t taps_inside(int first, int dilation, int taps, int extent) {
  uint32_t mask = 0;
  for (int i = 0; i < taps; ++i, first += dilation)
    mask |= static_cast<uint32_t>(static_cast<uint32_t>(first) < static_cast<uint32_t>(extent)) << i;
  return mask;
}

template <int kTileRows, int kRowBytes, int kThreads>
class PixelLoader {
  static constexpr int kColumns = kRowBytes / 16, kStride = kThreads / kColumns, kRows = kTileRows / kStride;
  static_assert(kTileRows % kStride == 0 && kStride % 8 == 0);

 public:
  // The tile's first output pixel, the block of groups, the first step.
  __device__ PixelLoader(const ConvParams& p, int first_pixel, int block, int step, uint32_t shared) {
    const int column = static_cast<int>(threadIdx.x) % kColumns, row = static_cast<int>(threadIdx.x) / kColumns;
    shared_ = shared + swizzled<kRowBytes>(row, column);
    uint32_t tap, unit, r, s;
    p.units.split(static_cast<uint32_t>(step * kColumns + column), tap, unit);
    p.kernel_w.split(tap, r, s);
    unit_ = static_cast<int>(unit), r_ = min(static_cast<int>(r), p.kernel_h), s_ = static_cast<int>(s);
    tap_offset_ = r_ * p.step_h + s_ * p.step_w + unit_ + block * static_cast<int>(p.units.value);
    for (int i = 0; i < kRows; ++i) place(p, first_pixel + row + i * kStride, i);
  }

  // What one step copies.
  struct Sources {
    const uint8_t* from[kRows];
    int bytes[kRows];
  };

  __device__ Sources sources(const ConvParams& p) const {
    Sources s;
    const uint32_t needed = 1u << r_ | 1u << (16 + s_);
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const bool inside = (inside_[i] & needed) == needed;
      s.from[i] = inside ? p.x + (static_cast<int64_t>(corner_[i] + tap_offset_) << 4) : p.pad_line;
      s.bytes[i] = inside ? 16 : p.pad_bytes;
    }
    return s;
  }

  __device__ void load(const ConvParams& p, const Sources& s, int stage_offset) const {
#pragma unroll
    for (int i = 0; i < kRows; ++i)
      copy16(shared_ + stage_offset + i * kStride * kRowBytes, s.from[i], s.bytes[i], p.reused);
  }
  __device__ void load(const ConvParams& p, int stage_offset) const { load(p, sources(p), stage_offset); }

  // To the same column of the next step.
  __device__ void advance(const ConvParams& p) {
    const int units = static_cast<int>(p.units.value);
    unit_ += kColumns, tap_offset_ += kColumns;
    while (unit_ >= units) {
      unit_ -= units, tap_offset_ += p.step_w - units;
      if (++s_ == static_cast<int>(p.kernel_w.value)) {
        s_ = 0, tap_offset_ += p.step_h - static_cast<int>(p.kernel_w.value) * p.step_w;
        r_ = min(r_ + 1, p.kernel_h);  // past the depth no row is inside
      }
    }
  }

 private:
  __device__ void place(const ConvParams& p, int pixel, int i) {
    uint32_t n, rest, h, w;
    p.out_image.split(static_cast<uint32_t>(pixel), n, rest);
    p.out_row.split(rest, h, w);
    const int top = static_cast<int>(h) * p.stride_h - p.pad_top, left = static_cast<int>(w) * p.stride_w - p.pad_left;
    corner_[i] = ((static_cast<int>(n) * p.in_h + top) * p.in_w + left) * p.pixel_units;
    inside_[i] = pixel < p.pixels
                     ? taps_inside(top, p.dilation_h, p.kernel_h, p.in_h) |
                           taps_inside(left, p.dilation_w, static_cast<int>(p.kernel_w.value), p.in_w) << 16
                     : 0;
  }

  uint32_t shared_;
  int unit_, r_, s_, tap_offset_;
  int corner_[kRows];
  uint32_t inside_[kRows];
};

template <int kTileColumns, int kRowBytes, int kThreads>
class WeightLoader {
  static constexpr int kColumns = kRowBytes / 16, kStride = kThreads / kColumns, kRows = kTileColumns / kStride;
  static_assert(kTileColumns % kStride == 0 && kStride % 8 == 0);

 public:
  __device__ WeightLoader(const ConvParams& p, int block, int first_row, int step, uint32_t shared) {
    const int column = static_cast<int>(threadIdx.x) % kColumns, row = static_cast<int>(threadIdx.x) / kColumns;
    shared_ = shared + swizzled<kRowBytes>(row, column);
    from_ = p.weights + (static_cast<int64_t>(block) * p.rows + first_row + row) * p.row_bytes + step * kRowBytes +
            column * 16;
    rows_left_ = p.rows - first_row - row;
  }

  __device__ void load(const ConvParams& p, int stage_offset) const {
#pragma unroll
    for (int i = 0; i < kRows; ++i) {
      const bool exists = i * kStride < rows_left_;
      copy16(shared_ + stage_offset + i * kStride * kRowBytes,
             exists ? from_ + static_cast<int64_t>(i * kStride) * p.row_bytes : p.weights, exists ? 16 : 0);
    }
  }

  __device__ void advance() { from_ += kRowBytes; }

 private:
  uint32_t shared_;
  const int8_t* from_;
  int rows_left_;
};

}  // namespace qat::cuda
