// What happens to an int32 accumulator before it is stored; the arithmetic is base/qmath.h.
//
//   v = fma(float(acc), M, B)
//   v = fma(float(skip - skip_zero_point), skip_scale, v)      when has_skip, or one of the sums below
//   v = activate(v, activation, p0, p1)
//   y = clamp(rne(v), lo - zero_point, hi - zero_point) + zero_point      u8
//   y = v                                                                 f32
//
// A file may quantize a layer's result before the skip is added. That is two roundings, and an addition of the two
// (add/add.h) in the order of its operands:
//
//   q = float(clamp(rne(v), middle_lo, middle_hi)), s = float(skip - skip_zero_point)
//   v = fma(s, skip_scale, q * middle_scale)      Middle::kFirst: the result is the first operand
//   v = fma(q, middle_scale, s * skip_scale)      Middle::kSecond
#pragma once

#include <cstdint>
#include <limits>

#include "base/qmath.h"

namespace qat::kernels {

enum class Output : uint8_t { kU8, kF32 };
enum class Middle : uint8_t { kNone, kFirst, kSecond };

struct Epilogue {
  Activation activation = Activation::kNone;
  float p0 = 0.0f;  // in units of the output's scale
  float p1 = std::numeric_limits<float>::infinity();
  bool has_skip = false;
  int32_t skip_zero_point = 0;
  float skip_scale = 1.0f;                    // R = s_skip / s_y
  Middle middle = Middle::kNone;              // other than kNone only with a skip
  float middle_scale = 1.0f;                  // s_middle / s_y
  int32_t middle_lo = -128, middle_hi = 127;  // less the middle's zero point
  Output output = Output::kU8;
  int32_t zero_point = 0;  // of the output, 0..255; ignored for kF32, as lo and hi are
  int32_t lo = 0;          // smallest and largest stored value: 0 <= lo <= zero_point <= hi <= 255
  int32_t hi = 255;
};

// The rest of the epilogue once the sum and the skip are in v.
inline uint8_t finish_u8(const Epilogue& e, float v) {
  v = activate(v, e.activation, e.p0, e.p1);
  return static_cast<uint8_t>(round_clamp(v, e.lo - e.zero_point, e.hi - e.zero_point) + e.zero_point);
}

// v of one accumulator; `skip` is read only when has_skip.
inline float epilogue_value(const Epilogue& e, int32_t acc, float multiplier, float bias, const uint8_t* skip) {
  const float v = fma_exact(static_cast<float>(acc), multiplier, bias);
  if (!e.has_skip) return v;
  const float s = static_cast<float>(*skip - e.skip_zero_point);
  if (e.middle == Middle::kNone) return fma_exact(s, e.skip_scale, v);
  const auto q = static_cast<float>(round_clamp(v, e.middle_lo, e.middle_hi));
  if (e.middle == Middle::kFirst) return fma_exact(s, e.skip_scale, q * e.middle_scale);
  return fma_exact(q, e.middle_scale, s * e.skip_scale);
}

// Stores one result at element `index` of y (pitched for u8, dense for f32).
inline void store_result(const Epilogue& e, float v, void* y, int64_t index) {
  if (e.output == Output::kF32) {
    static_cast<float*>(y)[index] = activate(v, e.activation, e.p0, e.p1);
  } else {
    static_cast<uint8_t*>(y)[index] = finish_u8(e, v);
  }
}

// The pad channels of one pixel of a u8 output hold its zero point; a float output has none.
inline void store_pad(const Epilogue& e, void* y, int64_t pixel, int64_t channels) {
  if (e.output == Output::kF32) return;
  const int64_t pitch = (channels + 3) / 4 * 4;
  for (int64_t c = channels; c < pitch; ++c)
    static_cast<uint8_t*>(y)[pixel * pitch + c] = static_cast<uint8_t>(e.zero_point);
}

// Of pixels [begin, end).
inline void store_pads(const Epilogue& e, void* y, int64_t begin, int64_t end, int64_t channels) {
  if (channels % 4 == 0) return;
  for (int64_t pixel = begin; pixel < end; ++pixel) store_pad(e, y, pixel, channels);
}

// Elements between two pixels of an output of `channels`.
inline int64_t output_pitch(const Epilogue& e, int64_t channels) {
  return e.output == Output::kU8 ? (channels + 3) / 4 * 4 : channels;
}

}  // namespace qat::kernels
