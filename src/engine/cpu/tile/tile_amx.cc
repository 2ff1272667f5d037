// Tiles of up to 16 rows x 32 columns for AMX, two of them at a time where there are two.
//
// Of the eight registers (16 rows of 64 bytes each) four hold sums, two the rows of activations, two the weights, which
// lie in a panel as vpdpbusd wants them: 16 steps of a vector of columns are a register. So 64 bytes of depth take four
// loads for four products of 16 x 16 x 64. Segments of weights are rounded up to 64 bytes with zeros, against which the
// activations that follow a segment do not count.
//
// Products run on a unit of their own, an epilogue on those of the vectors, and for a depth of 64 bytes it takes twice
// as long. So sums go to memory, and the epilogue of a pair of tiles is worked off between the products of the next
// one, across the panels of a call. Two panels are finished together, in whole lines of y.
#include <immintrin.h>

#include <algorithm>
#include <utility>

#include "engine/cpu/tile/config_amx.h"
#include "engine/cpu/tile/job_amx.h"

namespace qat::kernels {
namespace {

constexpr int64_t kSteps = 16;  // of 4 bytes, in a register's row
constexpr int64_t kDeep = 32;   // of 64 bytes: segments that are deeper are read once a panel, not once a pair of tiles

// Of 64 bytes of depth, in all segments.
int64_t steps_of(const TileTask& t) { return t.segments * ((t.steps + kSteps - 1) / kSteps); }

// Starts sums, at 0 where the zero point of the activations is 0, as behind a ReLU.
template <int Vectors, int Tiles>
[[gnu::always_inline]] inline void start(const uint8_t* panel) {
  __m512i any = _mm512_load_si512(panel);
  if constexpr (Vectors == 2) any = _mm512_or_si512(any, _mm512_load_si512(panel + 64));
  if (_mm512_test_epi32_mask(any, any) == 0) {
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

// Weights to be fetched, `share` bytes a step.
struct Ahead {
  const uint8_t* next;
  int64_t share;
  void step() {
    for (int64_t i = 0; i < share; i += 64) _mm_prefetch(next + i, _MM_HINT_T1);
    next += share;
  }
};

// The sums of the tile whose rows begin at `rows`, and of the one whose begin `second` bytes further where there are
// two, to memory. `between` is called twice a step, before its last products and after them (true).
template <int Vectors, int Tiles, class Between>
[[gnu::always_inline]] inline void multiply(const TileTask& t, const uint8_t* panel, const uint8_t* rows,
                                            int64_t second, int32_t* sums, Ahead& ahead, const Between& between) {
  start<Vectors, Tiles>(panel);
  const uint8_t* w = panel + 64 * Vectors;
  for (int64_t segment = 0; segment < t.segments; ++segment) {
    const uint8_t* x = rows + segment * t.segment_step;
    for (int64_t step = 0; step < t.steps; step += kSteps, x += 4 * kSteps, w += kSteps * 64 * Vectors) {
      _tile_loadd(4, x, t.row_stride);  // all loads first: 3 to 8 % faster than each before its product
      _tile_loadd(6, w, 64 * Vectors);
      if constexpr (Vectors == 2) _tile_loadd(7, w + 64, 64 * Vectors);
      if constexpr (Tiles == 2) _tile_loadd(5, x + second, t.row_stride);
      _tile_dpbusd(0, 4, 6);
      if constexpr (Vectors == 2) _tile_dpbusd(1, 4, 7);
      between(false);
      if constexpr (Tiles == 2) _tile_dpbusd(2, 5, 6);
      if constexpr (Tiles == 2 && Vectors == 2) _tile_dpbusd(3, 5, 7);
      between(true);
      ahead.step();
    }
  }
  constexpr int kStride = 64 * Vectors;
  constexpr int64_t kTile = Job<Vectors, 1>::kTile;
  _tile_stored(0, sums, kStride);
  if constexpr (Vectors == 2) _tile_stored(1, sums + 16, kStride);
  if constexpr (Tiles == 2) _tile_stored(2, sums + kTile, kStride);
  if constexpr (Tiles == 2 && Vectors == 2) _tile_stored(3, sums + kTile + 16, kStride);
}

// Jobs one after the other: while one is multiplied, the one before is finished.
template <int Vectors, int Panels>
class Jobs {
  using J = Job<Vectors, Panels>;

 public:
  Jobs(const TileTask& t, int rows, bool any, FinishSome<Vectors, Panels> finish)
      : columns_{JobColumns<Vectors, Panels>(t), JobColumns<Vectors, Panels>(t)},
        finish_(finish),
        steps_(Panels * steps_of(t)),
        whole_steps_(steps_of(t) == 1),
        rows_(rows),
        pieces_(any ? 1 : (rows + J::kRows - 1) / J::kRows) {}
  ~Jobs() { complete(); }
  Jobs(const Jobs&) = delete;
  Jobs& operator=(const Jobs&) = delete;

  void set_columns(const TileTask& t, int64_t panel) {
    current_ ^= 1;
    columns_[current_].set(t, panel);
  }

  // The tile at t.rows, and the one `second` bytes further where `tiles` is 2. made: the job but for its sums.
  void run(const TileTask& t, const uint8_t* panel, const uint8_t* rows, int64_t second, J made, Ahead ahead) {
    side_ ^= 1;
    made.sums = sums_[side_];
    made.columns = &columns_[current_];
    const int64_t pieces = before_.count * pieces_, slots = steps_ * (whole_steps_ ? 1 : 2);
    int64_t due = 0;
    const auto between = [&](bool end) {
      if (whole_steps_ && !end) return;
      due += pieces;
      const int64_t now = due / slots;
      if (now > 0) finish_(before_, rows_, now), due -= now * slots;
    };
    for (int i = 0; i < Panels; ++i) {
      int32_t* sums = sums_[side_] + i * 2 * J::kTile;
      if (made.count == 2) {
        multiply<Vectors, 2>(t, panel + i * t.panel_bytes, rows, second, sums, ahead, between);
      } else {
        multiply<Vectors, 1>(t, panel + i * t.panel_bytes, rows, 0, sums, ahead, between);
      }
    }
    before_ = made;
  }

 private:
  void complete() {
    if (before_.count > 0) finish_(before_, rows_, before_.count * pieces_);
  }

  alignas(64) int32_t sums_[2][Panels * 2 * J::kTile];
  JobColumns<Vectors, Panels> columns_[2];
  FinishSome<Vectors, Panels> finish_;
  int64_t steps_;
  bool whole_steps_;   // depths of one step are finished 15 % faster behind all of its products, others 5 % slower
  int rows_, pieces_;  // of a tile
  int current_ = 0, side_ = 0;
  J before_;
};

// The tiles of a call times panels [first, last). Panels follow each other for a pair of tiles, whose rows and lines of
// y and skip stay in the first-level cache, or, where they are deep, for all tiles of the call.
template <int Vectors, int Panels>
void run_range(const TileTask& t, int64_t tiles, int rows, int64_t first, int64_t last, bool any,
               FinishSome<Vectors, Panels> finish) {
  const bool by_pairs = t.panels > 1 && t.segments == 1 && steps_of(t) <= kDeep;
  const int64_t group = by_pairs ? std::min<int64_t>(2, tiles * t.runs) : tiles * t.runs;
  Jobs<Vectors, Panels> jobs(t, rows, any, finish);
  TileTask begin = t;
  TileWalk walk(begin, rows, tiles);
  bool fetch = true;
  for (bool more = true; more; fetch = false) {
    TileTask at = begin;
    TileWalk end = walk;
    bool left = true;
    for (int64_t panel = first; panel < last; panel += Panels) {
      at = begin, end = TileWalk(walk, at), left = true;
      jobs.set_columns(t, panel);
      const uint8_t* weights = static_cast<const uint8_t*>(t.panel) + panel * t.panel_bytes;
      const int64_t y_offset = panel * t.y_step;
      const int64_t skip_offset = t.skip == nullptr ? 0 : panel * JobColumns<Vectors, Panels>::kCount;
      const bool inner = panel + Panels < t.panels;
      const uint8_t* next = inner ? weights + Panels * t.panel_bytes : t.next;
      const int64_t bytes = !fetch ? 0 : inner ? Panels * t.panel_bytes / group : t.next_bytes;
      for (int64_t done = 0; left && done < group;) {
        const uint8_t* x = at.rows;
        int64_t second = 0;
        Job<Vectors, Panels> made;
        made.add(at.y + y_offset, at.skip + skip_offset);
        left = end.next();
        if (left && done + 1 < group) {
          made.add(at.y + y_offset, at.skip + skip_offset);
          second = at.rows - x;
          left = end.next();
        }
        const int64_t share = made.count * bytes / (Panels * steps_of(t));
        jobs.run(t, weights, x, second, made, {next + done * bytes, share});
        done += made.count;
      }
    }
    begin = at, walk = TileWalk(end, begin), more = left;
  }
}

// How all panels of a range end.
Finish choose_finish_of_range(TileTask t, int vectors) {
  Finish how = Finish::kAny;
  for (int64_t panel = 0; panel < t.panels; ++panel, t.multiplier += 16 * vectors, t.bias += 16 * vectors) {
    how = choose_finish(t, vectors);
    if (how == Finish::kAny) break;
    t.channels -= int64_t{16} * vectors;
  }
  return how;
}

template <int Vectors>
void tiles_of(const TileTask& t, int64_t tiles, int rows) {
  const Finish how = choose_finish_of_range(t, Vectors);
  configure_tiles(rows);
  if (how == Finish::kAny)
    run_range<Vectors, 1>(t, tiles, rows, 0, t.panels, true, finish_some<Finish::kAny, Vectors, 1>);
  with_plain(how, [&](auto way) {
    int64_t wide = 0;
    if constexpr (Vectors == 2) {
      if (t.segments == 1 && steps_of(t) <= kDeep) wide = t.panels / 2 * 2;
      if (wide > 0) run_range<2, 2>(t, tiles, rows, 0, wide, false, finish_some<way.value, 2, 2>);
    }
    if (wide < t.panels)
      run_range<Vectors, 1>(t, tiles, rows, wide, t.panels, false, finish_some<way.value, Vectors, 1>);
  });
  _tile_release();
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
          .ranges = true,
          .function = {{tile_amx<Row + 1, 1>...}, {tile_amx<Row + 1, 2>...}}};
}

}  // namespace

constinit const TileSet kTilesAmx = make_tiles(std::make_integer_sequence<int, 16>());

}  // namespace qat::kernels
