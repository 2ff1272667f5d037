// Dequantization on an ISA's Lanes; to NCHW they serve vectors [N,C,1,1] only, larger images are rare outputs.
#pragma once

#include "engine/cpu/dequantize/dequantize_kernels.h"
#include "engine/cpu/tile/elementwise.h"

namespace qat::kernels {
namespace {

int64_t units(const DequantizeProblem& p) { return p.batch * p.height; }

void run_nchw(const DequantizeProblem& p, const DequantizeArgs& a, int64_t begin, int64_t end) {
  const int64_t pitch = pitch_of(p.channels);
  for (int64_t row = begin; row < end; ++row) {
    float* y = a.y + (row / p.height * p.channels * p.height + row % p.height) * p.width;
    for (int64_t c = 0; c < p.channels; ++c)
      for (int64_t w = 0; w < p.width; ++w)
        y[c * p.height * p.width + w] =
            static_cast<float>(a.x[(row * p.width + w) * pitch + c] - p.zero_point) * p.scale;
  }
}

template <class Lanes>
void run(const DequantizeProblem& p, const DequantizeArgs& a, int64_t begin, int64_t end, void*) {
  if (p.target == DequantizeTarget::kF32Nchw && p.height * p.width > 1) return run_nchw(p, a, begin, end);
  const auto scale = Lanes::broadcast(p.scale);
  for_vectors<Lanes>(p.channels, pitch_of(p.channels), p.channels, begin * p.width, end * p.width,
                     [&](int64_t x, int64_t y, int64_t count) {
                       Lanes::store(Lanes::mul(Lanes::load_u8(a.x + x, p.zero_point), scale), count, a.y + y);
                     });
}

template <class Lanes>
constexpr DequantizeKernel make_kernel(const char* name, Isa isa) {
  return {name, isa, supports_all<DequantizeProblem>, units, no_scratch<DequantizeProblem>, run<Lanes>};
}

}  // namespace
}  // namespace qat::kernels
