// From the sums of AMX tiles in memory to results.
#pragma once

#include <algorithm>

#include "engine/cpu/tile/epilogue512.h"
#include "engine/cpu/tile/row_tiles.h"

namespace qat::kernels {
namespace {

// Up to two tiles of rows, one below the other or not.
struct TilePair {
  RowTile tile[2];
  int count = 0;
};

// How the sums of a pair of tiles times one panel lie: [tile][row][column], tiles 16 rows apart.
template <int Vectors>
struct PanelSums {
  static constexpr int64_t kColumns = int64_t{16} * Vectors;
  static constexpr int64_t kTile = int64_t{kMaxTileRows} * kColumns;
  static constexpr int64_t kCount = 2 * kTile;
};

// Finishes a pair of tiles times panels [first, first + count) of a task, whose sums follow each other.
using FinishPanels = void (*)(const TileTask& t, int64_t first, int64_t count, const TilePair& pair,
                              const int32_t* sums);

// Two panels side by side, so that lines of y are written whole.
template <Finish How>
void finish_wide(const Plain<4>& plain, Place at, const int32_t* sums, int64_t rows) {
  using S = PanelSums<2>;
  int64_t row = 0;
  for (; row + 2 <= rows; row += 2, sums += 2 * S::kColumns) {
    store_wide<How, 2>(plain, at, sums, sums + S::kCount);
    at.y += 2 * at.y_stride;
    at.skip += 2 * at.skip_stride;
  }
  if (row < rows) store_wide<How, 1>(plain, at, sums, sums + S::kCount);
}

template <Finish How, int Vectors>
void finish_narrow(const Plain<Vectors>& plain, Place at, const int32_t* sums, int64_t rows) {
  for (int64_t row = 0; row < rows; row += 4, sums += 4 * PanelSums<Vectors>::kColumns) {
    store_quad<How>(plain, at, sums, rows - row);
    at.y += 4 * at.y_stride;
    at.skip += 4 * at.skip_stride;
  }
}

template <Finish How, int Vectors>
void finish_panels(const TileTask& t, int64_t first, int64_t count, const TilePair& pair, const int32_t* sums) {
  using S = PanelSums<Vectors>;
  const auto finish = [&]<int Wide>(int64_t panel) {
    TileTask task = t;
    task.multiplier += panel * S::kColumns;
    task.bias += panel * S::kColumns;
    task.channels = std::min(Wide * S::kColumns, t.channels - panel * S::kColumns);
    const Plain<Wide * Vectors> plain(task);
    const int32_t* of_panel = sums + (panel - first) * S::kCount;
    for (int i = 0; i < pair.count; ++i, of_panel += S::kTile) {
      const RowTile& tile = pair.tile[i];
      for_results(t, tile, [&](int64_t row, int64_t rows, int64_t result) {
        task.y = tile.y + result * t.y_stride + panel * t.y_step;
        task.skip = t.skip == nullptr ? nullptr : tile.skip + result * t.skip_stride + panel * S::kColumns;
        const int32_t* from = of_panel + row * S::kColumns;
        if constexpr (How == Finish::kAny) {
          finish_rows(task, from, static_cast<int>(rows), Vectors);
        } else if constexpr (Wide == 2) {
          finish_wide<How>(plain, Place(task), from, rows);
        } else {
          finish_narrow<How>(plain, Place(task), from, rows);
        }
      });
    }
  };
  int64_t panel = first;
  if constexpr (Vectors == 2 && How != Finish::kAny)
    for (; panel + 2 <= first + count; panel += 2) finish.template operator()<2>(panel);
  for (; panel < first + count; ++panel) finish.template operator()<1>(panel);
}

}  // namespace
}  // namespace qat::kernels
