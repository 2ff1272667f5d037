// Quantization in plain C++: the formulas of quantize.h, one value at a time.
#include "base/qmath.h"
#include "engine/cpu/quantize/quantize_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const QuantizeProblem& p) { return p.batch * p.height; }

uint8_t value(const QuantizeProblem& p, const QuantizeArgs& a, int64_t row, int64_t column, int64_t c) {
  const int64_t n = row / p.height, h = row % p.height;
  const int64_t nhwc = (row * p.width + column) * p.channels + c;
  const int64_t nchw = ((n * p.channels + c) * p.height + h) * p.width + column;
  if (p.source == QuantizeSource::kU8Nhwc) return a.table[c * 256 + static_cast<const uint8_t*>(a.x)[nhwc]];
  const float x = static_cast<const float*>(a.x)[p.source == QuantizeSource::kF32Nhwc ? nhwc : nchw];
  return static_cast<uint8_t>(quantize(x, p.scale, p.zero_point, p.lo, p.hi));
}

void run(const QuantizeProblem& p, const QuantizeArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t pitch = pitch_of(p.channels);
  for (int64_t row = begin; row < end; ++row) {
    for (int64_t column = 0; column < p.width; ++column) {
      uint8_t* y = a.y + (row * p.width + column) * pitch;
      for (int64_t c = 0; c < pitch; ++c)
        y[c] = c < p.channels ? value(p, a, row, column, c) : static_cast<uint8_t>(p.zero_point);
    }
  }
}

}  // namespace

constinit const QuantizeKernel kQuantizeReference{
    "quantize_reference", Isa::kPortable, supports_all<QuantizeProblem>, units, no_scratch<QuantizeProblem>, run};

}  // namespace qat::kernels
