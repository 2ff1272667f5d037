// Concatenation on an ISA's LookUp (tile/lookup_*.h): a copy, or a table of 256 computed by the formula of concat.h.
#pragma once

#include <cstring>

#include "base/qmath.h"
#include "engine/cpu/concat/concat_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const ConcatProblem& p) { return p.pixels; }

template <class LookUp>
void run(const ConcatProblem& p, const ConcatArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t channels = p.channels(), out_pitch = pitch_of(channels);
  uint8_t* y = a.y + begin * out_pitch;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const ConcatInput& input = p.inputs[i];
    const int64_t in_pitch = pitch_of(input.channels), count = input.channels;
    const uint8_t* x = a.x[i] + begin * in_pitch;
    if (input.scale == 1.0f && input.zero_point == p.zero_point) {
      for (int64_t pixel = 0; pixel < end - begin; ++pixel)
        LookUp::copy(x + pixel * in_pitch, y + pixel * out_pitch, count);
    } else {
      uint8_t table[256];
      for (int32_t q = 0; q < 256; ++q) {
        const float v = static_cast<float>(q - input.zero_point) * input.scale;
        table[q] = static_cast<uint8_t>(round_clamp(v, p.lo - p.zero_point, p.hi - p.zero_point) + p.zero_point);
      }
      const LookUp look_up(table);
      for (int64_t pixel = 0; pixel < end - begin; ++pixel)
        look_up.map(x + pixel * in_pitch, y + pixel * out_pitch, count);
    }
    y += count;
  }
  for (int64_t pixel = begin; pixel < end && channels < out_pitch; ++pixel)
    std::memset(a.y + pixel * out_pitch + channels, p.zero_point, static_cast<size_t>(out_pitch - channels));
}

template <class LookUp>
constexpr ConcatKernel make_kernel(const char* name, Isa isa) {
  return {name, isa, supports_all<ConcatProblem>, units, no_scratch<ConcatProblem>, run<LookUp>};
}

}  // namespace
}  // namespace qat::kernels
