// Table look-up on an ISA's LookUp (tile/lookup_*.h).
#pragma once

#include "engine/cpu/lut/lut_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const LutProblem& p) { return p.pixels; }

template <class LookUp>
void run(const LutProblem& p, const LutArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t pitch = pitch_of(p.channels);
  LookUp(a.table).map(a.x + begin * pitch, a.y + begin * pitch, (end - begin) * pitch);
  for (int64_t pixel = begin; pixel < end && p.channels < pitch; ++pixel)
    for (int64_t c = p.channels; c < pitch; ++c) a.y[pixel * pitch + c] = static_cast<uint8_t>(p.zero_point);
}

template <class LookUp>
constexpr LutKernel make_kernel(const char* name, Isa isa) {
  return {name, isa, supports_all<LutProblem>, units, no_scratch<LutProblem>, run<LookUp>};
}

}  // namespace
}  // namespace qat::kernels
