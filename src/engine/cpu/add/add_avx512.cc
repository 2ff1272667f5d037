// The add kernel for AVX-512: 64 sums at a time, packed with saturation; curves and float outputs sixteen at a time.
#include "engine/cpu/add/add_lanes.h"
#include "engine/cpu/tile/tile.h"
#include "engine/cpu/tile/vector_avx512.h"

namespace qat::kernels {
namespace {

struct Operand {
  __m512 scale;
  __m512i zero_point;

  [[gnu::always_inline]] __m512 load(const uint8_t* x) const {
    const __m512i q = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
    return _mm512_cvtepi32_ps(_mm512_sub_epi32(q, zero_point));
  }
};

// The upper bound before rounding, the lower one when packing saturates, as in epilogue512.h.
[[gnu::always_inline]] inline __m512i sum16(const Operand& a, const Operand& b, __m512 high, const uint8_t* xa,
                                            const uint8_t* xb) {
  const __m512 v = _mm512_fmadd_ps(b.load(xb), b.scale, _mm512_mul_ps(a.load(xa), a.scale));
  return _mm512_cvtps_epi32(_mm512_min_ps(high, v));
}

// Bytes of pads are summed like any other and overwritten later.
void run_plain(const AddProblem& p, const TileEpilogue& e, const AddArgs& args, int64_t first, int64_t last) {
  const Operand a{_mm512_set1_ps(p.a_scale), _mm512_set1_epi32(p.a_zero_point)};
  const Operand b{_mm512_set1_ps(p.b_scale), _mm512_set1_epi32(p.b_zero_point)};
  const __m512 high = _mm512_set1_ps(e.high);
  const __m512i zero_point = _mm512_set1_epi16(static_cast<short>(e.full.zero_point));
  const __m512i lowest = _mm512_set1_epi8(static_cast<char>(e.lowest));
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  auto* y = static_cast<uint8_t*>(args.y);
  for (int64_t i = first; i < last; i += 64) {
    __m512i q[4];
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) q[v] = sum16(a, b, high, args.a + i + 16 * v, args.b + i + 16 * v);
    const __m512i low_half = _mm512_adds_epi16(_mm512_packs_epi32(q[0], q[1]), zero_point);
    const __m512i high_half = _mm512_adds_epi16(_mm512_packs_epi32(q[2], q[3]), zero_point);
    const __m512i bytes = _mm512_max_epu8(_mm512_packus_epi16(low_half, high_half), lowest);
    const __mmask64 lanes = last - i >= 64 ? ~__mmask64{0} : (__mmask64{1} << (last - i)) - 1;
    _mm512_mask_storeu_epi8(y + i, lanes, _mm512_permutexvar_epi32(order, bytes));
  }
}

void run512(const AddProblem& p, const AddArgs& args, int64_t begin, int64_t end, void* scratch) {
  const TileEpilogue epilogue(p.epilogue);
  if (!epilogue.plain) return run<Lanes512>(p, args, begin, end, scratch);
  const int64_t pitch = pitch_of(p.channels);
  run_plain(p, epilogue, args, begin * pitch, end * pitch);
  store_pads(p.epilogue, args.y, begin, end, p.channels);
}

}  // namespace

constinit const AddKernel kAddAvx512{"add_avx512", Isa::kAvx512,           supports_all<AddProblem>,
                                     units,        no_scratch<AddProblem>, run512};

}  // namespace qat::kernels
