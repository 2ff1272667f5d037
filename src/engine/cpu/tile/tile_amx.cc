// Tiles of up to 16 rows x 32 columns for AMX, two of them at a time where there are two.
//
// Of the eight registers (16 rows of 64 bytes each) four hold sums, two the rows of activations, two the weights, which
// lie in a panel as vpdpbusd wants them: 16 steps of a vector of columns are a register. So 64 bytes of depth take four
// loads for four products of 16 x 16 x 64. Segments of weights are rounded up to 64 bytes with zeros, against which the
// activations that follow a segment do not count.
//
// Products run on a unit of their own, an epilogue on those of the vectors, and for a depth of 64 bytes it takes twice
// as long. So sums go to memory, and the epilogue of a pair of tiles is worked off between the products of the next
// one.
#include <immintrin.h>

#include <utility>

#include "engine/cpu/tile/epilogue512.h"

namespace qat::kernels {
namespace {

constexpr int64_t kSteps = 16;  // of 4 bytes, in a register's row
constexpr int kQuad = 4;        // rows that are finished together

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

// Up to two tiles whose sums are in memory, [tile][16][Vectors][16], to be finished.
template <int Vectors>
struct Backlog {
  static constexpr int64_t kTile = int64_t{16} * Vectors * 16;

  void add(const TileTask& t) { tiles[count++] = {t.y, t.skip}; }
  bool done() const { return at == count; }

  struct Tile {
    uint8_t* y;
    const uint8_t* skip;
  };
  const int32_t* sums = nullptr;
  Tile tiles[2] = {};
  int count = 0;        // tiles
  int at = 0, row = 0;  // the next ones
};

// The next quad of the backlog; there is one. `at`: any place of the call; `rows`: the height of its tiles.
template <Finish How, int Vectors>
[[gnu::always_inline]] inline void finish_quad(const Plain<Vectors>& plain, Place at, int rows, Backlog<Vectors>& b) {
  const int32_t* sums = b.sums + b.at * Backlog<Vectors>::kTile + b.row * Vectors * 16;
  at.y = b.tiles[b.at].y + b.row * at.y_stride;
  at.skip = b.tiles[b.at].skip + b.row * at.skip_stride;
  store_quad<How>(plain, at, sums, rows - b.row);
  b.row += kQuad;
  if (b.row >= rows) b.row = 0, ++b.at;
}

// Of 64 bytes of depth, in all segments.
int64_t steps_of(const TileTask& t) { return t.segments * ((t.steps + kSteps - 1) / kSteps); }

// Do sums start at 0? They do where the zero point of the activations is 0, as behind a ReLU.
template <int Vectors>
bool starts_at_zero(const TileTask& t) {
  __m512i any = _mm512_load_si512(t.panel);
  if constexpr (Vectors == 2) any = _mm512_or_si512(any, _mm512_load_si512(static_cast<const uint8_t*>(t.panel) + 64));
  return _mm512_test_epi32_mask(any, any) == 0;
}

template <int Vectors, int Tiles>
[[gnu::always_inline]] inline void start(const uint8_t* panel, bool zero) {
  if (zero) {
    _tile_zero(0);
    if constexpr (Vectors == 2) _tile_zero(1);
    if constexpr (Tiles == 2) _tile_zero(2);
    if constexpr (Tiles == 2 && Vectors == 2) _tile_zero(3);
  } else {
    _tile_loadd(0, panel, 0);
    if constexpr (Vectors == 2) _tile_loadd(1, panel + 64, 0);
    if constexpr (Tiles == 2) _tile_loadd(2, panel, 0);
    if constexpr (Tiles == 2 && Vectors == 2) _tile_loadd(3, panel + 64, 0);
  }
}

// The sums of the tile whose rows begin at `rows`, and of the one whose begin `second` bytes further where there are
// two, to memory. `between` is called after each step's products.
template <int Vectors, int Tiles, class Between>
[[gnu::always_inline]] inline void multiply(const TileTask& t, const uint8_t* rows, int64_t second, bool zero,
                                            int32_t* sums, const Between& between) {
  const auto* panel = static_cast<const uint8_t*>(t.panel);
  start<Vectors, Tiles>(panel, zero);
  const uint8_t *w = panel + 64 * Vectors, *next = t.next;
  const int64_t share = Tiles * t.next_bytes / steps_of(t);
  for (int64_t segment = 0; segment < t.segments; ++segment) {
    const uint8_t* x = rows + segment * t.segment_step;
    for (int64_t step = 0; step < t.steps; step += kSteps, x += 4 * kSteps, w += kSteps * 64 * Vectors) {
      _tile_loadd(4, x, t.row_stride);  // all loads first: 3 to 8 % faster than each before its product
      _tile_loadd(6, w, 64 * Vectors);
      if constexpr (Vectors == 2) _tile_loadd(7, w + 64, 64 * Vectors);
      if constexpr (Tiles == 2) _tile_loadd(5, x + second, t.row_stride);
      _tile_dpbusd(0, 4, 6);
      if constexpr (Vectors == 2) _tile_dpbusd(1, 4, 7);
      if constexpr (Tiles == 2) _tile_dpbusd(2, 5, 6);
      if constexpr (Tiles == 2 && Vectors == 2) _tile_dpbusd(3, 5, 7);
      for (int64_t i = 0; i < share; i += 64) _mm_prefetch(next + i, _MM_HINT_T1);
      next += share;
      between();
    }
  }
  constexpr int kStride = 64 * Vectors;
  constexpr int64_t kTile = Backlog<Vectors>::kTile;
  _tile_stored(0, sums, kStride);
  if constexpr (Vectors == 2) _tile_stored(1, sums + 16, kStride);
  if constexpr (Tiles == 2) _tile_stored(2, sums + kTile, kStride);
  if constexpr (Tiles == 2 && Vectors == 2) _tile_stored(3, sums + kTile + 16, kStride);
}

// The tiles of a call, two by two. finish(backlog) finishes the next quad, or more.
template <int Vectors, class FinishNext>
[[gnu::always_inline]] inline void run_pairs(TileTask t, int64_t tiles, int rows, const FinishNext& finish) {
  alignas(64) int32_t sums[2][2 * Backlog<Vectors>::kTile];
  const int64_t steps = steps_of(t), quads = 2 * ((rows + kQuad - 1) / kQuad);
  const int64_t share = (quads + steps - 1) / steps;  // of a step
  const bool zero = starts_at_zero<Vectors>(t);
  Backlog<Vectors> backlog;
  const auto between = [&] {
    for (int64_t i = 0; i < share && !backlog.done(); ++i) finish(backlog);
  };
  TileWalk walk(t, rows, tiles);
  configure(rows);
  bool more = true;
  for (int side = 0; more; side ^= 1) {
    Backlog<Vectors> made{.sums = sums[side]};
    made.add(t);
    const uint8_t* first = t.rows;
    more = walk.next();
    if (more) {
      made.add(t);
      multiply<Vectors, 2>(t, first, t.rows - first, zero, sums[side], between);
      more = walk.next();
    } else {
      multiply<Vectors, 1>(t, first, 0, zero, sums[side], between);
    }
    t.next += made.count * t.next_bytes;
    backlog = made;
  }
  _tile_release();
  while (!backlog.done()) finish(backlog);
}

template <int Vectors>
void tiles_of(const TileTask& t, int64_t tiles, int rows) {
  const Finish how = choose_finish(t, Vectors);
  if (how == Finish::kAny) {
    TileTask tile = t;
    run_pairs<Vectors>(t, tiles, rows, [&](Backlog<Vectors>& b) {
      tile.y = b.tiles[b.at].y, tile.skip = b.tiles[b.at].skip;
      finish_rows(tile, b.sums + b.at * Backlog<Vectors>::kTile, rows, Vectors);
      ++b.at;
    });
    return;
  }
  const Plain<Vectors> plain(t);
  const Place place(t);
  with_plain(how, [&](auto way) {
    run_pairs<Vectors>(t, tiles, rows, [&](Backlog<Vectors>& b) { finish_quad<way.value>(plain, place, rows, b); });
  });
}

template <int Rows, int Vectors>
void tile_amx(TileTask t, int64_t tiles) {
  tiles_of<Vectors>(t, tiles, Rows);
}

template <int... Row>
constexpr TileSet make_tiles(std::integer_sequence<int, Row...>) {
  return {.isa = Isa::kAmx,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = 16,
          .pairs = false,
          .depth_multiple = 4 * kSteps,
          .block_bytes = 768 * 1024,
          .function = {{tile_amx<Row + 1, 1>...}, {tile_amx<Row + 1, 2>...}}};
}

}  // namespace

constinit const TileSet kTilesAmx = make_tiles(std::make_integer_sequence<int, 16>());

}  // namespace qat::kernels
