// Dequantization in plain C++, one value at a time.
#include "base/qmath.h"
#include "engine/cpu/dequantize/dequantize_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const DequantizeProblem& p) { return p.batch * p.height; }

void run(const DequantizeProblem& p, const DequantizeArgs& a, int64_t begin, int64_t end, void*) {
  for (int64_t row = begin; row < end; ++row) {
    const int64_t n = row / p.height, h = row % p.height;
    for (int64_t column = 0; column < p.width; ++column) {
      const uint8_t* x = a.x + (row * p.width + column) * pitch_of(p.channels);
      for (int64_t c = 0; c < p.channels; ++c) {
        const int64_t nhwc = (row * p.width + column) * p.channels + c;
        const int64_t nchw = ((n * p.channels + c) * p.height + h) * p.width + column;
        a.y[p.target == DequantizeTarget::kF32Nhwc ? nhwc : nchw] = dequantize(x[c], p.scale, p.zero_point);
      }
    }
  }
}

}  // namespace

constinit const DequantizeKernel kDequantizeReference{
    "dequantize_reference", Isa::kPortable, supports_all<DequantizeProblem>, units, no_scratch<DequantizeProblem>, run};

}  // namespace qat::kernels
