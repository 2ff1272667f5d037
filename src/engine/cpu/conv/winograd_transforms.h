// The three transforms of F(4, 3) in one dimension, on vectors or scalars; winograd.h says what they are for.
//
//   B^T   4  0 -5  0  1  0      G'   6  0  0     A'   1 -4 -4  1  1  0   24 y0
//         0 -4 -4  1  1  0           1  1  1          0 -2  2  1 -1  0   12 y1
//         0  4 -4 -1  1  0           1 -1  1          0 -1 -1  1  1  0    6 y2
//         0 -2 -1  2  1  0           1  2  4          0 -1  1  2 -2  1    6 y3
//         0  2 -1 -2  1  0           1 -2  4
//         0  4  0 -5  0  1           0  0  6
#pragma once

#include <array>
#include <cstdint>

namespace qat::kernels {
namespace {  // each file that includes this compiles it for its own instruction set

template <class T>
[[gnu::always_inline]] inline void transform_input(const T& d0, const T& d1, const T& d2, const T& d3, const T& d4,
                                                   const T& d5, T* t, int stride) {
  const T even = d4 - d2, odd = d3 - d1, evens = d4 - (d2 << 2), odds = d3 - (d1 << 2), twice = odd + odd;
  t[0] = ((d0 - d2) << 2) + even;
  t[stride] = evens + odds;
  t[2 * stride] = evens - odds;
  t[3 * stride] = even + twice;
  t[4 * stride] = even - twice;
  t[5 * stride] = d5 - d3 - (odd << 2);
}

template <class T>
[[gnu::always_inline]] inline void transform_weights(const T& g0, const T& g1, const T& g2, T* t, int stride) {
  t[0] = 6 * g0;
  t[stride] = g0 + g1 + g2;
  t[2 * stride] = g0 - g1 + g2;
  t[3 * stride] = g0 + 2 * g1 + 4 * g2;
  t[4 * stride] = g0 - 2 * g1 + 4 * g2;
  t[5 * stride] = 6 * g2;
}

// T: unsigned 32 bits, as sums are modulo 2^32.
template <class T>
[[gnu::always_inline]] inline void transform_sums(const T& n0, const T& n1, const T& n2, const T& n3, const T& n4,
                                                  const T& n5, T* y, int stride) {
  const T sum12 = n1 + n2, less12 = n1 - n2, sum34 = n3 + n4, less34 = n3 - n4;
  y[0] = n0 + sum34 - (sum12 << 2);
  y[stride] = less34 - (less12 + less12);
  y[2 * stride] = sum34 - sum12;
  y[3 * stride] = less34 + less34 - less12 + n5;
}

constexpr std::array<int, 4> kSumsShift = {3, 2, 1, 1};  // y comes out times 3 * 2^shift, in each dimension
constexpr uint32_t kInverseOf9 = 0x38E38E39u;
static_assert(kInverseOf9 * 9u == 1u);

}  // namespace
}  // namespace qat::kernels
