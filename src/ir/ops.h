// The operators of the graph and their attributes. Semantics follow ONNX operators of the same name, NCHW.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <string_view>
#include <variant>
#include <vector>

#include "base/qmath.h"

namespace qat::ir {

// Inputs in order, [optional] in brackets. x: [N,C,H,W] or [N,C] unless said otherwise.
enum class Op : uint8_t {
  // Layers.
  kConv,           // x, weight [K, C/groups, R, S], [bias K]
  kConvTranspose,  // x, weight [C, K/groups, R, S], [bias K]
  kGemm,           // x [N,C], weight [K,C], [bias K] -> [N,K] (torch's Linear)
  kBatchNorm,      // x, gamma, beta, running mean, running variance (C each)
  // Elementwise.
  kRelu,
  kClip,
  kSigmoid,
  kHardSigmoid,
  kHardSwish,
  kSilu,
  kLeakyRelu,
  kTanh,
  kAdd,
  kSub,
  kMul,
  kDiv,  // a, b, numpy broadcasting
  // Pooling.
  kMaxPool,
  kAvgPool,
  kGlobalAvgPool,  // -> [N,C,1,1]
  // Shape.
  kConcat,
  kFlatten,
  kReshape,
  kTranspose,
  kPad,
  kReduceMean,
  kIdentity,
  kDropout,
  kSoftmax,
  // Quantization in training and in files: y = dequantize(quantize(x)).
  kFakeQuant,  // x, range (f32, one value or one per channel of `axis`), [zero point (f32, the same size)]
  // Lowered forms, written by engine/compile and read by the reference interpreter (ir/lowered.h).
  kQuantize,
  kDequantize,
  kQConv,
  kQGemm,
  kQAdd,
  kQMul,
  kQMaxPool,
  kQAvgPool,
  kQGlobalAvgPool,
  kQConcat,
  kQLut,
  kFConv,
  kFGemm,  // float convolution and Gemm with bias, skip and activation in the epilogue
};

struct ConvAttrs {
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 4> pads{0, 0, 0, 0};  // top, left, bottom, right (ONNX order)
  std::array<int64_t, 2> dilation{1, 1};
  int64_t groups = 1;
  std::array<int64_t, 2> output_padding{0, 0};  // ConvTranspose only
};

struct PoolAttrs {
  std::array<int64_t, 2> kernel{1, 1};
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 4> pads{0, 0, 0, 0};
  std::array<int64_t, 2> dilation{1, 1};  // MaxPool only
  bool ceil_mode = false;
  bool count_include_pad = false;  // AvgPool only
};

struct BatchNormAttrs {
  float eps = 1e-5f;
  float momentum = 0.1f;  // torch's sense: running = (1 - momentum) running + momentum batch
};

struct ClipAttrs {
  float lo = 0.0f;
  float hi = 6.0f;
};

struct AlphaBetaAttrs {  // LeakyRelu: alpha. HardSigmoid: clip(alpha x + beta, 0, 1); torch's is 1/6 and 0.5
  float alpha = 1.0f / 6.0f;
  float beta = 0.5f;
};

struct AxisAttrs {  // Concat, Flatten, Softmax
  int64_t axis = 1;
};

struct ListAttrs {  // Reshape: the shape (0 keeps, -1 infers). Transpose: the permutation. ReduceMean: the axes. Pad:
                    // ONNX pads
  std::vector<int64_t> values;
  bool keep_dims = true;  // ReduceMean
  float value = 0.0f;     // Pad
};

struct DropoutAttrs {
  float p = 0.5f;
};

// What the range input of a FakeQuant holds: amax (s = amax / 127), or s itself (files of other toolkits, LSQ).
enum class RangeKind : uint8_t { kAmax, kScale };

struct FakeQuantAttrs {
  RangeKind range = RangeKind::kAmax;
  int axis = -1;  // -1: per tensor
  int lo = -128;  // of q, zero point included; weights: -127; ONNX uint8: 0
  int hi = 127;   // ONNX uint8: 255
};

// ---- lowered forms -------------------------------------------------------------------------------------------------

// How an int8 tensor codes its values: x = (q - zero_point) * scale, lo <= q <= hi. Symmetric: zero point 0.
struct QuantInfo {
  float scale = 1.0f;
  int zero_point = 0;
  int lo = -128;
  int hi = 127;
};

// After the accumulator of a lowered Conv or Gemm: see base/qmath.h. Multipliers M, bias B are inputs of the node.
struct Epilogue {
  Activation activation = Activation::kNone;
  float p0 = 0.0f;
  float p1 = std::numeric_limits<float>::infinity();
  bool has_skip = false;
  float skip_scale = 1.0f;  // R
};

struct FusedConvAttrs {
  ConvAttrs conv;
  Epilogue epilogue;
};

struct FusedGemmAttrs {
  Epilogue epilogue;
};

struct RequantAttrs {  // QAdd: v = fma(b, scales[1], a * scales[0]). QMul: v = float(a b) scales[0]. QConcat: one scale
                       // an input
  std::vector<float> scales;
  Epilogue epilogue;
  int64_t axis = 1;
};

struct QPoolAttrs {
  PoolAttrs pool;
  double scale = 1.0;  // s_x / s_y; divided by the window's count when the shape is bound
};

using Attrs =
    std::variant<std::monostate, ConvAttrs, PoolAttrs, BatchNormAttrs, ClipAttrs, AlphaBetaAttrs, AxisAttrs, ListAttrs,
                 DropoutAttrs, FakeQuantAttrs, FusedConvAttrs, FusedGemmAttrs, RequantAttrs, QPoolAttrs>;

std::string_view name_of(Op op);     // "Conv", "FakeQuant", "QConv", ...
Op parse_op(std::string_view name);  // throws Error(kBadFile)

}  // namespace qat::ir
