// Tiles of up to 16 rows x 32 columns for AMX, two of them at a time where there are two.
//
// Of the eight registers (16 rows of 64 bytes each) four hold sums, two the rows of activations, two the weights, which
// lie in a panel as vpdpbusd wants them: 16 steps of a vector of columns are a register. So 64 bytes of depth take four
// loads for four products of 16 x 16 x 64. Segments of weights are rounded up to 64 bytes with zeros, against which the
// activations that follow a segment do not count.
#include <immintrin.h>

#include <utility>

#include "engine/cpu/tile/epilogue512.h"

namespace qat::kernels {
namespace {

constexpr int64_t kSteps = 16;  // of 4 bytes, in a register's row

struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {};
};

// Registers 0..3: sums, 4 and 5: activations, 6 and 7: weights.
void configure(int rows) {
  TileConfig config;
  for (int i = 0; i < 6; ++i) config.rows[i] = static_cast<uint8_t>(rows);
  config.rows[6] = config.rows[7] = kSteps;
  asm volatile("" ::"r"(&config) : "memory");  // GCC 12's intrinsic says that it reads the first eight bytes only
  _tile_loadconfig(&config);
}

// The sums of `Tiles` tiles, one below the other, to memory: [row][Vectors][16].
template <int Rows, int Vectors, int Tiles>
void multiply(const TileTask& t, int32_t* sums) {
  const auto* panel = static_cast<const uint8_t*>(t.panel);
  _tile_loadd(0, panel, 0);
  if constexpr (Vectors == 2) _tile_loadd(1, panel + 64, 0);
  if constexpr (Tiles == 2) _tile_loadd(2, panel, 0);
  if constexpr (Tiles == 2 && Vectors == 2) _tile_loadd(3, panel + 64, 0);
  const uint8_t *w = panel + 64 * Vectors, *next = t.next;
  const int64_t share = Tiles * t.next_bytes * kSteps / ((t.steps + kSteps - 1) / kSteps * kSteps * t.segments);
  for (int64_t segment = 0; segment < t.segments; ++segment) {
    const uint8_t* x = t.rows + segment * t.segment_step;
    for (int64_t step = 0; step < t.steps; step += kSteps, x += 4 * kSteps, w += kSteps * 64 * Vectors) {
      _tile_loadd(6, w, 64 * Vectors);
      _tile_loadd(4, x, t.row_stride);
      _tile_dpbusd(0, 4, 6);
      if constexpr (Vectors == 2) {
        _tile_loadd(7, w + 64, 64 * Vectors);
        _tile_dpbusd(1, 4, 7);
      }
      if constexpr (Tiles == 2) {
        _tile_loadd(5, x + Rows * t.row_stride, t.row_stride);
        _tile_dpbusd(2, 5, 6);
      }
      if constexpr (Tiles == 2 && Vectors == 2) _tile_dpbusd(3, 5, 7);
      for (int64_t i = 0; i < share; i += 64) _mm_prefetch(next + i, _MM_HINT_T1);
      next += share;
    }
  }
  constexpr int kStride = 64 * Vectors, kTile = Rows * Vectors * 16;
  _tile_stored(0, sums, kStride);
  if constexpr (Vectors == 2) _tile_stored(1, sums + 16, kStride);
  if constexpr (Tiles == 2) _tile_stored(2, sums + kTile, kStride);
  if constexpr (Tiles == 2 && Vectors == 2) _tile_stored(3, sums + kTile + 16, kStride);
}

// Four rows at a time through registers.
template <Finish How, int Rows, int Vectors>
void store_memory(const Plain<Vectors>& plain, TileTask t, const int32_t* sums) {
  constexpr int kPart = Rows < 4 ? Rows : 4;
  Sums<kPart, Vectors> part;
#pragma GCC unroll 4
  for (int i = 0; i < kPart; ++i)
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) part.acc[i][v] = _mm512_load_si512(sums + (i * Vectors + v) * 16);
  store_rows<How, 0, kPart>(plain, Place(t), part);
  t.advance(kPart);
  if constexpr (Rows > kPart) store_memory<How, Rows - kPart>(plain, t, sums + kPart * Vectors * 16);
}

template <int Rows, int Vectors>
void finish_memory(Finish how, const TileTask& t, const int32_t* sums) {
  if (how == Finish::kAny) return finish_rows(t, sums, Rows, Vectors);
  const Plain<Vectors> plain(t);
  with_plain(how, [&](auto way) { store_memory<way.value, Rows>(plain, t, sums); });
}

// `Tiles` tiles, one below the other.
template <int Rows, int Vectors, int Tiles>
void finish_tiles(Finish how, TileTask& t, int32_t* sums) {
  multiply<Rows, Vectors, Tiles>(t, sums);
  for (int i = 0; i < Tiles; ++i, t.advance(Rows)) finish_memory<Rows, Vectors>(how, t, sums + i * Rows * Vectors * 16);
  t.next += Tiles * t.next_bytes;
}

template <int Rows, int Vectors>
void tile_amx(TileTask t, int64_t tiles) {
  const Finish how = choose_finish(t, Vectors);
  alignas(64) int32_t sums[2 * Rows * Vectors * 16];
  configure(Rows);
  for (int64_t run = 0; run < t.runs; ++run, t.next_run(tiles * Rows)) {
    for (int64_t i = 0; i < tiles / 2; ++i) finish_tiles<Rows, Vectors, 2>(how, t, sums);
    if (tiles % 2 == 1) finish_tiles<Rows, Vectors, 1>(how, t, sums);
  }
  _tile_release();
}

template <int... Row>
constexpr TileSet make_tiles(std::integer_sequence<int, Row...>) {
  return {.isa = Isa::kAmx,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = 16,
          .pairs = false,
          .depth_multiple = 4 * kSteps,
          .function = {{tile_amx<Row + 1, 1>...}, {tile_amx<Row + 1, 2>...}}};
}

}  // namespace

constinit const TileSet kTilesAmx = make_tiles(std::make_integer_sequence<int, 16>());

}  // namespace qat::kernels
