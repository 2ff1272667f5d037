// Register tiles: the inner product of a few rows of activations with one panel of packed weights, epilogue included.
//
// Convolution and fully connected layers are both "rows times panels": a row is the receptive field of one output
// pixel, one or more segments of contiguous bytes (conv/windows.h); a panel is the weights of `columns` output
// channels, packed as panels.h says. A tile keeps rows x columns int32 sums in registers.
#pragma once

#include "engine/cpu/epilogue.h"
#include "engine/cpu/kernel.h"

namespace qat::kernels {

// The epilogue with its clip folded into integer bounds: rounding is monotone, so clamping before or after it is the
// same. `plain` epilogues (no curve, u8 output) finish in registers; others go through finish_rows().
struct TileEpilogue {
  explicit TileEpilogue(const Epilogue& e);
  Epilogue full;
  bool plain;
  float high;      // of v, an integer
  uint8_t lowest;  // stored values
  uint8_t highest;
};

// Rows times one panel: some runs of `run` rows each, which lie apart in x and follow each other in y and skip.
struct TileTask {
  const uint8_t* rows = nullptr;  // first row; 4-byte steps
  int64_t row_stride = 0;         // bytes
  int64_t run = 0, runs = 1;
  int64_t run_stride = 0;  // bytes between the first rows of two runs
  // Of a run, for TileSet::run: `line` rows that have results, then `gap` that have none, and so on; line 0: all have.
  int64_t line = 0, gap = 0;
  int64_t steps = 0;  // of a segment: its bytes / 4
  int64_t segments = 1;
  int64_t segment_step = 0;  // bytes between the starts of two segments
  const void* panel = nullptr;
  const TileEpilogue* epilogue = nullptr;
  const float* multiplier = nullptr;  // of the panel's first channel, as bias, skip and y are
  const float* bias = nullptr;
  int64_t channels = 0;  // of the panel, 1..columns
  const uint8_t* skip = nullptr;
  int64_t skip_stride = 0;  // bytes
  uint8_t* y = nullptr;
  int64_t y_stride = 0;  // bytes

  // A range of panels, where the tiles take one (TileSet): `channels` are those of all, and the bytes between two
  // panels are those of the weights and of their results in y.
  int64_t panels = 1;
  int64_t panel_bytes = 0, y_step = 0;

  // Weights that come after these, fetched into the second-level cache meanwhile: `next_bytes` a tile, or in all for
  // TileSet::run.
  const uint8_t* next = nullptr;
  int64_t next_bytes = 0;

  void advance(int64_t count) {  // rows of the same run
    rows += count * row_stride;
    y += count * y_stride;
    skip += count * skip_stride;
  }
  void next_run(int64_t done) {  // from `done` rows after the start of this one
    rows += run_stride - done * row_stride;
    y += (run - done) * y_stride;
    skip += (run - done) * skip_stride;
  }
};

// Before a panel's epilogue waits for them: they are a few lines each, which no processor foresees.
inline void fetch_constants(const float* multiplier, const float* bias, int64_t channels) {
  for (int64_t i = 0; i < channels; i += 16) __builtin_prefetch(multiplier + i), __builtin_prefetch(bias + i);
}

// Walks over the tiles of a call: `tiles` of `height` rows, one below the other, from the start of each run on.
class TileWalk {
 public:
  TileWalk(TileTask& task, int64_t height, int64_t tiles)
      : task_(&task), height_(height), tiles_(tiles), in_run_(tiles), runs_(task.runs) {}

  // To the next tile; false after the last.
  bool next() {
    if (--in_run_ > 0) {
      task_->advance(height_);
      return true;
    }
    if (--runs_ == 0) return false;
    in_run_ = tiles_;
    task_->next_run((tiles_ - 1) * height_);
    return true;
  }

 private:
  TileTask* task_;
  int64_t height_, tiles_, in_run_, runs_;
};

// Does `tiles` tiles of each run, one below the other; at least one.
using TileFunction = void (*)(TileTask task, int64_t tiles);

constexpr int kMaxTileRows = 16;

// The tiles of one ISA: function[vectors - 1][rows - 1] multiplies `rows` rows with a panel of vectors * vector_columns
// columns; panels are max_vectors wide, but for a narrower last one.
struct TileSet {
  Isa isa;
  int max_rows;
  int max_vectors;
  int vector_columns;
  bool pairs;          // how a step of 4 bytes is packed: panels.h
  int depth_multiple;  // bytes that a segment's weights are rounded up to
  // Of a block's rows, at most: an eighth of the second-level cache or, where products are so fast that weights weigh
  // more, three eighths; the panel, the results and the next rows share the rest.
  int64_t block_bytes;
  // All rows of a task, with gaps or not, times a range of panels. Sets without it take one panel, by the functions
  // below.
  void (*run)(const TileTask& task, int vectors);
  TileFunction function[4][kMaxTileRows];

  int64_t columns() const { return static_cast<int64_t>(max_vectors) * vector_columns; }
};

// Two products of such an activation and a weight add up within 16 bits: 2 * 127 * 128 < 2^15.
constexpr int32_t kLowActivation = 127;

extern const TileSet kTilesPortable;
extern const TileSet kTilesAvx2;
extern const TileSet kTilesAvx2Low;  // for activations up to kLowActivation
extern const TileSet kTilesAvxVnni;
extern const TileSet kTilesAvx512;
extern const TileSet kTilesAvx512Vnni;
extern const TileSet kTilesAmx;

// The runs of a task against its panel or panels, in tiles of nearly equal height, fetching `next_size` bytes at
// task.next on the way.
void run_tiles(const TileSet& tiles, int vectors, TileTask task, int64_t next_size);

}  // namespace qat::kernels
