// Table look-up for AVX-512. A table that only clamps (ReLU between equal scales) is two operations on 64 bytes; any
// other is four registers and two permutations where the processor has VBMI, and a byte at a time where not.
#include <immintrin.h>

#include "engine/cpu/lut/lut_kernels.h"

namespace qat::kernels {
namespace {

int64_t units(const LutProblem& p) { return p.pixels; }

// y = min(max(x, table[0]), table[255]) for every x?
bool only_clamps(const uint8_t* table) {
  const uint8_t low = table[0], high = table[255];
  for (int x = 0; x < 256; ++x) {
    const int clamped = x < low ? low : x > high ? high : x;
    if (table[x] != clamped) return false;
  }
  return true;
}

void clamp_bytes(const uint8_t* table, const uint8_t* x, uint8_t* y, int64_t count) {
  const __m512i low = _mm512_set1_epi8(static_cast<char>(table[0]));
  const __m512i high = _mm512_set1_epi8(static_cast<char>(table[255]));
  for (int64_t i = 0; i < count; i += 64) {
    const __mmask64 lanes = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
    const __m512i v = _mm512_maskz_loadu_epi8(lanes, x + i);
    _mm512_mask_storeu_epi8(y + i, lanes, _mm512_min_epu8(_mm512_max_epu8(v, low), high));
  }
}

// Each permutation looks up seven bits of the index; the eighth chooses between them.
[[gnu::target("avx512vbmi")]] void permute_bytes(const uint8_t* table, const uint8_t* x, uint8_t* y, int64_t count) {
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  for (int64_t i = 0; i < count; i += 64) {
    const __mmask64 lanes = count - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (count - i)) - 1;
    const __m512i v = _mm512_maskz_loadu_epi8(lanes, x + i);
    const __m512i low = _mm512_permutex2var_epi8(t0, v, t1), high = _mm512_permutex2var_epi8(t2, v, t3);
    _mm512_mask_storeu_epi8(y + i, lanes, _mm512_mask_mov_epi8(low, _mm512_movepi8_mask(v), high));
  }
}

void single_bytes(const uint8_t* table, const uint8_t* x, uint8_t* y, int64_t count) {
  for (int64_t i = 0; i < count; ++i) y[i] = table[x[i]];
}

void run(const LutProblem& p, const LutArgs& a, int64_t begin, int64_t end, void*) {
  static const bool vbmi = __builtin_cpu_supports("avx512vbmi");
  const auto look_up = only_clamps(a.table) ? clamp_bytes : vbmi ? permute_bytes : single_bytes;
  const int64_t pitch = pitch_of(p.channels);
  look_up(a.table, a.x + begin * pitch, a.y + begin * pitch, (end - begin) * pitch);
  for (int64_t pixel = begin; pixel < end && p.channels < pitch; ++pixel)
    for (int64_t c = p.channels; c < pitch; ++c) a.y[pixel * pitch + c] = static_cast<uint8_t>(p.zero_point);
}

}  // namespace

constinit const LutKernel kLutAvx512{"lut_avx512", Isa::kAvx512,           supports_all<LutProblem>,
                                     units,        no_scratch<LutProblem>, run};

}  // namespace qat::kernels
