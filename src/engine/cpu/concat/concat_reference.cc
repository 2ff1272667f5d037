// Concatenation in plain C++: a copy, or a 256-entry table per input, computed by the formula of concat.h.
#include <cstring>

#include "base/qmath.h"
#include "engine/cpu/concat/concat_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const ConcatProblem& p) { return p.pixels; }

uint8_t requantize(const ConcatProblem& p, const ConcatInput& input, int32_t x) {
  const float v = static_cast<float>(x - input.zero_point) * input.scale;
  return static_cast<uint8_t>(round_clamp(v, p.lo - p.zero_point, p.hi - p.zero_point) + p.zero_point);
}

void run_input(const ConcatProblem& p, const ConcatInput& input, const uint8_t* x, uint8_t* y, int64_t pixels) {
  const int64_t in_pitch = pitch_of(input.channels), out_pitch = pitch_of(p.channels());
  if (input.scale == 1.0f && input.zero_point == p.zero_point) {
    for (int64_t i = 0; i < pixels; ++i)
      std::memcpy(y + i * out_pitch, x + i * in_pitch, static_cast<size_t>(input.channels));
    return;
  }
  uint8_t table[256];
  for (int32_t q = 0; q < 256; ++q) table[q] = requantize(p, input, q);
  for (int64_t i = 0; i < pixels; ++i)
    for (int64_t c = 0; c < input.channels; ++c) y[i * out_pitch + c] = table[x[i * in_pitch + c]];
}

void run(const ConcatProblem& p, const ConcatArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t channels = p.channels(), out_pitch = pitch_of(channels);
  int64_t offset = 0;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    const uint8_t* x = a.x[i] + begin * pitch_of(p.inputs[i].channels);
    run_input(p, p.inputs[i], x, a.y + begin * out_pitch + offset, end - begin);
    offset += p.inputs[i].channels;
  }
  for (int64_t pixel = begin; pixel < end && channels < out_pitch; ++pixel)
    std::memset(a.y + pixel * out_pitch + channels, p.zero_point, static_cast<size_t>(out_pitch - channels));
}

}  // namespace

constinit const ConcatKernel kConcatReference{
    "concat_reference", Isa::kPortable, supports_all<ConcatProblem>, units, no_scratch<ConcatProblem>, run};

}  // namespace qat::kernels
