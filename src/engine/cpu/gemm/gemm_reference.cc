// The fully connected layer in plain C++: the formula of gemm.h, one output at a time.
#include "engine/cpu/gemm/gemm_kernels.h"

namespace qat::kernels {
namespace {

size_t packed_bytes(const GemmProblem& p) { return static_cast<size_t>(p.outputs * p.channels * p.positions); }

// Packed form: [K][positions][C].
void pack(const GemmProblem& p, const int8_t* weights, void* packed) {
  auto* out = static_cast<int8_t*>(packed);
  for (int64_t k = 0; k < p.outputs; ++k)
    for (int64_t c = 0; c < p.channels; ++c)
      for (int64_t i = 0; i < p.positions; ++i)
        out[(k * p.positions + i) * p.channels + c] = weights[(k * p.channels + c) * p.positions + i];
}

// The outputs of all rows, in order: output-major, so that few rows split over many threads.
int64_t units(const GemmProblem& p) { return p.outputs; }

int32_t accumulate(const GemmProblem& p, const uint8_t* x, const int8_t* w) {
  int32_t acc = 0;
  for (int64_t i = 0; i < p.positions; ++i, x += pitch_of(p.channels))
    for (int64_t c = 0; c < p.channels; ++c) acc += (x[c] - p.in_zero_point) * *w++;
  return acc;
}

void run(const GemmProblem& p, const GemmArgs& a, int64_t begin, int64_t end, void*) {
  const int64_t pitch = output_pitch(p.epilogue, p.outputs);
  for (int64_t n = 0; n < p.rows; ++n) {
    for (int64_t k = begin; k < end; ++k) {
      const auto* w = static_cast<const int8_t*>(a.weights) + k * p.channels * p.positions;
      const int32_t acc = accumulate(p, a.x + n * p.row_bytes(), w);
      const uint8_t* skip = p.epilogue.has_skip ? a.skip + n * pitch_of(p.outputs) + k : nullptr;
      const float v = epilogue_value(p.epilogue, acc, a.multiplier[k], a.bias[k], skip);
      store_result(p.epilogue, v, a.y, n * pitch + k);
    }
    if (end == p.outputs) store_pad(p.epilogue, a.y, n, p.outputs);
  }
}

}  // namespace

constinit const GemmKernel kGemmReference{
    {"gemm_s8_reference", Isa::kPortable, supports_all<GemmProblem>, units, no_scratch<GemmProblem>, run},
    packed_bytes,
    pack};

}  // namespace qat::kernels
