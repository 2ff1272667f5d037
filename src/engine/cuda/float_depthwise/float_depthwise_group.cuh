// A group of channels of one pixel: loads, products in float, and the epilogue.
#pragma once

#include "base/qmath.h"
#include "engine/cuda/float_depthwise/float_depthwise_kernels.h"
#include "engine/cuda/float_ops/elements.cuh"

namespace qat::cuda {

// As words: loads and stores of 4, 8 or 16 bytes, and no 16-bit registers.
template <int kWords>
struct alignas(4 * kWords) GroupWords {
  uint32_t words[kWords];
};
template <class T, int kWidth>
using ChannelGroup = GroupWords<static_cast<int>(kWidth * sizeof(T) / 4)>;

// *from where `inside`, else 0: one predicated load, no branch, in the order of the source.
template <int kWords>
__device__ inline GroupWords<kWords> load_inside(const GroupWords<kWords>* from, bool inside) {
  GroupWords<kWords> x;
  if constexpr (kWords == 4) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %5, 0; mov.b32 %0, 0; mov.b32 %1, 0; mov.b32 %2, 0; mov.b32 %3, 0;\n"
        "@p ld.global.v4.b32 {%0, %1, %2, %3}, [%4];}"
        : "=&r"(x.words[0]), "=&r"(x.words[1]), "=&r"(x.words[2]), "=&r"(x.words[3])
        : "l"(from), "r"(static_cast<int>(inside)));
  } else if constexpr (kWords == 2) {
    asm volatile(
        "{.reg .pred p; setp.ne.b32 p, %3, 0; mov.b32 %0, 0; mov.b32 %1, 0;\n"
        "@p ld.global.v2.b32 {%0, %1}, [%2];}"
        : "=&r"(x.words[0]), "=&r"(x.words[1])
        : "l"(from), "r"(static_cast<int>(inside)));
  } else {
    static_assert(kWords == 1);
    asm volatile("{.reg .pred p; setp.ne.b32 p, %2, 0; mov.b32 %0, 0; @p ld.global.b32 %0, [%1];}"
                 : "=&r"(x.words[0])
                 : "l"(from), "r"(static_cast<int>(inside)));
  }
  return x;
}

template <int kWords>
__device__ inline void store_inside(GroupWords<kWords>* to, const GroupWords<kWords>& x, bool inside) {
  if constexpr (kWords == 4) {
    asm volatile("{.reg .pred p; setp.ne.b32 p, %5, 0; @p st.global.v4.b32 [%4], {%0, %1, %2, %3};}" ::"r"(x.words[0]),
                 "r"(x.words[1]), "r"(x.words[2]), "r"(x.words[3]), "l"(to), "r"(static_cast<int>(inside)));
  } else if constexpr (kWords == 2) {
    asm volatile("{.reg .pred p; setp.ne.b32 p, %3, 0; @p st.global.v2.b32 [%2], {%0, %1};}" ::"r"(x.words[0]),
                 "r"(x.words[1]), "l"(to), "r"(static_cast<int>(inside)));
  } else {
    asm volatile("{.reg .pred p; setp.ne.b32 p, %2, 0; @p st.global.b32 [%1], %0;}" ::"r"(x.words[0]), "l"(to),
                 "r"(static_cast<int>(inside)));
  }
}

// max and min of a float, or of both halves of a word; NaN stays NaN, as in cuDNN's epilogue.
__device__ inline uint32_t max_word(float, uint32_t x, uint32_t low) {
  asm("max.NaN.f32 %0, %1, %2;" : "=r"(x) : "r"(x), "r"(low));
  return x;
}
__device__ inline uint32_t max_word(__half, uint32_t x, uint32_t low) {
  asm("max.NaN.f16x2 %0, %1, %2;" : "=r"(x) : "r"(x), "r"(low));
  return x;
}
__device__ inline uint32_t min_word(float, uint32_t x, uint32_t high) {
  asm("min.NaN.f32 %0, %1, %2;" : "=r"(x) : "r"(x), "r"(high));
  return x;
}
__device__ inline uint32_t min_word(__half, uint32_t x, uint32_t high) {
  asm("min.NaN.f16x2 %0, %1, %2;" : "=r"(x) : "r"(x), "r"(high));
  return x;
}

template <class T, int kWords>
__device__ inline GroupWords<kWords> limited(T, GroupWords<kWords> x, uint32_t limit) {
#pragma unroll
  for (uint32_t& word : x.words) word = min_word(T{}, word, limit);
  return x;
}

template <class T, int kWidth>
__device__ inline void to_floats(T, const ChannelGroup<T, kWidth>& from, float (&to)[kWidth]) {
  if constexpr (sizeof(T) == 2) {
#pragma unroll
    for (int i = 0; i < kWidth / 2; ++i) {
      const float2 pair = __half22float2(*reinterpret_cast<const __half2*>(&from.words[i]));
      to[2 * i] = pair.x, to[2 * i + 1] = pair.y;
    }
  } else {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) to[i] = __uint_as_float(from.words[i]);
  }
}

template <class T, int kWidth>
__device__ inline ChannelGroup<T, kWidth> from_floats(T, const float (&from)[kWidth]) {
  ChannelGroup<T, kWidth> to;
  if constexpr (sizeof(T) == 2) {
#pragma unroll
    for (int i = 0; i < kWidth / 2; ++i) {
      const __half2 pair = __floats2half2_rn(from[2 * i], from[2 * i + 1]);
      to.words[i] = *reinterpret_cast<const uint32_t*>(&pair);
    }
  } else {
#pragma unroll
    for (int i = 0; i < kWidth; ++i) to.words[i] = __float_as_uint(from[i]);
  }
  return to;
}

template <int kWidth>
__device__ inline void add_products(const float (&x)[kWidth], const float (&w)[kWidth], float (&sum)[kWidth]) {
#pragma unroll
  for (int i = 0; i < kWidth; ++i) sum[i] = fmaf(x[i], w[i], sum[i]);
}

// One thread's place: a group of channels, and the first output row and column of its strip.
struct FloatPlace {
  int group, row, column, image;
};

__device__ inline FloatPlace float_place(const FloatDepthwiseParams& p, uint32_t thread, int rows, int columns) {
  uint32_t group, strip, column, row, image;
  p.groups.split(thread, strip, group);
  p.column_strips.split(strip, strip, column);
  p.row_strips.split(strip, image, row);
  return {static_cast<int>(group), static_cast<int>(row) * rows, static_cast<int>(column) * columns,
          static_cast<int>(image)};
}

template <int kWidth>
__device__ inline void load_bias(const FloatDepthwiseParams& p, const FloatPlace& at, float (&bias)[kWidth]) {
  constexpr int kPiece = kWidth < 4 ? kWidth : 4;
#pragma unroll
  for (int c = 0; c < kWidth; c += kPiece) {
    float piece[kPiece];
    to_floats(0.0f, load_inside(reinterpret_cast<const GroupWords<kPiece>*>(p.bias + at.group * kWidth + c), true),
              piece);
#pragma unroll
    for (int i = 0; i < kPiece; ++i) bias[c + i] = piece[i];
  }
}

// A call, not inlined: the curved activations' code would be unrolled with the outputs.
__device__ __noinline__ inline float curved(float v, Activation kind, float p0, float p1) {
  return activate(v, kind, p0, p1);
}

// y[index] = activate(sum + skip[index]) where `inside`. The clip is of finished words: halves after their rounding,
// which keeps order, two at a time. kPlain: no skip, no curved activation; then there is no branch.
template <class T, bool kPlain, int kWidth>
__device__ inline void finish_group(const FloatDepthwiseParams& p, int64_t index, bool inside, float (&sum)[kWidth]) {
  using Group = ChannelGroup<T, kWidth>;
  if constexpr (!kPlain) {
    if (p.skip != nullptr) {
      float skip[kWidth];
      to_floats(T{}, load_inside(static_cast<const Group*>(p.skip) + index, inside), skip);
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum[i] += skip[i];
    }
    if (p.curved != Activation::kNone)
#pragma unroll
      for (int i = 0; i < kWidth; ++i) sum[i] = curved(sum[i], p.curved, p.p0, p.p1);
  }
  Group y = from_floats(T{}, sum);
#pragma unroll
  for (uint32_t& word : y.words) word = min_word(T{}, max_word(T{}, word, p.low), p.high);
  store_inside(static_cast<Group*>(p.y) + index, y, inside);
}

}  // namespace qat::cuda
