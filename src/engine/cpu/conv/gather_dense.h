// An image's three channels, in four bytes, side by side: four pixels at a time, for what has pshufb.
#pragma once

#include <immintrin.h>

#include "engine/cpu/conv/gather_rows.h"

namespace qat::kernels {
namespace {  // each file that includes this compiles it for its own instruction set

inline void gather_dense_fours(const DenseTask& t) {
  const int64_t fours = t.channels == 3 && t.pitch == 4 ? t.pixels / 4 : 0;
  const __m128i three = _mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1);
  for (int64_t i = 0; i < fours; ++i) {
    const __m128i pixels = _mm_loadu_si128(reinterpret_cast<const __m128i*>(t.from + 16 * i));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(t.to + 12 * i), _mm_shuffle_epi8(pixels, three));
  }
  gather_dense_from(t, 4 * fours);
}

}  // namespace
}  // namespace qat::kernels
