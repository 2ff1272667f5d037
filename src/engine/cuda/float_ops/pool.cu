// Float pooling: four or eight channels of one output pixel a thread where the pitch allows 16-byte loads.
#include "engine/cuda/float_ops/elements.cuh"

namespace qat::cuda {
namespace {

using kernels::FloatPool;
using kernels::FloatPoolProblem;

struct Pool {
  FloatPool kind;
  int32_t in_h, in_w, out_h, out_w, groups;  // groups: of kWidth channels in a pixel
  int32_t kernel_h, kernel_w, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, pad_bottom, pad_right;
};

template <class T, int kWidth>
struct alignas(sizeof(T) * kWidth) Group {
  T values[kWidth];
};

// A window's taps inside the image, along one side.
struct Taps {
  int32_t first, count;  // a pixel; 0 where there is none
  __device__ Taps(int32_t start, int32_t kernel, int32_t dilation, int32_t size) {
    const int32_t before = start < 0 ? (-start + dilation - 1) / dilation : 0;
    const int32_t end = size > start ? min((size - start + dilation - 1) / dilation, kernel) : 0;
    first = start + before * dilation;
    count = max(end - before, 0);
  }
};

template <class T, int kWidth>
__global__ void pool_kernel(Pool p, const Group<T, kWidth>* x, Group<T, kWidth>* y, int64_t total) {
  let_next_start();
  wait_for_previous();
  QAT_GRID_LOOP(i, total) {
    const int64_t pixel = i / p.groups, row_of_all = pixel / p.out_w;
    const auto group = static_cast<int32_t>(i % p.groups), q = static_cast<int32_t>(pixel % p.out_w);
    const auto row = static_cast<int32_t>(row_of_all % p.out_h);
    const int32_t top = row * p.stride_h - p.pad_top, left = q * p.stride_w - p.pad_left;
    const Group<T, kWidth>* image = x + row_of_all / p.out_h * p.in_h * p.in_w * p.groups + group;
    const bool largest = p.kind == FloatPool::kMax;
    float result[kWidth];
    for (float& v : result) v = largest ? -INFINITY : 0.0f;
    // The taps inside in a row, so that the loads of several are on their way at once: a global pool has few threads.
    const Taps down(top, p.kernel_h, p.dilation_h, p.in_h), across(left, p.kernel_w, p.dilation_w, p.in_w);
    const int32_t inside = down.count * across.count;
    const Group<T, kWidth>* from = image + (int64_t{down.first} * p.in_w + across.first) * p.groups;
    const int64_t next_column = int64_t{p.dilation_w} * p.groups;
    const int64_t next_row = int64_t{p.dilation_h} * p.in_w * p.groups - (across.count - 1) * next_column;
    int32_t column = 0;
#pragma unroll 8
    for (int32_t tap = 0; tap < inside; ++tap) {
      const Group<T, kWidth> values = *from;
      const bool last = ++column == across.count;
      from += last ? next_row : next_column;
      column = last ? 0 : column;
#pragma unroll
      for (int k = 0; k < kWidth; ++k) {
        const float v = to_f32(values.values[k]);
        result[k] = largest ? fmaxf(result[k], v) : result[k] + v;
      }
    }
    const int32_t rows = min(top + p.kernel_h, p.in_h + p.pad_bottom) - top;
    const int32_t columns = min(left + p.kernel_w, p.in_w + p.pad_right) - left;
    const int32_t count = p.kind == FloatPool::kAverageIncludePad ? rows * columns : max(inside, 1);
    Group<T, kWidth> out;
    for (int k = 0; k < kWidth; ++k) put(&out.values[k], largest ? result[k] : result[k] / static_cast<float>(count));
    y[i] = out;
  }
}

template <class T, int kWidth>
cudaError_t run(Pool pool, int64_t batch, int64_t pitch, const void* x, void* y, cudaStream_t stream) {
  pool.groups = static_cast<int32_t>(pitch / kWidth);
  const int64_t total = batch * pool.out_h * pool.out_w * pool.groups;
  return launch(pool_kernel<T, kWidth>, grid_of(total), stream, pool, static_cast<const Group<T, kWidth>*>(x),
                static_cast<Group<T, kWidth>*>(y), total);
}

}  // namespace

cudaError_t float_pool(const FloatPoolProblem& p, FloatKind kind, const void* x, void* y, cudaStream_t stream) {
  const auto i32 = [](int64_t n) { return static_cast<int32_t>(n); };
  const Pool pool{.kind = p.kind,
                  .in_h = i32(p.x.h),
                  .in_w = i32(p.x.w),
                  .out_h = i32(p.out_h),
                  .out_w = i32(p.out_w),
                  .kernel_h = i32(p.kernel_h),
                  .kernel_w = i32(p.kernel_w),
                  .stride_h = i32(p.stride_h),
                  .stride_w = i32(p.stride_w),
                  .dilation_h = i32(p.dilation_h),
                  .dilation_w = i32(p.dilation_w),
                  .pad_top = i32(p.pad_top),
                  .pad_left = i32(p.pad_left),
                  .pad_bottom = i32(p.pad_bottom),
                  .pad_right = i32(p.pad_right)};
  const int64_t pitch = float_pitch(kind, p.x.c);
  if (kind == FloatKind::kF16) return run<__half, 8>(pool, p.x.n, pitch, x, y, stream);
  if (pitch % 4 == 0) return run<float, 4>(pool, p.x.n, pitch, x, y, stream);
  return run<float, 1>(pool, p.x.n, pitch, x, y, stream);
}

}  // namespace qat::cuda
