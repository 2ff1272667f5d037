// What the Winograd kernels of both 256-bit instruction sets share: vectors and epilogues.
#pragma once

#include "engine/cpu/conv/winograd_run.h"
#include "engine/cpu/tile/tile256.h"

namespace qat::kernels {
namespace {

struct Winograd256 {
  using Words = int16_t __attribute__((vector_size(32), may_alias));
  using Ints = uint32_t __attribute__((vector_size(32), may_alias));
  using Signed = int32_t __attribute__((vector_size(32), may_alias));

  static constexpr WordTile kTile{.max_rows = 6, .max_vectors = 2, .vector_columns = 8};
  static constexpr int kSideRows = 0;

  static Words broadcast(const uint8_t* x) {
    return reinterpret_cast<Words>(_mm256_broadcastd_epi32(_mm_loadu_si32(x)));
  }
  static Words load_words(const uint8_t* x) {
    return reinterpret_cast<Words>(_mm256_cvtepu8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x))));
  }

  static Words load_weights(const uint8_t* w) {
    return reinterpret_cast<Words>(_mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w))));
  }

  template <bool Skip, int Vectors>
  struct PlainEpilogue {
    explicit PlainEpilogue(const TileTask& t) : constants(t) {}
    void store(TileTask at, const int32_t* sums, int count) const {
      for (int i = 0; i < count; ++i, sums += 8 * Vectors, at.advance(1)) {
        __m256i part[1][Vectors];
        for (int v = 0; v < Vectors; ++v)
          part[0][v] = _mm256_load_si256(reinterpret_cast<const __m256i*>(sums + 8 * v));
        store_plain256<Skip>(at, constants, part);
      }
    }
    Plain256<Vectors> constants;
  };
  template <int Vectors>
  struct AnyEpilogue {
    static void store(const TileTask& at, const int32_t* sums, int count) { finish_rows256(at, sums, count, Vectors); }
  };

  template <int Vectors, class Body>
  static void with_epilogue(const TileTask& base, const Body& body) {
    if (!base.epilogue->plain) return body(AnyEpilogue<Vectors>());
    if (base.epilogue->full.has_skip) return body(PlainEpilogue<true, Vectors>(base));
    body(PlainEpilogue<false, Vectors>(base));
  }
};

}  // namespace
}  // namespace qat::kernels
