// The transforms of F(4, 3), F(3, 3) and F(2, 3) in one dimension, on vectors; winograd.h says what they are
// for. The points are 0, 1, -1, 2, -2 and infinity; fewer outputs leave -2 out, or 2 and -2, and keep the weights.
//
//   G'  6  0  0    4: B^T  4  0 -5  0  1  0    A'   1 -4 -4  1  1  0    24 y0
//       1  1  1            0 -4 -4  1  1  0         0 -2  2  1 -1  0    12 y1
//       1 -1  1            0  4 -4 -1  1  0         0 -1 -1  1  1  0     6 y2
//       1  2  4            0 -2 -1  2  1  0         0 -1  1  2 -2  1     6 y3
//       1 -2  4            0  2 -1 -2  1  0
//       0  0  6            0  4  0 -5  0  1
//
//   3: B^T  2 -1 -2  1  0    A'   1 -6 -2  2  0    12 y0      2: B^T  1  0 -1  0    A'   1  3  3  0    6 y0
//           0 -2 -1  1  0         0 -3  1  2  0     6 y1              0  1  1  0         0  3 -3  1    6 y1
//           0  2 -3  1  0         0 -3 -1  4  1     6 y2              0 -1  1  0
//           0 -1  0  1  0                                             0 -1  0  1
//           0  2 -1 -2  1
#pragma once

#include <array>
#include <cstdint>

namespace qat::kernels {
namespace {  // each file that includes this compiles it for its own instruction set

// The numbers of a transform's points.
template <int Outputs>
constexpr std::array<int, Outputs + 2> points_of() {
  if constexpr (Outputs == 4) return {0, 1, 2, 3, 4, 5};
  if constexpr (Outputs == 3) return {0, 1, 2, 3, 5};
  if constexpr (Outputs == 2) return {0, 1, 2, 5};
}

// Output i comes out times 3 * 2^shift, in each dimension.
template <int Outputs>
constexpr std::array<int, Outputs> shifts_of() {
  if constexpr (Outputs == 4) return {3, 2, 1, 1};
  if constexpr (Outputs == 3) return {2, 1, 1};
  if constexpr (Outputs == 2) return {1, 1};
}
constexpr uint32_t kInverseOf9 = 0x38E38E39u;  // modulo 2^32
static_assert(kInverseOf9 * 9u == 1u);

// d, t: [Outputs + 2].
template <int Outputs, class T>
[[gnu::always_inline]] inline void transform_input(const T* d, T* t) {
  if constexpr (Outputs == 4) {
    const T even = d[4] - d[2], odd = d[3] - d[1], evens = d[4] - (d[2] << 2), odds = d[3] - (d[1] << 2);
    const T twice = odd + odd;
    t[0] = ((d[0] - d[2]) << 2) + even;
    t[1] = evens + odds;
    t[2] = evens - odds;
    t[3] = even + twice;
    t[4] = even - twice;
    t[5] = d[5] - d[3] - (odd << 2);
  } else if constexpr (Outputs == 3) {
    const T odd = d[3] - d[1], even = d[2] - d[0], low = d[3] - d[2];
    t[0] = odd - even - even;
    t[1] = low - d[1] - d[1];
    t[2] = low - ((d[2] - d[1]) << 1);
    t[3] = odd;
    t[4] = d[4] - d[2] - odd - odd;
  } else {
    t[0] = d[0] - d[2];
    t[1] = d[1] + d[2];
    t[2] = d[2] - d[1];
    t[3] = d[3] - d[1];
  }
}

// Row `Point` of G' g; read(i) gives g[i], i in 0..2.
template <int Point, class Read>
[[gnu::always_inline]] inline auto weights_point(const Read& read) {
  if constexpr (Point == 0 || Point == 5) {
    const auto g = read(Point == 0 ? 0 : 2);
    auto six = g * 0 + 6;
    asm("" : "+v"(six));  // one multiplication, for which GCC 12 would take three operations
    return g * six;
  } else {
    const auto even = Point < 3 ? read(0) + read(2) : read(0) + (read(2) << 2);
    const auto odd = Point < 3 ? read(1) : read(1) << 1;
    return Point % 2 != 0 ? even + odd : even - odd;
  }
}

// n: [Outputs + 2], y: [Outputs]. T: unsigned 32 bits, as sums are modulo 2^32.
template <int Outputs, class T>
[[gnu::always_inline]] inline void transform_sums(const T* n, T* y) {
  if constexpr (Outputs == 4) {
    const T sum12 = n[1] + n[2], less12 = n[1] - n[2], sum34 = n[3] + n[4], less34 = n[3] - n[4];
    y[0] = n[0] + sum34 - (sum12 << 2);
    y[1] = less34 - less12 - less12;
    y[2] = sum34 - sum12;
    y[3] = less34 + less34 - less12 + n[5];
  } else if constexpr (Outputs == 3) {
    const T twice3 = n[3] + n[3], thrice1 = n[1] + n[1] + n[1], high = n[3] - n[2] - thrice1;
    y[0] = n[0] + high + high;
    y[1] = n[2] + twice3 - thrice1;
    y[2] = high + n[3] + twice3 + n[4];
  } else {
    const T sum12 = n[1] + n[2], less12 = n[1] - n[2];
    y[0] = n[0] + sum12 + sum12 + sum12;
    y[1] = less12 + less12 + less12 + n[3];
  }
}

}  // namespace
}  // namespace qat::kernels
