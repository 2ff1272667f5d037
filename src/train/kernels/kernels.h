// The memory-bound part of a training step, each tensor touched as few times as possible; no LibTorch, no graph types.
//
// x: f32 [rows, channels], row-major: the pixels of an NHWC tensor. Masks: one bit an element, bit c % 8 of byte c / 8
// of a row of mask_pitch(channels) bytes. All quantization follows base/qmath.h to the bit, at every instruction set.
// Ranges of rows are independent: callers split them among threads. No function allocates; nothing may alias unless
// said so.
#pragma once

#include <cstdint>
#include <limits>

#include "base/cpu.h"

namespace qat::train {

inline int64_t mask_pitch(int64_t channels) { return (channels + 7) / 8; }

// y = fake_quant(clip(x * a + b + skip * skip_scale)); any part may be absent.
struct NormActArgs {
  int64_t rows = 0, channels = 0;
  const float* x = nullptr;
  const float* a = nullptr;     // [channels], with b; null: x as it is
  const float* b = nullptr;     // fma(x, a, b)
  const float* skip = nullptr;  // [rows, channels]; null: none
  float skip_scale = 1;         // fma(skip, skip_scale, v)
  float clip_lo = -std::numeric_limits<float>::infinity();
  float clip_hi = std::numeric_limits<float>::infinity();
  float scale = 0;  // 0: no quantization
  int quant_lo = -128, quant_hi = 127;
  float* y = nullptr;       // may be x
  uint8_t* mask = nullptr;  // bit: the gradient passes (clip_lo < v < clip_hi, and rne(v / scale) in range); null: none
};

// Sums per channel, in double: the caller adds the partial sums of its chunks in order.
struct StatsArgs {
  int64_t rows = 0, channels = 0;
  const float* x = nullptr;
  const float* shift = nullptr;  // [channels], near the mean: sums of (x - shift) and (x - shift)^2
  double* sum = nullptr;
  double* sum_squares = nullptr;
};

struct BackwardReduceArgs {
  int64_t rows = 0, channels = 0;
  const float* gradient = nullptr;
  const uint8_t* mask = nullptr;  // null: all pass
  const float* x = nullptr;
  const float* mean = nullptr;  // [channels]
  float* masked = nullptr;      // gradient where the mask is set, else 0; null: not wanted; may be gradient
  double* sum = nullptr;        // of the masked gradient g
  double* sum_x = nullptr;      // of g (x - mean)
};

// dx = ca g + cb x + cc per channel, g the masked gradient.
struct BackwardApplyArgs {
  int64_t rows = 0, channels = 0;
  const float* gradient = nullptr;
  const uint8_t* mask = nullptr;
  const float* x = nullptr;
  const float* ca = nullptr;
  const float* cb = nullptr;  // null: 0, as are x and cc
  const float* cc = nullptr;
  float* dx = nullptr;  // may be gradient
};

// Gradient of a learned scale s: sum of g * (rne(x / s) - x / s inside the range, else the bound it was clamped to).
struct ScaleGradientArgs {
  int64_t size = 0;
  const float* gradient = nullptr;
  const float* x = nullptr;
  float scale = 1;
  int quant_lo = -128, quant_hi = 127;
};

struct OptimizerArgs {
  int64_t size = 0;
  float* parameter = nullptr;
  const float* gradient = nullptr;
  float* first = nullptr;   // momentum; AdamW: first moment
  float* second = nullptr;  // AdamW: second moment
  float lr = 0, decay = 0;
  float momentum = 0;  // SGD
  bool nesterov = false;
  float beta1 = 0, beta2 = 0, eps = 0;     // AdamW
  float correction1 = 1, correction2 = 1;  // AdamW: 1 - beta^step
};

// One entry an instruction set; kernels() chooses by base/cpu.h's isa() (QAT_FORCE_ISA).
struct Kernels {
  Isa isa;
  float (*norm_act)(const NormActArgs&);  // returns the largest |v| before quantization; NaN values are ignored
  void (*stats)(const StatsArgs&);
  void (*backward_reduce)(const BackwardReduceArgs&);
  void (*backward_apply)(const BackwardApplyArgs&);
  double (*scale_gradient)(const ScaleGradientArgs&);
  float (*amax)(const float* x, int64_t size);          // largest |x|, NaN ignored
  double (*sum_squares)(const float* x, int64_t size);  // NaN or infinite when any value is
  void (*sgd)(const OptimizerArgs&);                    // as torch.optim.SGD: dampening 0, decay added to the gradient
  void (*adamw)(const OptimizerArgs&);                  // as torch.optim.AdamW: decoupled decay
};

const Kernels& kernels();
const Kernels& kernels(Isa isa);  // the best table that does not exceed isa

extern const Kernels kKernelsPortable;
extern const Kernels kKernelsAvx2;
extern const Kernels kKernelsAvx512;

}  // namespace qat::train
