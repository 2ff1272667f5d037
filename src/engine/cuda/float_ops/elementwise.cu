// Functions of one and two values, fills and softmax.
#include "base/qmath.h"
#include "engine/cuda/float_ops/elements.cuh"

namespace qat::cuda {
namespace {

using engine::FloatFunction;

__device__ float apply(FloatFunction f, float a, float b) {
  switch (f) {
    case FloatFunction::kSub:
      return a - b;
    case FloatFunction::kMul:
      return a * b;
    case FloatFunction::kDiv:
      return a / b;
    default:
      return a + b;
  }
}

__device__ float apply(FloatFunction f, float x, float p0, float p1) {
  switch (f) {
    case FloatFunction::kClip:
      return activate(x, Activation::kClip, p0, p1);
    case FloatFunction::kSigmoid:
      return sigmoid_exact(x);
    case FloatFunction::kHardSigmoid:
      return fminf(fmaxf(fma_exact(x, p0, p1), 0.0f), 1.0f);
    case FloatFunction::kHardSwish:
      return activate(x, Activation::kHardSwish, 1.0f / 6.0f, 0);
    case FloatFunction::kSilu:
      return activate(x, Activation::kSilu, 1.0f, 0);
    case FloatFunction::kLeakyRelu:
      return x < 0 ? x * p0 : x;
    case FloatFunction::kTanh:
      return tanhf(x);
    default:
      return x;
  }
}

template <class T>
__global__ void binary_kernel(FloatBinaryOp op, T* y, int64_t pitch, int64_t total) {
  let_next_start();
  wait_for_previous();
  QAT_GRID_LOOP(i, total) {
    const int64_t c = i % pitch, pixel = i / pitch, w = pixel % op.width, h = pixel / op.width % op.height;
    const int64_t n = pixel / op.width / op.height;
    if (c >= op.channels) {
      put(y + i, 0.0f);
      continue;
    }
    const auto operand = [&](const FloatOperand& x) {
      return load(x.data, x.kind, n * x.n + h * x.h + w * x.w + c * x.c);
    };
    put(y + i, activate(apply(op.function, operand(op.a), operand(op.b)), op.activation, op.p0, op.p1));
  }
}

// 16 bytes a thread; the elements past the last whole ones are the last threads', one each.
template <class T>
__global__ void unary_kernel(FloatUnaryOp op) {
  constexpr int kWidth = 16 / sizeof(T);
  struct alignas(16) Group {
    T values[kWidth];
  };
  let_next_start();
  wait_for_previous();
  const T* x = static_cast<const T*>(op.x);
  T* y = static_cast<T*>(op.y);
  const int64_t groups = op.elements / kWidth, whole = groups * kWidth;
  QAT_GRID_LOOP(i, groups + op.elements - whole) {
    if (i < groups) {
      Group group = reinterpret_cast<const Group*>(x)[i];
      const auto each = [&](const auto& function) {
#pragma unroll
        for (T& value : group.values) put(&value, function(to_f32(value)));
      };
      if (op.function == FloatFunction::kClip) {  // behind most convolutions; the others' code is long
        each([&](float v) { return activate(v, Activation::kClip, op.p0, op.p1); });
      } else {
        each([&](float v) { return apply(op.function, v, op.p0, op.p1); });
      }
      reinterpret_cast<Group*>(y)[i] = group;
    } else {
      const int64_t at = whole + i - groups;
      put(y + at, apply(op.function, to_f32(x[at]), op.p0, op.p1));
    }
  }
}

template <class T>
__global__ void fill_kernel(T* y, int64_t elements, float value) {
  let_next_start();
  wait_for_previous();
  QAT_GRID_LOOP(i, elements) { put(y + i, value); }
}

// A block a pixel.
template <class T>
__global__ void softmax_kernel(const T* x, T* y, int64_t channels, int64_t pitch) {
  __shared__ float shared[kFloatThreads];
  let_next_start();
  wait_for_previous();
  const T* from = x + blockIdx.x * pitch;
  T* to = y + blockIdx.x * pitch;
  const auto reduce = [&](float value, bool largest) {
    shared[threadIdx.x] = value;
    __syncthreads();
    for (int step = kFloatThreads / 2; step > 0; step /= 2) {
      if (threadIdx.x < step) {
        const float other = shared[threadIdx.x + step], own = shared[threadIdx.x];
        shared[threadIdx.x] = largest ? fmaxf(own, other) : own + other;
      }
      __syncthreads();
    }
    const float result = shared[0];
    __syncthreads();
    return result;
  };
  float largest = -INFINITY, sum = 0;
  for (int64_t c = threadIdx.x; c < channels; c += kFloatThreads) largest = fmaxf(largest, to_f32(from[c]));
  largest = reduce(largest, true);
  for (int64_t c = threadIdx.x; c < channels; c += kFloatThreads) sum += exp_exact(to_f32(from[c]) - largest);
  sum = reduce(sum, false);
  for (int64_t c = threadIdx.x; c < channels; c += kFloatThreads)
    put(to + c, exp_exact(to_f32(from[c]) - largest) / sum);
  for (int64_t c = channels + threadIdx.x; c < pitch; c += kFloatThreads) put(to + c, 0.0f);
}

}  // namespace

cudaError_t float_binary(const FloatBinaryOp& op, cudaStream_t stream) {
  const int64_t pitch = float_pitch(op.kind, op.channels), total = op.batch * op.height * op.width * pitch;
  return with_type(op.kind, [&]<class T>(T) {
    return launch(binary_kernel<T>, grid_of(total), stream, op, static_cast<T*>(op.y), pitch, total);
  });
}

cudaError_t float_unary(const FloatUnaryOp& op, cudaStream_t stream) {
  return with_type(op.kind, [&]<class T>(T) {
    constexpr int64_t kWidth = 16 / sizeof(T);
    return launch(unary_kernel<T>, grid_of(op.elements / kWidth + op.elements % kWidth), stream, op);
  });
}

cudaError_t float_fill(FloatKind kind, void* y, int64_t elements, float value, cudaStream_t stream) {
  return with_type(kind, [&]<class T>(T) {
    return launch(fill_kernel<T>, grid_of(elements), stream, static_cast<T*>(y), elements, value);
  });
}

cudaError_t float_softmax(FloatKind kind, const void* x, void* y, int64_t pixels, int64_t channels,
                          cudaStream_t stream) {
  const LaunchShape shape{.grid = dim3(static_cast<unsigned>(pixels)), .block = kFloatThreads};
  return with_type(kind, [&]<class T>(T) {
    return launch(softmax_kernel<T>, shape, stream, static_cast<const T*>(x), static_cast<T*>(y), channels,
                  float_pitch(kind, channels));
  });
}

}  // namespace qat::cuda
