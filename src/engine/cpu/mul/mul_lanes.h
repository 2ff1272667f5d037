// The product on an ISA's Lanes.
#pragma once

#include "engine/cpu/mul/mul_kernels.h"
#include "engine/cpu/tile/elementwise.h"

namespace qat::kernels {
namespace {

int64_t units(const MulProblem& p) { return p.batch * p.pixels; }

// The product of two differences of bytes is below 2^24: exact in float. Added to zero, so that 0 * -1 is the
// integer's +0.
template <class Lanes>
void run(const MulProblem& p, const MulArgs& args, int64_t begin, int64_t end, void*) {
  const int64_t pitch = pitch_of(p.channels), out_pitch = output_pitch(p.epilogue, p.channels);
  const auto scale = Lanes::broadcast(p.scale), zero = Lanes::broadcast(0.0f);
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const uint8_t* gate = args.b + (p.shape == MulShape::kGate ? pixel / p.pixels : pixel) * pitch;
    for (int64_t c = 0; c < p.channels; c += Lanes::kCount) {
      const auto a = Lanes::load_u8(args.a + pixel * pitch + c, p.a_zero_point);
      const auto v = Lanes::mul(Lanes::fma(a, Lanes::load_u8(gate + c, p.b_zero_point), zero), scale);
      Lanes::finish(p.epilogue, v, p.channels - c, at(args.y, p.epilogue.output, pixel * out_pitch + c));
    }
    store_pad(p.epilogue, args.y, pixel, p.channels);
  }
}

template <class Lanes>
constexpr MulKernel make_kernel(const char* name, Isa isa) {
  return {name, isa, supports_all<MulProblem>, units, no_scratch<MulProblem>, run<Lanes>};
}

}  // namespace
}  // namespace qat::kernels
