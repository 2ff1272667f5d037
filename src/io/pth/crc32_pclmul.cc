// CRC-32 by carry-less multiplication: V. Gopal et al., "Fast CRC Computation for Generic Polynomials Using PCLMULQDQ"
// (Intel, 2009), with the paper's constants for the reflected polynomial.
#include "io/pth/crc32.h"

#if defined(__x86_64__)

#include <immintrin.h>

namespace qat::io::detail {

namespace {

__m128i load(const std::byte* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// x * (constant of a distance) + next: moves 128 bits of remainder forward by that distance.
__m128i fold(__m128i x, __m128i constants, __m128i next) {
  const __m128i low = _mm_clmulepi64_si128(x, constants, 0x00);
  const __m128i high = _mm_clmulepi64_si128(x, constants, 0x11);
  return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

// 128 bits -> 64 -> 32 (Barrett).
uint32_t reduce(__m128i x, __m128i by_16) {
  const __m128i mask = _mm_setr_epi32(~0, 0, ~0, 0);
  const __m128i k5 = _mm_set_epi64x(0, 0x0163cd6124);
  const __m128i polynomial = _mm_set_epi64x(0x01f7011641, 0x01db710641);
  x = _mm_xor_si128(_mm_srli_si128(x, 8), _mm_clmulepi64_si128(x, by_16, 0x10));
  const __m128i low = _mm_clmulepi64_si128(_mm_and_si128(x, mask), k5, 0x00);
  x = _mm_xor_si128(_mm_srli_si128(x, 4), low);
  __m128i quotient = _mm_clmulepi64_si128(_mm_and_si128(x, mask), polynomial, 0x10);
  quotient = _mm_clmulepi64_si128(_mm_and_si128(quotient, mask), polynomial, 0x00);
  return static_cast<uint32_t>(_mm_extract_epi32(_mm_xor_si128(x, quotient), 1));
}

}  // namespace

bool has_crc32_pclmul() { return __builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"); }

uint32_t crc32_pclmul(std::span<const std::byte> bytes, uint32_t state) {
  const __m128i by_64 = _mm_set_epi64x(0x01c6e41596, 0x0154442bd4);
  const __m128i by_16 = _mm_set_epi64x(0x00ccaa009e, 0x01751997d0);
  const std::byte* p = bytes.data();
  size_t left = bytes.size();
  // Four accumulators, 64 bytes a turn: hides the multiplier's latency of 4 to 7 cycles.
  __m128i x0 = _mm_xor_si128(load(p), _mm_cvtsi32_si128(static_cast<int>(state)));
  __m128i x1 = load(p + 16), x2 = load(p + 32), x3 = load(p + 48);
  for (p += 64, left -= 64; left >= 64; p += 64, left -= 64) {
    x0 = fold(x0, by_64, load(p));
    x1 = fold(x1, by_64, load(p + 16));
    x2 = fold(x2, by_64, load(p + 32));
    x3 = fold(x3, by_64, load(p + 48));
  }
  x0 = fold(fold(fold(x0, by_16, x1), by_16, x2), by_16, x3);
  for (; left >= 16; p += 16, left -= 16) x0 = fold(x0, by_16, load(p));
  return reduce(x0, by_16);
}

}  // namespace qat::io::detail

#else

namespace qat::io::detail {

bool has_crc32_pclmul() { return false; }
uint32_t crc32_pclmul(std::span<const std::byte>, uint32_t state) { return state; }

}  // namespace qat::io::detail

#endif
