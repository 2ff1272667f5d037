// The rows of a task as tiles of nearly equal height.
#pragma once

#include <algorithm>

#include "engine/cpu/tile/tile.h"

namespace qat::kernels {

struct RowTile {
  const uint8_t* x = nullptr;
  uint8_t* y = nullptr;           // of the run's first result
  const uint8_t* skip = nullptr;  // the same
  int64_t row = 0;                // of the run
  int rows = 0;
};

// The higher ones of all runs come first, so that heights change once.
class RowTiles {
 public:
  RowTiles(const TileTask& t, int64_t max_rows)
      : t_(t), in_run_((t.run + max_rows - 1) / max_rows), height_(t.run / in_run_), higher_(t.run % in_run_) {}

  int64_t count() const { return in_run_ * t_.runs; }

  RowTile at(int64_t index) const {
    const bool higher = index < higher_ * t_.runs;
    const int64_t of_run = higher ? higher_ : in_run_ - higher_;
    if (!higher) index -= higher_ * t_.runs;
    const int64_t run = index / of_run, tile = index % of_run + (higher ? 0 : higher_);
    const int64_t row = tile * height_ + std::min(tile, higher_), result = run * results_of_run();
    return {.x = t_.rows + run * t_.run_stride + row * t_.row_stride,
            .y = t_.y + result * t_.y_stride,
            .skip = t_.skip == nullptr ? nullptr : t_.skip + result * t_.skip_stride,
            .row = row,
            .rows = static_cast<int>(height_ + (higher ? 1 : 0))};
  }

 private:
  int64_t results_of_run() const { return (t_.run + t_.gap) / (t_.line + t_.gap) * t_.line; }

  const TileTask& t_;
  int64_t in_run_, height_, higher_;
};

// Calls body(row, count, result) for rows [row, row + count) of a tile, whose first one is that result of the run.
template <class Body>
void for_results(const TileTask& t, const RowTile& tile, const Body& body) {
  const int64_t pitch = t.line + t.gap;
  int64_t line = tile.row / pitch, column = tile.row % pitch;
  for (int64_t row = 0; row < tile.rows; row += pitch - column, ++line, column = 0) {
    const int64_t count = std::min(t.line - column, tile.rows - row);
    if (count > 0) body(row, count, line * t.line + column);
  }
}

}  // namespace qat::kernels
