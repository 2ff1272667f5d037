// Softmax cross-entropy on the device: a warp a row, logits read three times (they stay in the cache); see kernels.h.
#include "train/cuda/kernels/channel_sums.cuh"
#include "train/cuda/kernels/cross_entropy.h"
#include "train/cuda/kernels/device.cuh"
#include "train/cuda/kernels/device_kernels.h"
#include "train/cuda/kernels/norm_factors.h"

namespace qat::train::cuda {

namespace {

template <class Value, class Combine>
__device__ Value over_warp(Value v, const Combine& combine) {
  for (int step = 16; step > 0; step /= 2) v = combine(v, __shfl_xor_sync(0xFFFFFFFFu, v, step));
  return v;
}

struct Best {
  float value;
  int64_t index;
};

// The first largest logit of the row; NaN counts as largest, as torch's argmax has it.
template <class T>
__device__ Best first_largest(const T* x, int64_t classes, int lane) {
  Best best{-INFINITY, classes};
  const auto better = [](float v, int64_t i, const Best& b) {
    const bool larger = v > b.value || (isnan(v) && !isnan(b.value)),
               same = v == b.value || (isnan(v) && isnan(b.value));
    return larger || (same && i < b.index);
  };
  for (int64_t i = lane; i < classes; i += 32) {
    const float v = static_cast<float>(x[i]);
    if (better(v, i, best)) best = {v, i};
  }
  for (int step = 16; step > 0; step /= 2) {
    const float v = __shfl_xor_sync(0xFFFFFFFFu, best.value, step);
    const int64_t i = __shfl_xor_sync(0xFFFFFFFFu, best.index, step);
    if (better(v, i, best)) best = {v, i};
  }
  return best;
}

template <class T>
__device__ double run_row(const CrossEntropyArgs& args, int64_t row, int lane, unsigned long long& correct) {
  const T* x = static_cast<const T*>(args.logits) + row * args.classes;
  const int64_t label = args.labels[row];
  const Best best = first_largest(x, args.classes, lane);
  float sum_exp = 0, sum = 0;
  for (int64_t i = lane; i < args.classes; i += 32) {
    const float v = static_cast<float>(x[i]);
    sum_exp += exp_exact(v - best.value);
    sum += v;
  }
  const auto add = [](float a, float b) { return a + b; };
  sum_exp = over_warp(sum_exp, add), sum = over_warp(sum, add);
  const double loss = row_loss(args, best.value, sum_exp, sum, static_cast<float>(x[label]));
  correct += best.index == label;
  __syncwarp();  // the gradient may lie where the logits do
  if (args.gradient != nullptr) {
    const LogitGradient gradient(args, sum_exp);
    T* to = static_cast<T*>(args.gradient) + row * args.classes;
    for (int64_t i = lane; i < args.classes; i += 32) {
      to[i] = static_cast<T>(gradient.at(exp_exact(static_cast<float>(x[i]) - best.value), i == label));
    }
  }
  return loss;
}

// Workspace: a block's loss and count each.
template <class T>
__global__ void __launch_bounds__(kLossThreads) cross_entropy_kernel(const CrossEntropyArgs args) {
  __shared__ double losses[kLossWarps];
  __shared__ unsigned long long counts[kLossWarps];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  double loss = 0;
  unsigned long long correct = 0;
  const int64_t step = static_cast<int64_t>(gridDim.x) * kLossWarps;
  for (int64_t row = static_cast<int64_t>(blockIdx.x) * kLossWarps + warp; row < args.rows; row += step) {
    loss += run_row<T>(args, row, lane, correct);
  }
  if (lane == 0) losses[warp] = loss, counts[warp] = correct;
  __syncthreads();
  const Workspace space(args.workspace);
  auto* of_blocks = reinterpret_cast<unsigned long long*>(space.parts + gridDim.x);
  if (threadIdx.x == 0) {
    for (int w = 1; w < kLossWarps; ++w) loss += losses[w], correct += counts[w];
    space.parts[blockIdx.x] = loss, of_blocks[blockIdx.x] = correct;
  }
  if (!last_block(space.counters, gridDim.x) || threadIdx.x != 0) return;
  loss = 0, correct = 0;
  for (unsigned b = 0; b < gridDim.x; ++b) loss += __ldcg(space.parts + b), correct += __ldcg(of_blocks + b);
  *args.loss = loss / static_cast<double>(rows_of_mean(args));
  *args.correct = static_cast<int64_t>(correct);
  if (!is_finite(loss)) report(args.status, 0);
}

}  // namespace

void device_cross_entropy(const CrossEntropyArgs& args, cudaStream_t stream) {
  if (args.rows == 0) return;
  for_type(args.type, [&]<class T>() {
    cross_entropy_kernel<T><<<static_cast<unsigned>(loss_blocks(args.rows)), kLossThreads, 0, stream>>>(args);
  });
  check_launch("cross_entropy");
}

}  // namespace qat::train::cuda
