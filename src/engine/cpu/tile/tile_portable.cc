// Tiles of up to 4 rows x 8 columns in plain C++, for machines without AVX2: blocked for caches and registers, no more.
#include <cstring>
#include <utility>

#include "engine/cpu/tile/tile.h"

namespace qat::kernels {
namespace {

constexpr int kRows = 4;
constexpr int kColumns = 8;

template <int Rows>
void multiply(const TileTask& t, int32_t (&sums)[Rows][kColumns]) {
  for (auto& row : sums) std::memcpy(row, t.panel, sizeof row);
  const auto* w = static_cast<const int8_t*>(t.panel) + 4 * kColumns;
  for (int64_t segment = 0; segment < t.segments; ++segment) {
    for (int64_t step = 0; step < t.steps; ++step, w += 4 * kColumns) {
      for (int i = 0; i < Rows; ++i) {
        const uint8_t* x = t.rows + i * t.row_stride + segment * t.segment_step + 4 * step;
        for (int j = 0; j < kColumns; ++j)
          sums[i][j] += x[0] * w[4 * j] + x[1] * w[4 * j + 1] + x[2] * w[4 * j + 2] + x[3] * w[4 * j + 3];
      }
    }
  }
}

template <int Rows>
void tile(TileTask t, int64_t tiles) {
  const Epilogue& e = t.epilogue->full;
  TileWalk walk(t, Rows, tiles);
  do {
    int32_t sums[Rows][kColumns];
    multiply(t, sums);
    for (int i = 0; i < Rows; ++i) {
      for (int64_t j = 0; j < t.channels; ++j) {
        const uint8_t* skip = e.has_skip ? t.skip + i * t.skip_stride + j : nullptr;
        store_result(e, epilogue_value(e, sums[i][j], t.multiplier[j], t.bias[j], skip), t.y + i * t.y_stride, j);
      }
    }
  } while (walk.next());
}

}  // namespace

constinit const TileSet kTilesPortable{.isa = Isa::kPortable,
                                       .max_rows = kRows,
                                       .max_vectors = 1,
                                       .vector_columns = kColumns,
                                       .pairs = false,
                                       .depth_multiple = 4,
                                       .block_bytes = 256 * 1024,
                                       .function = {{tile<1>, tile<2>, tile<3>, tile<4>}}};

}  // namespace qat::kernels
