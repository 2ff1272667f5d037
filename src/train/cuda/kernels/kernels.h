// Everything of a training step on a GPU that is not a convolution or a matrix product; no LibTorch, no graph types.
//
// Tensors are row-major [rows, channels]: the pixels of an NHWC tensor, bf16 or f32 (Type). Arithmetic is fp32, each
// operation rounded (--fmad=false), a result is rounded once to the tensor's type. Masks: one bit an element, bit c % 8
// of byte c / 8 of a row of mask_pitch(channels) bytes. Quantization follows base/qmath.h to the bit.
//
// There are two tables of the same functions: device_kernels() launches on a stream, twin_kernels() computes the same
// bits in plain C++ from host pointers (the stream is ignored): additions happen in the same order, a function of the
// shapes only, and there is no float atomic. Everything may be captured in a CUDA graph: no function allocates,
// synchronizes or copies. Pointers are device pointers unless said otherwise, tensors 16-byte aligned. Nothing may
// alias unless said so. Launch errors throw Error(kWrongMachine), naming the kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>

#include "train/cuda/kernels/batch.h"
#include "train/cuda/kernels/tensors.h"
#include "train/cuda/kernels/types.h"

namespace qat::train::cuda {

// y = fake_quant(clip(x a + b + skip skip_scale)); any part may be absent. NaN: where there is a range it becomes the
// clip's lower end, else it stays NaN.
struct NormActArgs {
  int64_t rows = 0, channels = 0;
  Type type = Type::kBF16;  // of x, skip, y
  const void* x = nullptr;
  const float* a = nullptr;  // [channels], with b: fma(x, a, b); null: x as it is
  const float* b = nullptr;
  const void* skip = nullptr;  // fma(skip, skip_scale, v); null: none
  float skip_scale = 1;
  float clip_lo = -std::numeric_limits<float>::infinity();
  float clip_hi = std::numeric_limits<float>::infinity();
  Range range = {};     // range.value null: no quantization
  void* y = nullptr;    // may be x; null: not wanted
  int8_t* q = nullptr;  // the integers, y = round(q s): what a backward pass may keep instead of y; null: not wanted
  uint8_t* mask =
      nullptr;            // bit: the gradient passes (clip_lo < v < clip_hi, and rne(v / s) in range); null: not wanted
  float* peak = nullptr;  // becomes max(peak, largest clipped |v|), NaN ignored; null: not wanted
};

// The inverse of NormActArgs::q: y = round(q s).
struct DequantizeArgs {
  int64_t size = 0;
  Type type = Type::kBF16;
  const int8_t* q = nullptr;
  Range range = {};
  void* y = nullptr;
};

// Moves all ranges after the forward pass: seen = range_of_peak(peak, unit); range = range == 0 ? seen : range +
// momentum (seen
// - range); then peak = 0. A range that becomes NaN or infinite is reported as place + its index.
struct MoveRangesArgs {
  int64_t count = 0;
  float* const* ranges = nullptr;  // [count] device pointers
  const float* units = nullptr;    // [count], Range::unit
  float* peaks = nullptr;          // [count]
  float momentum = 0;
  Status status = {};
};

// BatchNorm's statistics of x and all that follows from them, per channel:
// a = gamma invstd, b = beta - mean a, running = (1 - momentum) running + momentum (mean, unbiased variance).
// Sums are those of x - x[0], in fp32 for at most a few hundred terms, then in double.
struct StatsArgs {
  int64_t rows = 0, channels = 0;
  Type type = Type::kBF16;
  const void* x = nullptr;
  const float* gamma = nullptr;
  const float* beta = nullptr;
  float eps = 1e-5f, momentum = 0.1f;
  float* running_mean = nullptr;  // updated; both null: none
  float* running_var = nullptr;
  float* mean = nullptr;  // [channels] results, none may be null
  float* invstd = nullptr;
  float* a = nullptr;
  float* b = nullptr;
  Status status = {};  // a mean or variance that is NaN or infinite is reported
  // Of several ranks: [2 channels], stats puts the sums of x and x^2 there and finishes nothing; join_stats, where rows
  // is that of all ranks, does all else from their total.
  double* sums = nullptr;
  void* workspace = nullptr;
};

// The same coefficients from the running statistics (evaluation, frozen BatchNorm).
struct FrozenStatsArgs {
  int64_t channels = 0;
  const float* gamma = nullptr;
  const float* beta = nullptr;
  const float* running_mean = nullptr;
  const float* running_var = nullptr;
  float eps = 1e-5f;
  float* mean = nullptr;
  float* invstd = nullptr;
  float* a = nullptr;
  float* b = nullptr;
};

// Backward of a chain, first pass. g = the gradient where the mask is set, else 0; with two gradients (a value that is
// read twice) their sum, rounded to the tensor's type. dbeta = sum g; dgamma = invstd sum g (x - mean); and the factors
// of dx = ca g + cb x + cc. Without a norm (mean null) only `masked` and the range's gradient.
struct BackwardReduceArgs {
  int64_t rows = 0, channels = 0;
  Type type = Type::kBF16;  // of gradients, x, skip, masked
  const void* gradient = nullptr;
  const void* gradient2 = nullptr;  // null: one; else masked is wanted
  const uint8_t* mask = nullptr;    // null: all pass
  const void* x = nullptr;          // of the forward pass
  const float* mean = nullptr;
  const float* invstd = nullptr;
  const float* a = nullptr;  // also read for the range's gradient
  bool frozen = false;       // cb = cc = 0
  float* dgamma = nullptr;   // [channels]
  float* dbeta = nullptr;
  float* cb = nullptr;  // [channels]; ca is a
  float* cc = nullptr;
  void* masked =
      nullptr;         // g: the skip's gradient, and what backward_apply reads then; may be gradient; null: not wanted
  Status status = {};  // a sum that is NaN or infinite is reported
  // Of several ranks: [2 channels], sum g and sum g (x - mean) are put there too; join_reduce, where rows is that of
  // all ranks, makes cb and cc from their total. dgamma and dbeta are this rank's.
  double* sums = nullptr;
  // Gradient of a learned range (LSQ): d = range_factor * sum of gradient (rne(v / s) - v / s, or the bound it was
  // clamped to), gradient before the mask, v = clip(x a + b + skip skip_scale) computed again.
  float* range_gradient = nullptr;  // null: not learned
  double range_factor = 1;          // unit / sqrt(n hi), n the elements of one sample
  Range range = {};
  const float* b = nullptr;
  const void* skip = nullptr;
  const int8_t* skip_q = nullptr;  // in skip's place, its integers: skip = q s, rounded to the tensors' type
  Range skip_range = {};           // theirs
  float skip_scale = 1;
  float clip_lo = -std::numeric_limits<float>::infinity();
  float clip_hi = std::numeric_limits<float>::infinity();
  void* workspace = nullptr;
};

// Backward of a chain, second pass: dx = ca g + cb x + cc = fma(g, ca, fma(x, cb, cc)).
struct BackwardApplyArgs {
  int64_t rows = 0, channels = 0;
  Type type = Type::kBF16;
  const void* gradient = nullptr;
  const void* gradient2 = nullptr;  // null: one; else their rounded sum
  const uint8_t* mask = nullptr;    // null: all pass
  const void* x = nullptr;          // null, as cb and cc: dx = ca g
  const float* ca = nullptr;        // null: 1
  const float* cb = nullptr;
  const float* cc = nullptr;
  void* dx = nullptr;  // may be gradient
};

// Mean cross-entropy of softmax(logits) against (1 - smoothing) onehot(label) + smoothing / classes.
struct CrossEntropyArgs {
  int64_t rows = 0, classes = 0;
  Type type = Type::kBF16;          // of logits and gradient
  const void* logits = nullptr;     // [rows, classes]
  const int64_t* labels = nullptr;  // below classes (the caller has checked)
  float smoothing = 0;
  int64_t all_rows = 0;      // the mean is over so many, of other ranks too; 0: rows
  void* gradient = nullptr;  // (softmax - target) / all_rows; null: evaluation. May be logits
  double* loss = nullptr;    // one value, these rows' part of the mean. The twin's differs by the logarithm's last bit:
                             // 1e-14 relative
  int64_t* correct = nullptr;  // rows whose first largest logit is the label's
  Status status = {};          // a loss that is NaN or infinite is reported
  void* workspace = nullptr;
};

// Max pooling over windows inside the padded image; the index of the first largest value (NaN counts as largest) in its
// window is kept for the backward pass, which gathers: dx = sum over the windows that chose x, in order of output rows.
struct MaxPoolArgs {
  int64_t n = 0, height = 0, width = 0, channels = 0, out_height = 0, out_width = 0;
  int kernel[2] = {1, 1}, stride[2] = {1, 1},
      pad[2] = {0, 0};  // height, width; pad: top, left. kernel[0] kernel[1] <= 255
  Type type = Type::kBF16;
  const void* x = nullptr;         // forward: [n, height, width, channels]
  void* y = nullptr;               // forward
  uint8_t* index = nullptr;        // [n, out_height, out_width, channels]: place in the window, row-major
  const void* gradient = nullptr;  // backward: of y
  void* dx = nullptr;              // backward
};

// y = mean over the image, [n, channels]; sums in fp32, rows in order, in pieces. Backward: dx = gradient / (height
// width).
struct MeanPoolArgs {
  int64_t n = 0, pixels = 0, channels = 0;
  Type type = Type::kBF16;
  const void* x = nullptr;
  void* y = nullptr;
  const void* gradient = nullptr;
  void* dx = nullptr;
};

struct Kernels {
  void (*norm_act)(const NormActArgs&, cudaStream_t);
  void (*dequantize)(const DequantizeArgs&, cudaStream_t);
  void (*move_ranges)(const MoveRangesArgs&, cudaStream_t);
  void (*stats)(const StatsArgs&, cudaStream_t);
  void (*join_stats)(const StatsArgs&, cudaStream_t);
  void (*frozen_stats)(const FrozenStatsArgs&, cudaStream_t);
  void (*backward_reduce)(const BackwardReduceArgs&, cudaStream_t);
  void (*join_reduce)(const BackwardReduceArgs&, cudaStream_t);
  void (*backward_apply)(const BackwardApplyArgs&, cudaStream_t);
  void (*cross_entropy)(const CrossEntropyArgs&, cudaStream_t);
  void (*max_pool)(const MaxPoolArgs&, cudaStream_t);
  void (*max_pool_backward)(const MaxPoolArgs&, cudaStream_t);
  void (*mean_pool)(const MeanPoolArgs&, cudaStream_t);
  void (*mean_pool_backward)(const MeanPoolArgs&, cudaStream_t);
  // tensors.h: all parameters of a network in one launch.
  void (*quantize_weights)(const WeightsArgs&, cudaStream_t);
  void (*weight_gradients)(const WeightsArgs&, cudaStream_t);
  void (*check_finite)(const OptimizerArgs&, cudaStream_t);
  void (*sgd)(const OptimizerArgs&, cudaStream_t);
  void (*adamw)(const OptimizerArgs&, cudaStream_t);
  void (*average)(const AverageArgs&, cudaStream_t);
  // batch.h: pixels in, histograms out.
  void (*make_batch)(const BatchArgs&, cudaStream_t);
  void (*add_to_histogram)(const HistogramArgs&, cudaStream_t);
};

const Kernels& twin_kernels();    // needs no GPU
const Kernels& device_kernels();  // in libqat_train_cuda.so

// Bytes of the workspace that stats, backward_reduce and cross_entropy need; calls on one stream may share one. The
// first kCounterBytes must be 0 before the first call; every call leaves them so.
constexpr size_t kCounterBytes = 4096;
size_t workspace_bytes(int64_t rows, int64_t channels);

}  // namespace qat::train::cuda
