// Tiles over a block of rows, and the epilogue's bounds.
#include "engine/cpu/tile/tile.h"

#include <algorithm>

namespace qat::kernels {

TileEpilogue::TileEpilogue(const Epilogue& e) : full(e) {
  const bool curve = e.activation == Activation::kHardSwish || e.activation == Activation::kSilu;
  plain = e.output == Output::kU8 && !curve;
  int32_t low = e.lo - e.zero_point, top = e.hi - e.zero_point;
  if (e.activation == Activation::kClip && e.output == Output::kU8) {
    const int32_t clip_low = round_clamp(e.p0, low, top), clip_top = round_clamp(e.p1, low, top);
    low = std::min(clip_low, clip_top);  // the upper bound is applied last and wins
    top = clip_top;
  }
  high = static_cast<float>(top);
  lowest = static_cast<uint8_t>(low + e.zero_point);
  highest = static_cast<uint8_t>(top + e.zero_point);
}

void run_tiles(const TileSet& tiles, int vectors, TileTask task, int64_t next_size) {
  if (tiles.run != nullptr) {
    task.next_bytes = next_size;
    if (task.line == 0) task.line = task.run;
    return tiles.run(task, vectors);
  }
  const int64_t count = (task.run + tiles.max_rows - 1) / tiles.max_rows;
  const int64_t height = task.run / count, taller = task.run % count;  // the first `taller` tiles have one row more
  const TileFunction* functions = tiles.function[vectors - 1];
  task.next_bytes = next_size / (task.runs * count);
  if (taller > 0) {
    functions[height](task, taller);
    task.advance(taller * (height + 1));
    task.next += task.runs * taller * task.next_bytes;
  }
  functions[height - 1](task, count - taller);
}

}  // namespace qat::kernels
