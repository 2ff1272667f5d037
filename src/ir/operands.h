// Operands of Conv and Gemm as the interpreter sums them: floats, or the integers behind a FakeQuant with their scales.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "base/threads.h"
#include "ir/evaluate.h"

namespace qat::ir {

// When x and weight are both FakeQuant, the sums run over c = q - zero point, which are integers: exact in double up to
// 2^53. Elsewhere over the floats themselves, with scale 1.
struct Operands {
  std::vector<float> owned_x, owned_weight;  // the integers
  std::span<const float> x, weight;
  std::vector<double> scale;  // by output channel: s_x s_w (exact: 48 bits), or 1
};
Operands operands(const EvalContext& context, int64_t outputs);

// A direct convolution. x: [N,C,H,W], weight: [K,C/G,R,S], y: [N,K,P,Q]; values of any kind, sums in double.
struct Convolution {
  Shape x, weight, y;
  ConvAttrs attrs;
};
// Calls emit(n, k, p, sums of the row's Q outputs) for every row, rows spread over the pool.
using EmitRow = std::function<void(int64_t n, int64_t k, int64_t p, std::span<const double> row)>;
void convolve(const Convolution& problem, std::span<const float> x, std::span<const float> weight, ThreadPool& pool,
              const EmitRow& emit);

}  // namespace qat::ir
