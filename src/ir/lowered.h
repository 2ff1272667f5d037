// The lowered operators: what engine/compile makes of a graph, and the oracle of the engine's kernels.
//
// An int8-coded value carries Value::quant; the interpreter holds its q in an i32 tensor. c(x) = q_x - zero_point_x.
// M, B: f32 [K] buffers, s_x s_w / s_y and bias / s_y (s_y = 1 for a float output). Everything follows base/qmath.h bit
// for bit: v -> activate(v) -> clamp(rne(v) + zero_point_y, lo_y, hi_y), or v itself where the output has no quant.
//
//   Quantize         x f32                              q = quantize(x)
//   Dequantize       x                                  y = dequantize(q)
//   QConv            x, weight i8 [K,C/G,R,S], M, B, [skip]   v = fma(acc, M[k], B[k]); v = fma(c(skip), skip_scale, v)
//   QGemm            x, weight i8 [K,C], M, B, [skip]   the same
//   QAdd             a, b (broadcasting)                v = fma(c(b), scales[1], c(a) scales[0])
//   QMul             a, b (broadcasting)                v = (c(a) c(b)) scales[0]
//   QMaxPool         x                                  largest q of the window; coding unchanged
//   QAvgPool         x                                  v = sum c(x) * f32(scale / count)
//   QGlobalAvgPool   x                                  v = sum c(x) * f32(scale / (H W))
//   QConcat          x...                               v = c(x_i) scales[i]
//   QLut             x, table i32 [hi - lo + 1]         q = table[q_x - lo_x]
//   FConv, FGemm     x, weight, [bias], [skip]          y = activate(x * w + bias + skip), f32, summed in double
// Flatten, Reshape, MaxPool, Identity and Concat of float values keep their float operators; Flatten and Reshape also
// take int8-coded values.
#pragma once

#include "ir/graph.h"

namespace qat::ir {

// Whether a value is int8-coded.
inline bool is_coded(const Graph& graph, ValueId id) { return id != kNone && graph.value(id).quant.has_value(); }

// What verify() asks of lowered nodes beyond counts: codings where operators need them, one multiplier a channel.
// Throws Error(kBadFile) naming the node.
void verify_lowered(const Graph& graph);

// Set the shape functions and the evaluations of the lowered operators (ir/shapes.h, ir/evaluate.h); both run before
// main.
bool register_lowered_shapes();
bool register_lowered_evaluations();

}  // namespace qat::ir
