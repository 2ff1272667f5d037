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

// One tap row of one pixel: taps [first, last) of S lie inside the image.
struct TapRow {
  int64_t first, last;
  int64_t tap_bytes;   // of one tap in the gathered row
  int64_t image_step;  // bytes between taps in the image
  bool contiguous;     // image_step == tap_bytes
};

inline uint8_t* gather_taps(const TapRow& t, const uint8_t* image, int64_t taps, int32_t zero_point, uint8_t* to) {
  to = fill(to, zero_point, t.first * t.tap_bytes);
  if (t.contiguous) {
    to = copy(to, image + t.first * t.image_step, (t.last - t.first) * t.tap_bytes);
  } else {
    for (int64_t s = t.first; s < t.last; ++s) to = copy(to, image + s * t.image_step, t.tap_bytes);
  }
  return fill(to, zero_point, (taps - t.last) * t.tap_bytes);
}

}  // namespace

void gather_rows(const ConvProblem& p, const uint8_t* x, int64_t group, int64_t first, int64_t count, uint8_t* rows,
                 int64_t stride) {
  const int64_t out_w = p.out_w(), out_h = p.out_h(), pitch = pitch_of(p.in_channels);
  const int64_t channels = p.in_channels / p.groups, tap_bytes = pitch_of(channels);
  TapRow t{.first = 0, .last = 0, .tap_bytes = tap_bytes, .image_step = p.dilation_w * pitch, .contiguous = false};
  t.contiguous = t.image_step == tap_bytes;
  int64_t column = first % out_w, row = first / out_w % out_h, n = first / (out_w * out_h);
  for (int64_t i = 0; i < count; ++i) {
    const int64_t top = row * p.stride_h - p.pad_top, left = column * p.stride_w - p.pad_left;
    t.first = 0;
    t.last = p.kernel_w;
    while (t.first < p.kernel_w && left + t.first * p.dilation_w < 0) ++t.first;
    while (t.last > t.first && left + (t.last - 1) * p.dilation_w >= p.in_w) --t.last;
    uint8_t* to = rows + i * stride;
    const uint8_t* image = x + (n * p.in_h * p.in_w + left) * pitch + group * channels;
    for (int64_t r = 0; r < p.kernel_h; ++r) {
      const int64_t h = top + r * p.dilation_h;
      if (h < 0 || h >= p.in_h) {
        to = fill(to, p.in_zero_point, p.kernel_w * tap_bytes);
      } else {
        to = gather_taps(t, image + h * p.in_w * pitch, p.kernel_w, p.in_zero_point, to);
      }
    }
    if (++column == out_w) {
      column = 0;
      if (++row == out_h) row = 0, ++n;
    }
  }
}

}  // namespace qat::kernels
