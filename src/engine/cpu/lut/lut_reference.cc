// Table look-up in plain C++.
#include "engine/cpu/lut/lut_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const LutProblem& p) { return p.pixels; }

void run(const LutProblem& p, const LutArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t pitch = pitch_of(p.channels);
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const uint8_t* x = a.x + pixel * pitch;
    uint8_t* y = a.y + pixel * pitch;
    for (int64_t c = 0; c < p.channels; ++c) y[c] = a.table[x[c]];
    for (int64_t c = p.channels; c < pitch; ++c) y[c] = static_cast<uint8_t>(p.zero_point);
  }
}

}  // namespace

constinit const LutKernel kLutReference{"lut_reference", Isa::kPortable,         supports_all<LutProblem>,
                                        units,           no_scratch<LutProblem>, run};

}  // namespace qat::kernels
