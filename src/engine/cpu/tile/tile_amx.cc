// Tiles of up to 16 rows x 32 columns for AMX, two of them at a time where there are two.
//
// Of the eight registers (16 rows of 64 bytes each) four hold sums, two the rows of activations, two the weights, which
// lie in a panel as vpdpbusd wants them: 16 steps of a vector of columns are a register. So 64 bytes of depth take four
// loads for four products of 16 x 16 x 64. Segments of weights are rounded up to 64 bytes with zeros, against which the
// activations that follow a segment do not count.
//
// A product occupies one of the two vector ports for 16 cycles, as storing a register of sums does, and for some 300
// cycles after any of them that port multiplies no vectors. So products and epilogues take turns in pieces as large as
// the first-level cache allows: a pair of tiles meets a group of panels, then their sums are finished. Deep rows do so
// in chunks of their depth, which stay in the first-level cache from panel to panel while sums wait in memory.
#include <immintrin.h>

#include <algorithm>

#include "engine/cpu/tile/config_amx.h"
#include "engine/cpu/tile/finish_amx.h"

namespace qat::kernels {
namespace {

constexpr int64_t kSteps = 16;              // of 4 bytes, in a register's row
constexpr int64_t kGroup = 2;               // panels whose sums wait: 8 KiB
constexpr int64_t kChunkBytes = 12 * 1024;  // of a pair's activations
constexpr int64_t kNearBytes = 512 * 1024;  // weights that stay in the second-level cache from pair to pair
constexpr int64_t kAhead = 2;               // registers of weights are fetched so many steps before

int64_t steps_of_segment(const TileTask& t) { return (t.steps + kSteps - 1) / kSteps; }  // of 64 bytes

// Weights to be fetched into the second-level cache, `share` bytes a step.
struct Ahead {
  const uint8_t* next;
  int64_t share;
  void step() {
    for (int64_t i = 0; i < share; i += 64) _mm_prefetch(next + i, _MM_HINT_T1);
    next += share;
  }
};

// Sums of the first `Tiles` tiles, from memory or, with a stride of 0, all rows alike.
template <int Vectors, int Tiles>
[[gnu::always_inline]] inline void load(const void* sums, int64_t second, int64_t stride) {
  const auto* from = static_cast<const uint8_t*>(sums);
  _tile_loadd(0, from, stride);
  if constexpr (Vectors == 2) _tile_loadd(1, from + 64, stride);
  if constexpr (Tiles == 2) _tile_loadd(2, from + second, stride);
  if constexpr (Tiles == 2 && Vectors == 2) _tile_loadd(3, from + second + 64, stride);
}

// Starts sums, at 0 where the zero point of the activations is 0, as behind a ReLU.
template <int Vectors, int Tiles>
[[gnu::always_inline]] inline void start(const uint8_t* panel) {
  __m512i any = _mm512_load_si512(panel);
  if constexpr (Vectors == 2) any = _mm512_or_si512(any, _mm512_load_si512(panel + 64));
  if (_mm512_test_epi32_mask(any, any) != 0) return load<Vectors, Tiles>(panel, 0, 0);
  _tile_zero(0);
  if constexpr (Vectors == 2) _tile_zero(1);
  if constexpr (Tiles == 2) _tile_zero(2);
  if constexpr (Tiles == 2 && Vectors == 2) _tile_zero(3);
}

// Adds steps [first, last) of a pair's rows times a panel to its sums.
template <int Vectors, int Tiles>
void multiply(const TileTask& t, const TilePair& pair, const uint8_t* panel, int64_t first, int64_t last, int32_t* sums,
              Ahead& ahead) {
  constexpr int64_t kStride = PanelSums<Vectors>::kColumns * 4, kTile = PanelSums<Vectors>::kTile;
  constexpr int64_t kStep = kSteps * kStride;  // bytes of weights
  if (first == 0) {
    start<Vectors, Tiles>(panel);
  } else {
    load<Vectors, Tiles>(sums, 4 * kTile, kStride);
  }
  const int64_t of_segment = steps_of_segment(t), second = Tiles == 2 ? pair.tile[1].x - pair.tile[0].x : 0;
  const uint8_t* w = panel + kStride + first * kStep;
  int64_t segment = first / of_segment, step = first % of_segment;
  for (int64_t left = last - first; left > 0; ++segment, step = 0) {
    const uint8_t* x = pair.tile[0].x + segment * t.segment_step + step * 4 * kSteps;
    const int64_t count = std::min(left, of_segment - step);
    for (int64_t i = 0; i < count; ++i, x += 4 * kSteps, w += kStep) {
      _tile_loadd(4, x, t.row_stride);
      _tile_loadd(6, w, kStride);
      if constexpr (Vectors == 2) _tile_loadd(7, w + 64, kStride);
      if constexpr (Tiles == 2) _tile_loadd(5, x + second, t.row_stride);
      _tile_dpbusd(0, 4, 6);
      if constexpr (Vectors == 2) _tile_dpbusd(1, 4, 7);
#pragma GCC unroll 32
      for (int64_t line = 0; line < kStep; line += 64) _mm_prefetch(w + kAhead * kStep + line, _MM_HINT_T0);
      if constexpr (Tiles == 2) _tile_dpbusd(2, 5, 6);
      if constexpr (Tiles == 2 && Vectors == 2) _tile_dpbusd(3, 5, 7);
      ahead.step();
    }
    left -= count;
  }
  _tile_stored(0, sums, kStride);
  if constexpr (Vectors == 2) _tile_stored(1, sums + 16, kStride);
  if constexpr (Tiles == 2) _tile_stored(2, sums + kTile, kStride);
  if constexpr (Tiles == 2 && Vectors == 2) _tile_stored(3, sums + kTile + 16, kStride);
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
FinishPanels finish_of(const TileTask& t) {
  FinishPanels finish = finish_panels<Finish::kAny, Vectors>;
  with_plain(choose_finish_of_range(t, Vectors), [&](auto how) { finish = finish_panels<how.value, Vectors>; });
  return finish;
}

// All rows of a task times its panels.
template <int Vectors>
class Call {
  using S = PanelSums<Vectors>;

 public:
  explicit Call(const TileTask& t)
      : t_(t),
        rows_(t, kMaxTileRows),
        pairs_((rows_.count() + 1) / 2),
        steps_(t.segments * steps_of_segment(t)),
        chunks_(std::clamp<int64_t>(bytes_of_pair(t) / kChunkBytes, 1, steps_)),
        finish_(finish_of<Vectors>(t)) {}

  void run() {
    Ahead ahead{t_.next, t_.next_bytes / (pairs_ * t_.panels * steps_)};
    if (t_.panels * t_.panel_bytes <= kNearBytes) {
      for (int64_t i = 0; i < pairs_; ++i) {
        const TilePair pair = at(i);
        for (int64_t panel = 0; panel < t_.panels; panel += kGroup) multiply_panels(pair, panel, ahead);
      }
    } else {
      for (int64_t panel = 0; panel < t_.panels; panel += kGroup)
        for (int64_t i = 0; i < pairs_; ++i) multiply_panels(at(i), panel, ahead);
    }
    _tile_release();
  }

 private:
  static int64_t bytes_of_pair(const TileTask& t) {
    const int64_t segment = t.steps * 4, fresh = std::min(segment, t.row_stride);
    return 2 * t.segments * (kMaxTileRows * fresh + segment - fresh);
  }

  const uint8_t* panel_at(int64_t panel) const {
    return static_cast<const uint8_t*>(t_.panel) + panel * t_.panel_bytes;
  }

  TilePair at(int64_t index) {
    TilePair pair{.tile = {rows_.at(2 * index), {}}, .count = 1};
    if (2 * index + 1 < rows_.count()) pair.tile[pair.count++] = rows_.at(2 * index + 1);
    const int first = pair.tile[0].rows, second = pair.tile[pair.count - 1].rows;
    if (first != first_ || second != second_) configure_tiles(first_ = first, second_ = second);
    return pair;
  }

  // A pair times up to kGroup panels.
  void multiply_panels(const TilePair& pair, int64_t panel, Ahead& ahead) {
    const int64_t count = std::min(kGroup, t_.panels - panel), chunks = count > 1 ? chunks_ : 1;
    for (int64_t chunk = 0; chunk < chunks; ++chunk) {
      const int64_t first = steps_ * chunk / chunks, last = steps_ * (chunk + 1) / chunks;
      for (int64_t i = 0; i < count; ++i) {
        int32_t* sums = sums_ + i * S::kCount;
        if (pair.count == 2) {
          multiply<Vectors, 2>(t_, pair, panel_at(panel + i), first, last, sums, ahead);
        } else {
          multiply<Vectors, 1>(t_, pair, panel_at(panel + i), first, last, sums, ahead);
        }
      }
    }
    finish_(t_, panel, count, pair, sums_);
  }

  const TileTask& t_;
  RowTiles rows_;
  int64_t pairs_, steps_, chunks_;
  FinishPanels finish_;
  int first_ = 0, second_ = 0;  // heights that registers are configured for
  alignas(64) int32_t sums_[kGroup * S::kCount];
};

void run_task(const TileTask& t, int vectors) {
  if (vectors == 2) {
    Call<2>(t).run();
  } else {
    Call<1>(t).run();
  }
}

}  // namespace

constinit const TileSet kTilesAmx = {.isa = Isa::kAmx,
                                     .max_rows = kMaxTileRows,
                                     .max_vectors = 2,
                                     .vector_columns = 16,
                                     .pairs = false,
                                     .depth_multiple = 4 * kSteps,
                                     .block_bytes = 768 * 1024,
                                     .run = run_task,
                                     .function = {}};

}  // namespace qat::kernels
