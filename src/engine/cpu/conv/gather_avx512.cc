// Gathering rows in pieces of 64 bytes, for AVX-512.
#include <immintrin.h>

#include "engine/cpu/conv/gather_dense.h"

namespace qat::kernels {
namespace {

// Four rows of sixteen dwords, transposed: lane i of vector j is column 4 * i + j, its three lower bytes of each row.
struct Columns {
  Columns(const uint8_t* const* rows, int64_t count, int64_t offset) {
    __m512i row[4];
#pragma GCC unroll 4
    for (int64_t r = 0; r < 4; ++r) row[r] = _mm512_loadu_si512(rows[r < count ? r : 0] + offset);
    const __m512i low01 = _mm512_unpacklo_epi32(row[0], row[1]), high01 = _mm512_unpackhi_epi32(row[0], row[1]);
    const __m512i low23 = _mm512_unpacklo_epi32(row[2], row[3]), high23 = _mm512_unpackhi_epi32(row[2], row[3]);
    const __m512i three = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 4, 5, 6, 8, 9, 10, 12, 13, 14, -1, -1, -1, -1));
    columns[0] = _mm512_shuffle_epi8(_mm512_unpacklo_epi64(low01, low23), three);
    columns[1] = _mm512_shuffle_epi8(_mm512_unpackhi_epi64(low01, low23), three);
    columns[2] = _mm512_shuffle_epi8(_mm512_unpacklo_epi64(high01, high23), three);
    columns[3] = _mm512_shuffle_epi8(_mm512_unpackhi_epi64(high01, high23), three);
  }
  template <int Lane>
  [[gnu::always_inline]] void store(int column, uint8_t* to) const {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_extracti32x4_epi32(columns[column], Lane));
  }
  __m512i columns[4];
};

template <int Lane>
[[gnu::always_inline]] inline uint8_t* store_lane(const Columns& upper, const Columns& lower, int64_t bytes,
                                                  uint8_t* to) {
#pragma GCC unroll 4
  for (int j = 0; j < 4; ++j, to += bytes) {  // upwards: a store goes over what follows, which is written later
    upper.store<Lane>(j, to);
    lower.store<Lane>(j, to + 12);
  }
  return to;
}

// An image's three channels, in four bytes, for five to eight tap rows: sixteen columns at a time.
void gather_columns_avx512(const ColumnTask& t) {
  const bool fits = t.channels == 3 && t.pitch == 4 && t.tap_rows > 4 && t.tap_rows <= 8;
  const int64_t bytes = 3 * t.tap_rows, vectors = fits ? t.pixels / 16 : 0;
  uint8_t* to = t.to;
  for (int64_t i = 0; i < vectors; ++i) {
    const Columns upper(t.rows, 4, 64 * i), lower(t.rows + 4, t.tap_rows - 4, 64 * i);
    to = store_lane<0>(upper, lower, bytes, to);
    to = store_lane<1>(upper, lower, bytes, to);
    to = store_lane<2>(upper, lower, bytes, to);
    to = store_lane<3>(upper, lower, bytes, to);
  }
  gather_columns_from(t, 16 * vectors);
}

}  // namespace

constinit const Gather kGatherAvx512 = make_gather<64>(gather_columns_avx512, gather_dense_fours);

}  // namespace qat::kernels
