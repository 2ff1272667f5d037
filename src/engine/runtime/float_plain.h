// Float operators in plain C++ on NHWC f32: what runs where the oneDNN plugin is missing or has no form for an
// operator. The same bits for any number of threads. Shapes and formulas: ir/ops.h; activations in plain units.
#pragma once

#include <cstdint>

#include "base/qmath.h"
#include "engine/cpu/float_ops.h"
#include "engine/plan/plan.h"
#include "engine/runtime/extents.h"

namespace qat::engine::plain {

// One output row (n, p): y[n,p,q,k] = activate(sum + bias[k] + skip). A unit is a row of N * P.
void conv_row(const kernels::FloatConvProblem& p, const float* x, const float* weights, const float* bias,
              const float* skip, float* y, int64_t row);

// ConvTranspose, weights [C, K/G, R, S]; a unit is a row of N * P.
struct TransposeProblem {
  StepAttrs attrs;
  int64_t in_channels, out_channels;
  Extents in, out;
};
void conv_transpose_row(const TransposeProblem& p, const float* x, const float* weights, const float* bias, float* y,
                        int64_t row);

// A unit is a row of N * P.
void pool_row(const kernels::FloatPoolProblem& p, const float* x, float* y, int64_t row);

float apply(FloatFunction f, float a, float b);             // kAdd .. kDiv
float apply(FloatFunction f, float x, float p0, float p1);  // the others

void softmax(const float* x, float* y, int64_t channels);  // of one pixel

}  // namespace qat::engine::plain
