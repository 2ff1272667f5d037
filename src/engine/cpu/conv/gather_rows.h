// Gathering rows: runs of taps that are neighbours in memory are copied at once, in pieces as wide as the registers.
#pragma once

#include <algorithm>
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
struct Taps {
  int64_t taps;        // S
  int64_t tap_rows;    // R
  int64_t tap_bytes;   // of one tap in the gathered row
  int64_t image_step;  // bytes between taps in the image
  int64_t image_row;   // bytes between tap rows in the image
  int64_t pixel_step;  // bytes between neighbouring output pixels' first taps in the image
  int64_t stride;      // bytes between gathered rows
  int32_t zero_point;
  bool contiguous;  // image_step == tap_bytes
};

// Taps [first, last) of one tap row lie inside the image.
template <int Piece>
inline uint8_t* gather_taps(const Taps& g, int64_t first, int64_t last, const uint8_t* image, uint8_t* to) {
  to = fill<Piece>(to, g.zero_point, first * g.tap_bytes);
  if (g.contiguous) {
    to = copy<Piece>(to, image + first * g.image_step, (last - first) * g.tap_bytes);
  } else {
    for (int64_t s = first; s < last; ++s) to = copy<16>(to, image + s * g.image_step, g.tap_bytes);
  }
  return fill<Piece>(to, g.zero_point, (g.taps - last) * g.tap_bytes);
}

// A run of pixels whose taps all lie inside, with short tap rows: each is copied in `Pieces` pieces.
template <int Piece, int Pieces>
inline void gather_short(const Taps& g, const uint8_t* image, int64_t count, uint8_t* to) {
  const int64_t bytes = g.taps * g.tap_bytes;
  for (int64_t i = 0; i < count; ++i, image += g.pixel_step, to += g.stride) {
    const uint8_t* from = image;
    uint8_t* next = to;
    for (int64_t r = 0; r < g.tap_rows; ++r, from += g.image_row, next += bytes)
      for (int piece = 0; piece < Pieces; ++piece) std::memcpy(next + Piece * piece, from + Piece * piece, Piece);
  }
}

// A run of pixels of one output row whose taps all lie inside.
template <int Piece>
inline void gather_inside(const Taps& g, const uint8_t* image, int64_t count, uint8_t* rows) {
  constexpr int kHalf = std::min(Piece, 32);
  const int64_t bytes = g.taps * g.tap_bytes;
  if (g.contiguous && bytes <= 16) return gather_short<16, 1>(g, image, count, rows);
  if (g.contiguous && bytes <= 32) return gather_short<kHalf, 32 / kHalf>(g, image, count, rows);
  if (g.contiguous && bytes <= 64) return gather_short<Piece, 64 / Piece>(g, image, count, rows);
  for (int64_t i = 0; i < count; ++i, image += g.pixel_step, rows += g.stride) {
    uint8_t* to = rows;
    for (int64_t r = 0; r < g.tap_rows; ++r) to = gather_taps<Piece>(g, 0, g.taps, image + r * g.image_row, to);
  }
}

// One pixel, some of whose taps lie outside.
template <int Piece>
inline void gather_border(const ConvProblem& p, const Taps& g, const uint8_t* image, int64_t top, int64_t left,
                          uint8_t* to) {
  int64_t begin = 0, end = p.kernel_w;
  while (begin < p.kernel_w && left + begin * p.dilation_w < 0) ++begin;
  while (end > begin && left + (end - 1) * p.dilation_w >= p.in_w) --end;
  for (int64_t r = 0; r < p.kernel_h; ++r) {
    const int64_t h = top + r * p.dilation_h;
    if (h < 0 || h >= p.in_h) {
      to = fill<Piece>(to, p.in_zero_point, g.taps * g.tap_bytes);
    } else {
      to = gather_taps<Piece>(g, begin, end, image + r * g.image_row, to);
    }
  }
}

// Output columns [begin, end) of a row whose windows lie inside the image from left to right.
struct InsideColumns {
  explicit InsideColumns(const ConvProblem& p) {
    const int64_t room = p.in_w - (p.kernel_w - 1) * p.dilation_w - 1 + p.pad_left;  // largest column * stride
    begin = (p.pad_left + p.stride_w - 1) / p.stride_w;
    end = room < 0 ? 0 : room / p.stride_w + 1;
  }
  int64_t begin, end;
};

template <int Piece>
void gather_rows_in(const GatherTask& t) {
  const ConvProblem& p = t.problem;
  const int64_t out_w = p.out_w(), out_h = p.out_h(), pitch = pitch_of(p.in_channels);
  const int64_t channels = p.in_channels / p.groups, tap_bytes = pitch_of(channels);
  const Taps g{.taps = p.kernel_w,
               .tap_rows = p.kernel_h,
               .tap_bytes = tap_bytes,
               .image_step = p.dilation_w * pitch,
               .image_row = p.dilation_h * p.in_w * pitch,
               .pixel_step = p.stride_w * pitch,
               .stride = t.stride,
               .zero_point = p.in_zero_point,
               .contiguous = p.dilation_w * pitch == tap_bytes};
  const InsideColumns inside(p);
  uint8_t* to = t.rows;
  for (int64_t pixel = t.first, last = t.first + t.count; pixel < last;) {
    const int64_t n = pixel / (out_w * out_h), row = pixel / out_w % out_h, column = pixel % out_w;
    const int64_t top = row * p.stride_h - p.pad_top, left = column * p.stride_w - p.pad_left;
    const uint8_t* image = t.x + ((n * p.in_h + top) * p.in_w + left) * pitch + t.group * channels;
    const bool rows_inside = top >= 0 && top + (p.kernel_h - 1) * p.dilation_h < p.in_h;
    int64_t run = 1;
    if (rows_inside && column >= inside.begin && column < inside.end) {
      run = inside.end - column < last - pixel ? inside.end - column : last - pixel;
      gather_inside<Piece>(g, image, run, to);
    } else {
      gather_border<Piece>(p, g, image, top, left, to);
    }
    pixel += run;
    to += run * t.stride;
  }
}

// Pixels [first, t.pixels) of a line's columns. A dword may write over what follows it, which is written later.
inline void gather_columns_from(const ColumnTask& t, int64_t first) {
  uint8_t* to = t.to + first * t.tap_rows * t.channels;
  for (int64_t w = first; w < t.pixels; ++w)
    for (int64_t r = 0; r < t.tap_rows; ++r, to += t.channels)
      for (int64_t c = 0; c < t.channels; c += 4) std::memcpy(to + c, t.rows[r] + w * t.pitch + c, 4);
}

inline void gather_columns(const ColumnTask& t) { gather_columns_from(t, 0); }

// Pixels [first, t.pixels).
inline void gather_dense_from(const DenseTask& t, int64_t first) {
  const uint8_t* from = t.from + first * t.pitch;
  uint8_t* to = t.to + first * t.channels;
  for (int64_t i = first; i < t.pixels; ++i, from += t.pitch, to += t.channels)
    for (int64_t c = 0; c < t.channels; c += kChannelGroup) std::memcpy(to + c, from + c, kChannelGroup);
}

inline void gather_dense(const DenseTask& t) { gather_dense_from(t, 0); }

template <int Piece>
constexpr Gather make_gather(void (*columns)(const ColumnTask&) = gather_columns,
                             void (*dense)(const DenseTask&) = gather_dense) {
  return {gather_rows_in<Piece>, columns, dense};
}

}  // namespace
}  // namespace qat::kernels
