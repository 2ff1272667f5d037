// Depthwise windows of any size, stride and dilation: one output of a group of channels a thread.
#include "engine/cuda/float_depthwise/float_depthwise_group.cuh"

namespace qat::cuda {
namespace {

constexpr int kTaps = 4;  // loaded at once

template <class T, int kWidth>
__global__ void __launch_bounds__(kFloatThreads) depthwise_general(const __grid_constant__ FloatDepthwiseParams p) {
  using Group = ChannelGroup<T, kWidth>;
  let_next_start();
  const int64_t thread = int64_t{blockIdx.x} * kFloatThreads + threadIdx.x;
  if (thread >= p.threads) return;
  const FloatPlace at = float_place(p, static_cast<uint32_t>(thread), 1, 1);
  const int top = at.row * p.stride_h - p.pad_top, left = at.column * p.stride_w - p.pad_left;
  const int64_t groups = p.groups.value;
  const Group* image =
      static_cast<const Group*>(p.x) + static_cast<int64_t>(at.image) * p.in_h * p.in_w * groups + at.group;
  const Group* weights = static_cast<const Group*>(p.weights) + at.group;
  float sum[kWidth];
  load_bias(p, at, sum);
  wait_for_previous();
  for (int r = 0; r < p.kernel_h; ++r) {
    const int h = top + r * p.dilation_h;
    if (static_cast<uint32_t>(h) >= static_cast<uint32_t>(p.in_h)) continue;
    const Group* row = image + static_cast<int64_t>(h) * p.in_w * groups;
    for (int first = 0; first < p.kernel_w; first += kTaps) {
      Group x[kTaps], w[kTaps];
#pragma unroll
      for (int i = 0; i < kTaps; ++i) {
        const int s = first + i, v = left + s * p.dilation_w;
        const bool inside = s < p.kernel_w && static_cast<uint32_t>(v) < static_cast<uint32_t>(p.in_w);
        x[i] = load_inside(row + v * groups, inside);
        w[i] = load_inside(weights + (r * p.kernel_w + s) * groups, inside);
      }
#pragma unroll
      for (int i = 0; i < kTaps; ++i) {
        float a[kWidth], b[kWidth];
        to_floats(T{}, limited(T{}, x[i], p.limit), a), to_floats(T{}, w[i], b);
        add_products(a, b, sum);
      }
    }
  }
  const int64_t pixel = (static_cast<int64_t>(at.image) * p.out_h + at.row) * p.out_w + at.column;
  finish_group<T, false>(p, pixel * groups + at.group, true, sum);
}

template <class T, int kWidth>
cudaError_t enqueue(const FloatDepthwiseProblem& p, const FloatDepthwiseArgs& a, cudaStream_t stream) {
  const FloatDepthwiseParams params = float_depthwise_params(p, a, kWidth, 1, 1);
  const auto blocks = static_cast<unsigned>((params.threads + kFloatThreads - 1) / kFloatThreads);
  return launch(depthwise_general<T, kWidth>, {.grid = blocks, .block = kFloatThreads}, stream, params);
}

cudaError_t run(const FloatDepthwiseProblem& p, const FloatDepthwiseArgs& a, void*, cudaStream_t stream) {
  if (p.kind == FloatKind::kF16) return enqueue<__half, 8>(p, a, stream);
  return p.conv.x.c % 4 == 0 ? enqueue<float, 4>(p, a, stream) : enqueue<float, 1>(p, a, stream);
}

const char* supports(const FloatDepthwiseProblem& p) {
  return float_depthwise_limits(p, p.kind == FloatKind::kF16 ? 8 : 1);
}

}  // namespace

constinit const FloatDepthwiseKernel kFloatDepthwiseGeneral = {
    {"depthwise_float_general", kAnyCapability, supports, no_workspace<FloatDepthwiseProblem>, run}, nullptr};

}  // namespace qat::cuda
