// Gathering rows: runs of taps that are neighbours in memory are copied at once.
#include "engine/cpu/conv/gather.h"

#include <algorithm>
#include <cstring>

namespace qat::kernels {
namespace {

// Copies in pieces of 16 bytes; writes and reads up to 15 bytes more than asked.
inline uint8_t* copy(uint8_t* to, const uint8_t* from, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 16) std::memcpy(to + i, from + i, 16);
  return to + bytes;
}

inline uint8_t* fill(uint8_t* to, int32_t value, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 16) std::memset(to + i, value, 16);
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
inline uint8_t* gather_taps(const Gather& g, int64_t first, int64_t last, const uint8_t* image, uint8_t* to) {
  to = fill(to, g.zero_point, first * g.tap_bytes);
  if (g.contiguous) {
    to = copy(to, image + first * g.image_step, (last - first) * g.tap_bytes);
  } else {
    for (int64_t s = first; s < last; ++s) to = copy(to, image + s * g.image_step, g.tap_bytes);
  }
  return fill(to, g.zero_point, (g.taps - last) * g.tap_bytes);
}

// A pixel whose taps all lie inside, in runs of at most Pieces * 16 bytes per tap row.
template <int Pieces>
inline void gather_inside(const uint8_t* image, int64_t image_row, int64_t rows, int64_t bytes, uint8_t* to) {
  for (int64_t r = 0; r < rows; ++r, image += image_row, to += bytes)
    for (int i = 0; i < Pieces; ++i) std::memcpy(to + 16 * i, image + 16 * i, 16);
}

inline void gather_inside(const Gather& g, const uint8_t* image, int64_t rows, uint8_t* to) {
  const int64_t bytes = g.taps * g.tap_bytes;
  if (bytes <= 16) return gather_inside<1>(image, g.image_row, rows, bytes, to);
  if (bytes <= 32) return gather_inside<2>(image, g.image_row, rows, bytes, to);
  if (bytes <= 48) return gather_inside<3>(image, g.image_row, rows, bytes, to);
  for (int64_t r = 0; r < rows; ++r) to = copy(to, image + r * g.image_row, bytes);
}

}  // namespace

void gather_rows(const ConvProblem& p, const uint8_t* x, int64_t group, int64_t first, int64_t count, uint8_t* rows,
                 int64_t stride) {
  const int64_t out_w = p.out_w(), out_h = p.out_h(), pitch = pitch_of(p.in_channels);
  const int64_t channels = p.in_channels / p.groups, tap_bytes = pitch_of(channels);
  const Gather g{.taps = p.kernel_w,
                 .tap_bytes = tap_bytes,
                 .image_step = p.dilation_w * pitch,
                 .image_row = p.dilation_h * p.in_w * pitch,
                 .zero_point = p.in_zero_point,
                 .contiguous = p.dilation_w * pitch == tap_bytes};
  const int64_t reach_h = (p.kernel_h - 1) * p.dilation_h, reach_w = (p.kernel_w - 1) * p.dilation_w;
  int64_t column = first % out_w, row = first / out_w % out_h, n = first / (out_w * out_h);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = row * p.stride_h - p.pad_top, left = column * p.stride_w - p.pad_left;
    const uint8_t* image = x + ((n * p.in_h + top) * p.in_w + left) * pitch + group * channels;
    uint8_t* to = rows + i * stride;
    if (g.contiguous && top >= 0 && left >= 0 && top + reach_h < p.in_h && left + reach_w < p.in_w) {
      gather_inside(g, image, p.kernel_h, to);
    } else {
      int64_t begin = 0, end = p.kernel_w;
      while (begin < p.kernel_w && left + begin * p.dilation_w < 0) ++begin;
      while (end > begin && left + (end - 1) * p.dilation_w >= p.in_w) --end;
      for (int64_t r = 0; r < p.kernel_h; ++r) {
        const int64_t h = top + r * p.dilation_h;
        if (h < 0 || h >= p.in_h) {
          to = fill(to, p.in_zero_point, p.kernel_w * tap_bytes);
        } else {
          to = gather_taps(g, begin, end, image + r * g.image_row, to);
        }
      }
    }
    if (++column == out_w) {
      column = 0;
      if (++row == out_h) row = 0, ++n;
    }
  }
}

}  // namespace qat::kernels
