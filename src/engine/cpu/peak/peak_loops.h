// The loops of a peak over a set of vector instructions: twelve independent sums hide the latency of 4 or 5 cycles at
// two instructions a cycle, and leave registers for the operands. Included by the files of one ISA each; everything is
// static, so that no other file can end up with this code.
//
// V: Int and Float, dot(sum, a, b), fma(sum, a, b), ones(), load(p), bit_or(a, b), kInt8, kFloat (multiply-adds of one
// dot and one fma), keep(x): the compiler must believe that x was read and changed.
#pragma once

#include "engine/cpu/peak/peak.h"

namespace qat::kernels {

constexpr int kSums = 12;

// Named sums: of an array GCC would rotate the registers.
template <class Vector, class Step>
static void twelve_sums(Vector start, int64_t rounds, const Step& step) {
  Vector s0 = start, s1 = start, s2 = start, s3 = start, s4 = start, s5 = start;
  Vector s6 = start, s7 = start, s8 = start, s9 = start, s10 = start, s11 = start;
  for (int64_t i = 0; i < rounds; ++i) {
    step(s0), step(s1), step(s2), step(s3), step(s4), step(s5);
    step(s6), step(s7), step(s8), step(s9), step(s10), step(s11);
  }
}

template <class V>
static void int8_rounds(int64_t rounds) {
  const typename V::Int a = V::ones();
  twelve_sums(a, rounds, [a](typename V::Int& sum) { sum = V::dot(sum, a, a), V::keep(sum); });
}

template <class V>
static void float_rounds(int64_t rounds) {
  const typename V::Float a = V::float_ones();
  twelve_sums(a, rounds, [a](typename V::Float& sum) { sum = V::fma(sum, a, a), V::keep(sum); });
}

template <class V>
static void read_all(const std::byte* data, size_t size) {
  constexpr size_t kStep = sizeof(typename V::Int);
  typename V::Int sums[4] = {V::ones(), V::ones(), V::ones(), V::ones()};
  for (size_t i = 0; i < size; i += 4 * kStep) {
#pragma GCC unroll 4
    for (size_t k = 0; k < 4; ++k) sums[k] = V::bit_or(sums[k], V::load(data + i + k * kStep));
  }
  for (auto& sum : sums) V::keep(sum);
}

template <class V>
static constexpr PeakKernel make_peak(const char* name, Isa isa) {
  return {.name = name,
          .isa = isa,
          .int8_operations = 2 * kSums * V::kInt8,
          .float_operations = 2 * kSums * V::kFloat,
          .int8 = int8_rounds<V>,
          .floats = float_rounds<V>,
          .read = read_all<V>};
}

}  // namespace qat::kernels
