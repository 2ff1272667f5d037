// Depthwise windows of kSize x kSize with stride kStep: a thread makes kRows x kColumns outputs of kWidth channels.
//
// It goes down the rows of its inputs, loads kAhead rows before it needs them, and adds each row to the sums of all
// outputs whose windows touch it, so that an input is loaded and converted once a thread. Weights stay in registers.
#pragma once

#include "engine/cuda/float_depthwise/float_depthwise_group.cuh"

namespace qat::cuda {

template <class T, bool kPlain, int kWidth, int kSize, int kStep, int kRows, int kColumns>
class FloatStrip {
  using Group = ChannelGroup<T, kWidth>;
  static constexpr int kInRows = (kRows - 1) * kStep + kSize, kInColumns = (kColumns - 1) * kStep + kSize;
  // Short strips ask for all at once: nothing but the loads' latency is left at small batches. Long ones as registers
  // allow (f16, 3x3, stride 1: 4 rows 4 to 8 % faster than 2; with stride 2 4 rows take 172 registers, 3 take 133).
  static constexpr int kAhead = kRows <= 2 ? kInRows : sizeof(T) == 2 && kSize == 3 && kStep == 1 ? 4 : kStep + 1;

 public:
  __device__ FloatStrip(const FloatDepthwiseParams& p, const FloatPlace& at) {
    const Group* weights = static_cast<const Group*>(p.weights) + at.group;
#pragma unroll
    for (int i = 0; i < kSize * kSize; ++i) {
      const Group w = load_inside(weights + i * static_cast<int>(p.groups.value), true);
      to_floats(T{}, w, weights_[i]);
    }
    float bias[kWidth];
    load_bias(p, at, bias);
#pragma unroll
    for (int i = 0; i < kRows * kColumns; ++i)
#pragma unroll
      for (int c = 0; c < kWidth; ++c) sums_[i / kColumns][i % kColumns][c] = bias[c];
  }

  __device__ void run(const FloatDepthwiseParams& p, const FloatPlace& at) {
    const int top = at.row * kStep - p.pad_top, left = at.column * kStep - p.pad_left;
    const auto groups = static_cast<int>(p.groups.value);
    const Group* from = static_cast<const Group*>(p.x) +
                        (static_cast<int64_t>(at.image) * p.in_h * p.in_w + top * p.in_w + left) * groups + at.group;
    bool column_inside[kInColumns];
#pragma unroll
    for (int w = 0; w < kInColumns; ++w)
      column_inside[w] = static_cast<uint32_t>(left + w) < static_cast<uint32_t>(p.in_w);
    Group x[kInRows][kInColumns];
    const auto load_row = [&](int h) {
      const bool row_inside = static_cast<uint32_t>(top + h) < static_cast<uint32_t>(p.in_h);
      const Group* pixel = from;
#pragma unroll
      for (int w = 0; w < kInColumns; ++w, pixel += groups)
        x[h][w] = load_inside(pixel, row_inside && column_inside[w]);
      from += p.in_w * groups;
    };
#pragma unroll
    for (int h = 0; h < kAhead && h < kInRows; ++h) load_row(h);
#pragma unroll
    for (int h = 0; h < kInRows; ++h) {
      if (h + kAhead < kInRows) load_row(h + kAhead);
      float row[kInColumns][kWidth];
#pragma unroll
      for (int w = 0; w < kInColumns; ++w) to_floats(T{}, limited(T{}, x[h][w], p.limit), row[w]);
#pragma unroll
      for (int out = 0; out < kRows; ++out) {
        const int r = h - out * kStep;
        if (r >= 0 && r < kSize) add_row(row, r, sums_[out]);
        if (r == kSize - 1) store_row(p, at, out);
      }
    }
  }

 private:
  __device__ void add_row(const float (&row)[kInColumns][kWidth], int r, float (&sums)[kColumns][kWidth]) {
#pragma unroll
    for (int s = 0; s < kSize; ++s)
#pragma unroll
      for (int column = 0; column < kColumns; ++column)
        add_products(row[column * kStep + s], weights_[r * kSize + s], sums[column]);
  }

  __device__ void store_row(const FloatDepthwiseParams& p, const FloatPlace& at, int out) {
    const int row = at.row + out;
    const int64_t first = ((static_cast<int64_t>(at.image) * p.out_h + row) * p.out_w + at.column) * p.groups.value;
#pragma unroll
    for (int column = 0; column < kColumns; ++column) {
      const bool inside = row < p.out_h && at.column + column < p.out_w;
      finish_group<T, kPlain>(p, first + column * static_cast<int>(p.groups.value) + at.group, inside,
                              sums_[out][column]);
    }
  }

  float weights_[kSize * kSize][kWidth];
  float sums_[kRows][kColumns][kWidth];
};

constexpr int kStripThreads = 128;

template <class T, bool kPlain, int kWidth, int kSize, int kStep, int kRows, int kColumns>
__global__ void __launch_bounds__(kStripThreads) float_depthwise_strip(const __grid_constant__ FloatDepthwiseParams p) {
  let_next_start();
  const int64_t thread = int64_t{blockIdx.x} * kStripThreads + threadIdx.x;
  if (thread >= p.threads) return;
  const FloatPlace at = float_place(p, static_cast<uint32_t>(thread), kRows, kColumns);
  FloatStrip<T, kPlain, kWidth, kSize, kStep, kRows, kColumns> strip(p, at);
  wait_for_previous();
  strip.run(p, at);
}

template <class T, int kWidth, int kSize, int kStep, int kRows, int kColumns>
cudaError_t enqueue_strip(const FloatDepthwiseProblem& p, const FloatDepthwiseArgs& a, cudaStream_t stream) {
  const FloatDepthwiseParams params = float_depthwise_params(p, a, kWidth, kRows, kColumns);
  const auto blocks = static_cast<unsigned>((params.threads + kStripThreads - 1) / kStripThreads);
  const bool plain = params.skip == nullptr && params.curved == Activation::kNone;
  return launch(plain ? float_depthwise_strip<T, true, kWidth, kSize, kStep, kRows, kColumns>
                      : float_depthwise_strip<T, false, kWidth, kSize, kStep, kRows, kColumns>,
                {.grid = blocks, .block = kStripThreads}, stream, params);
}

template <class T, int kWidth3, int kWidth5, int kRows, int kColumns>
cudaError_t enqueue_window(const FloatDepthwiseProblem& p, const FloatDepthwiseArgs& a, cudaStream_t stream) {
  const bool step = p.conv.stride_h == 2;
  if (p.conv.kernel_h == 3)
    return (step ? enqueue_strip<T, kWidth3, 3, 2, kRows, kColumns>
                 : enqueue_strip<T, kWidth3, 3, 1, kRows, kColumns>)(p, a, stream);
  return (step ? enqueue_strip<T, kWidth5, 5, 2, kRows, kColumns>
               : enqueue_strip<T, kWidth5, 5, 1, kRows, kColumns>)(p, a, stream);
}

// kWidth3, kWidth5: channels of a thread, which registers limit: with 8 of f16 a 3x3 strip is no faster than with 4.
template <int kWidth3, int kWidth5, int kRows, int kColumns>
cudaError_t run_strip(const FloatDepthwiseProblem& p, const FloatDepthwiseArgs& a, void*, cudaStream_t stream) {
  if (p.kind == FloatKind::kF16) return enqueue_window<__half, kWidth3, kWidth5, kRows, kColumns>(p, a, stream);
  return enqueue_window<float, kWidth3, kWidth5, kRows, kColumns>(p, a, stream);
}

inline const char* strip_supports(const FloatDepthwiseProblem& problem) {
  const kernels::FloatConvProblem& p = problem.conv;
  if (p.kernel_h != p.kernel_w || (p.kernel_h != 3 && p.kernel_h != 5)) return "windows of 3x3 and 5x5 only";
  if (p.stride_h != p.stride_w || p.stride_h > 2) return "strides 1 and 2 only";
  if (p.dilation_h != 1 || p.dilation_w != 1) return "no dilation";
  if (float_pitch(problem.kind, p.x.c) % 4 != 0) return "f32 channels come in fours";
  return float_depthwise_limits(problem, 2);
}

template <int kWidth3, int kWidth5, int kRows, int kColumns>
int64_t strip_threads(const FloatDepthwiseProblem& problem) {
  const kernels::FloatConvProblem& p = problem.conv;
  const int64_t width = p.kernel_h == 3 ? kWidth3 : kWidth5;
  const int64_t rows = (p.out_h() + kRows - 1) / kRows, columns = (p.out_w() + kColumns - 1) / kColumns;
  return p.x.n * rows * columns * (float_pitch(problem.kind, p.x.c) / width);
}

template <int kWidth3, int kWidth5, int kRows, int kColumns>
constexpr FloatDepthwiseKernel strip_entry(const char* name) {
  return {{name, kAnyCapability, strip_supports, no_workspace<FloatDepthwiseProblem>,
           run_strip<kWidth3, kWidth5, kRows, kColumns>},
          strip_threads<kWidth3, kWidth5, kRows, kColumns>};
}

}  // namespace qat::cuda
