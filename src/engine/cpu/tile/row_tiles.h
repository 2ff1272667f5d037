// The rows of a task as tiles of nearly equal height.
#pragma once

#include <algorithm>

#include "engine/cpu/tile/tile.h"

namespace qat::kernels {

struct RowTile {
  const uint8_t* x = nullptr;
  uint8_t* y = nullptr;
  const uint8_t* skip = nullptr;
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
    const int64_t row = tile * height_ + std::min(tile, higher_), pixel = run * t_.run + row;
    return {.x = t_.rows + run * t_.run_stride + row * t_.row_stride,
            .y = t_.y + pixel * t_.y_stride,
            .skip = t_.skip == nullptr ? nullptr : t_.skip + pixel * t_.skip_stride,
            .rows = static_cast<int>(height_ + (higher ? 1 : 0))};
  }

 private:
  const TileTask& t_;
  int64_t in_run_, height_, higher_;
};

}  // namespace qat::kernels
