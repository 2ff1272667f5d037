// The product in plain C++: the formula of mul.h, one value at a time.
#include "engine/cpu/mul/mul_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const MulProblem& p) { return p.batch * p.pixels; }

void run(const MulProblem& p, const MulArgs& args, int64_t begin, int64_t end, void*) {
  const int64_t pitch = pitch_of(p.channels), out_pitch = output_pitch(p.epilogue, p.channels);
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    const uint8_t* b = args.b + (p.shape == MulShape::kGate ? pixel / p.pixels : pixel) * pitch;
    for (int64_t c = 0; c < p.channels; ++c) {
      const int32_t product = (args.a[pixel * pitch + c] - p.a_zero_point) * (b[c] - p.b_zero_point);
      store_result(p.epilogue, static_cast<float>(product) * p.scale, args.y, pixel * out_pitch + c);
    }
    store_pad(p.epilogue, args.y, pixel, p.channels);
  }
}

}  // namespace

constinit const MulKernel kMulReference{"mul_reference", Isa::kPortable,         supports_all<MulProblem>,
                                        units,           no_scratch<MulProblem>, run};

}  // namespace qat::kernels
