// What the Winograd kernels of both 512-bit instruction sets share: vectors and epilogues.
#pragma once

#include "engine/cpu/conv/winograd_run.h"
#include "engine/cpu/tile/epilogue512.h"

namespace qat::kernels {
namespace {

struct Winograd512 {
  using Words = int16_t __attribute__((vector_size(64), may_alias));
  using Ints = uint32_t __attribute__((vector_size(64), may_alias));
  using Signed = int32_t __attribute__((vector_size(64), may_alias));

  static constexpr WordTile kTile{.max_rows = 14, .max_vectors = 2, .vector_columns = 16};
  static constexpr int kSideRows = 10;

  static Words broadcast(const uint8_t* x) {
    return reinterpret_cast<Words>(_mm512_broadcastd_epi32(_mm_loadu_si32(x)));
  }
  static Words load_words(const uint8_t* x) {
    return reinterpret_cast<Words>(_mm512_cvtepu8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x))));
  }

  static Words load_weights(const uint8_t* w) {
    return reinterpret_cast<Words>(_mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w))));
  }

  template <Finish How, int Vectors>
  struct PlainEpilogue {
    explicit PlainEpilogue(const TileTask& t) : constants(t) {}
    void store(const TileTask& at, const int32_t* sums, int count) const {
      store_quad<How>(constants, Place(at), sums, count);
    }
    Plain<Vectors> constants;
  };
  template <int Vectors>
  struct AnyEpilogue {
    static void store(const TileTask& at, const int32_t* sums, int count) { finish_rows(at, sums, count, Vectors); }
  };

  template <int Vectors, class Body>
  static void with_epilogue(const TileTask& base, const Body& body) {
    const Finish how = choose_finish(base, Vectors);
    if (how == Finish::kAny) return body(AnyEpilogue<Vectors>());
    with_plain(how, [&](auto way) { body(PlainEpilogue<way.value, Vectors>(base)); });
  }
};

}  // namespace
}  // namespace qat::kernels
