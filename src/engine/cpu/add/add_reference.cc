// Addition in plain C++: the formula of add.h, one value at a time.
#include "engine/cpu/add/add_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const AddProblem& p) { return p.pixels; }

void run(const AddProblem& p, const AddArgs& args, int64_t begin, int64_t end, void*) {
  const int64_t pitch = pitch_of(p.channels), out_pitch = output_pitch(p.epilogue, p.channels);
  for (int64_t pixel = begin; pixel < end; ++pixel) {
    for (int64_t c = 0; c < p.channels; ++c) {
      const float a = static_cast<float>(args.a[pixel * pitch + c] - p.a_zero_point) * p.a_scale;
      const float v = fma_exact(static_cast<float>(args.b[pixel * pitch + c] - p.b_zero_point), p.b_scale, a);
      store_result(p.epilogue, v, args.y, pixel * out_pitch + c);
    }
    store_pad(p.epilogue, args.y, pixel, p.channels);
  }
}

}  // namespace

constinit const AddKernel kAddReference{"add_reference", Isa::kPortable,         supports_all<AddProblem>,
                                        units,           no_scratch<AddProblem>, run};

}  // namespace qat::kernels
