// Vectors of 8 floats in plain C++: the fallback, and the definition the other instruction sets are tested against.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

namespace qat::train {

struct SimdPortable {
  static constexpr int kWidth = 8;
  struct V {
    float at[kWidth];
  };
  using M = uint32_t;  // bit i: lane i

  template <class F>
  static V each(F f) {
    V r;
    for (int i = 0; i < kWidth; ++i) r.at[i] = f(i);
    return r;
  }
  static V set1(float x) {
    return each([&](int) { return x; });
  }
  static V load(const float* p) {
    return each([&](int i) { return p[i]; });
  }
  static V load_n(const float* p, int n) {
    return each([&](int i) { return i < n ? p[i] : 0.0f; });
  }
  static void store(float* p, V v) { std::memcpy(p, v.at, sizeof v.at); }
  static void store_n(float* p, V v, int n) { std::memcpy(p, v.at, sizeof(float) * static_cast<size_t>(n)); }
  static V add(V a, V b) {
    return each([&](int i) { return a.at[i] + b.at[i]; });
  }
  static V sub(V a, V b) {
    return each([&](int i) { return a.at[i] - b.at[i]; });
  }
  static V mul(V a, V b) {
    return each([&](int i) { return a.at[i] * b.at[i]; });
  }
  static V div(V a, V b) {
    return each([&](int i) { return a.at[i] / b.at[i]; });
  }
  static V fma(V a, V b, V c) {
    return each([&](int i) { return std::fma(a.at[i], b.at[i], c.at[i]); });
  }
  // The second operand where a lane is NaN, as the processors' instructions do.
  static V max(V a, V b) {
    return each([&](int i) { return a.at[i] > b.at[i] ? a.at[i] : b.at[i]; });
  }
  static V min(V a, V b) {
    return each([&](int i) { return a.at[i] < b.at[i] ? a.at[i] : b.at[i]; });
  }
  static V abs(V a) {
    return each([&](int i) { return std::fabs(a.at[i]); });
  }
  static V round(V a) {
    return each([&](int i) { return std::rint(a.at[i]); });
  }
  static M less(V a, V b) {
    M m = 0;
    for (int i = 0; i < kWidth; ++i) m |= static_cast<M>(a.at[i] < b.at[i]) << i;
    return m;
  }
  static M less_equal(V a, V b) {
    M m = 0;
    for (int i = 0; i < kWidth; ++i) m |= static_cast<M>(a.at[i] <= b.at[i]) << i;
    return m;
  }
  static M both(M a, M b) { return a & b; }
  static uint32_t bits(M m) { return m; }
  static M from_bits(uint32_t b) { return b; }
  static V keep(M m, V v) {
    return each([&](int i) { return (m >> i & 1u) != 0 ? v.at[i] : 0.0f; });
  }
  static float reduce_max(V v) { return *std::max_element(v.at, v.at + kWidth); }
  static float reduce_add(V v) {
    float sum = 0;
    for (float x : v.at) sum += x;
    return sum;
  }
};

}  // namespace qat::train
