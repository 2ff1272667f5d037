// Gathering rows: runs of taps that are neighbours in memory are copied at once, in pieces as wide as the registers.
#pragma once

#include <cstring>

#include "engine/cpu/conv/gather.h"

namespace qat::kernels {
namespace {  // each file that includes this compiles it for its own instruction set

// Copies in pieces; writes and reads up to Piece - 1 bytes more than asked.
template <int Piece>
inline uint8_t* copy(uint8_t* to, const uint8_t* from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += Piece) std::memcpy(to + i, from + i, Piece);
  return to + bytes;
}

template <int Piece>
inline uint8_t* fill(uint8_t* to, int32_t value, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += Piece) std::memset(to + i, value, Piece);
  return to + bytes;
}

// What is the same for all pixels of a call.
struct Gather {
  int64_t taps;        // S
  int64_t tap_bytes;   // of one tap in the gathered row
  int64_t image_step;  // bytes between taps in the image
  int64_t image_row;   // bytes between tap rows in the image
  int32_t zero_point;
  bool contiguous;  // image_step == tap_bytes
};

// Taps [first, last) of one tap row lie inside the image.
template <int Piece>
inline uint8_t* gather_taps(const Gather& g, int64_t first, int64_t last, const uint8_t* image, uint8_t* to) {
  to = fill<Piece>(to, g.zero_point, first * g.tap_bytes);
  if (g.contiguous) {
    to = copy<Piece>(to, image + first * g.image_step, (last - first) * g.tap_bytes);
  } else {
    for (int64_t s = first; s < last; ++s) to = copy<16>(to, image + s * g.image_step, g.tap_bytes);
  }
  return fill<Piece>(to, g.zero_point, (g.taps - last) * g.tap_bytes);
}

// A pixel whose taps all lie inside, in runs of at most Pieces * 16 bytes per tap row.
template <int Pieces>
inline void gather_short(const uint8_t* image, int64_t image_row, int64_t rows, int64_t bytes, uint8_t* to) {
  for (int64_t r = 0; r < rows; ++r, image += image_row, to += bytes)
    for (int i = 0; i < Pieces; ++i) std::memcpy(to + 16 * i, image + 16 * i, 16);
}

template <int Piece>
inline void gather_inside(const Gather& g, const uint8_t* image, int64_t rows, uint8_t* to) {
  const int64_t bytes = g.taps * g.tap_bytes;
  if (!g.contiguous) {
    for (int64_t r = 0; r < rows; ++r, image += g.image_row)
      for (int64_t s = 0; s < g.taps; ++s) to = copy<16>(to, image + s * g.image_step, g.tap_bytes);
    return;
  }
  if (bytes <= 16) return gather_short<1>(image, g.image_row, rows, bytes, to);
  if (bytes <= 32) return gather_short<2>(image, g.image_row, rows, bytes, to);
  if (bytes <= 48) return gather_short<3>(image, g.image_row, rows, bytes, to);
  for (int64_t r = 0; r < rows; ++r) to = copy<Piece>(to, image + r * g.image_row, bytes);
}

template <int Piece>
void gather_rows_in(const GatherTask& t) {
  const ConvProblem& p = t.problem;
  const int64_t out_w = p.out_w(), out_h = p.out_h(), pitch = pitch_of(p.in_channels);
  const int64_t channels = p.in_channels / p.groups, tap_bytes = pitch_of(channels);
  const Gather g{.taps = p.kernel_w,
                 .tap_bytes = tap_bytes,
                 .image_step = p.dilation_w * pitch,
                 .image_row = p.dilation_h * p.in_w * pitch,
                 .zero_point = p.in_zero_point,
                 .contiguous = p.dilation_w * pitch == tap_bytes};
  const int64_t reach_h = (p.kernel_h - 1) * p.dilation_h, reach_w = (p.kernel_w - 1) * p.dilation_w;
  int64_t column = t.first % out_w, row = t.first / out_w % out_h, n = t.first / (out_w * out_h);
  for (int64_t i = 0; i < t.count; ++i) {
    const int64_t top = row * p.stride_h - p.pad_top, left = column * p.stride_w - p.pad_left;
    const uint8_t* image = t.x + ((n * p.in_h + top) * p.in_w + left) * pitch + t.group * channels;
    uint8_t* to = t.rows + i * t.stride;
    if (top >= 0 && left >= 0 && top + reach_h < p.in_h && left + reach_w < p.in_w) {
      gather_inside<Piece>(g, image, p.kernel_h, to);
    } else {
      int64_t begin = 0, end = p.kernel_w;
      while (begin < p.kernel_w && left + begin * p.dilation_w < 0) ++begin;
      while (end > begin && left + (end - 1) * p.dilation_w >= p.in_w) --end;
      for (int64_t r = 0; r < p.kernel_h; ++r) {
        const int64_t h = top + r * p.dilation_h;
        if (h < 0 || h >= p.in_h) {
          to = fill<Piece>(to, p.in_zero_point, p.kernel_w * tap_bytes);
        } else {
          to = gather_taps<Piece>(g, begin, end, image + r * g.image_row, to);
        }
      }
    }
    if (++column == out_w) {
      column = 0;
      if (++row == out_h) row = 0, ++n;
    }
  }
}

}  // namespace
}  // namespace qat::kernels
