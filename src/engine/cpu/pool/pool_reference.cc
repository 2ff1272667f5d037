// Pooling in plain C++: the formulas of pool.h, one output at a time.
#include "base/qmath.h"
#include "engine/cpu/pool/pool_kernels.h"
#include "engine/cpu/pool/window.h"

namespace qat::kernels {
namespace {

int64_t units(const PoolProblem& p) { return p.batch * p.out_h; }

uint8_t value(const PoolProblem& p, const WindowAxis& rows, const WindowAxis& columns, const uint8_t* image,
              int64_t c) {
  uint8_t largest = 0;
  int32_t sum = 0;
  for (int64_t r = rows.first; r < rows.last; ++r) {
    for (int64_t s = columns.first; s < columns.last; ++s) {
      const int64_t h = rows.start + r * tap_step_h(p), w = columns.start + s * tap_step_w(p);
      const uint8_t x = image[(h * p.in_w + w) * pitch_of(p.channels) + c];
      largest = x > largest ? x : largest;
      sum += x - p.in_zero_point;
    }
  }
  if (p.kind == Pool::kMax) return largest;
  const float v = static_cast<float>(sum) * mean_factor(p, rows, columns);
  return static_cast<uint8_t>(round_clamp(v, p.lo - p.zero_point, p.hi - p.zero_point) + p.zero_point);
}

void run(const PoolProblem& p, const PoolArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t pitch = pitch_of(p.channels);
  for (int64_t row = begin; row < end; ++row) {
    const uint8_t* image = a.x + row / p.out_h * p.in_h * p.in_w * pitch;
    for (int64_t column = 0; column < p.out_w; ++column) {
      const WindowAxis rows = window_rows(p, row % p.out_h), columns = window_columns(p, column);
      uint8_t* y = a.y + (row * p.out_w + column) * pitch;
      for (int64_t c = 0; c < pitch; ++c)
        y[c] = c < p.channels ? value(p, rows, columns, image, c) : static_cast<uint8_t>(p.zero_point);
    }
  }
}

}  // namespace

constinit const PoolKernel kPoolReference{
    "pool_reference", Isa::kPortable, supports_all<PoolProblem>, units, no_scratch<PoolProblem>, run};

}  // namespace qat::kernels
