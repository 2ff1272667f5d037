// A job of the AMX tiles, from its sums in memory to its results: what is left to do while the next one is multiplied.
#pragma once

#include <algorithm>
#include <type_traits>

#include "engine/cpu/tile/epilogue512.h"

namespace qat::kernels {
namespace {

// What an epilogue knows of a job's columns.
template <int Vectors, int Panels>
struct JobColumns {
  static constexpr int64_t kCount = int64_t{16} * Vectors;  // of a panel

  explicit JobColumns(const TileTask& t) : task(t), plain(t) {}
  void set(const TileTask& t, int64_t panel) {
    task.multiplier = t.multiplier + panel * kCount;
    task.bias = t.bias + panel * kCount;
    task.channels = std::min(Panels * kCount, t.channels - panel * kCount);
    plain.set_columns(task.multiplier, task.bias, task.channels);
  }

  TileTask task;
  Plain<Vectors * Panels> plain;
};

// Up to two tiles times one or two panels whose sums are in memory, [panel][tile][16][Vectors][16], to be finished.
template <int Vectors, int Panels>
struct Job {
  static constexpr int64_t kTile = int64_t{16} * Vectors * 16;
  static constexpr int kRows = Panels == 1 ? 4 : 2;  // that are finished together

  void add(uint8_t* to, const uint8_t* from) { y[count] = to, skip[count++] = from; }

  const JobColumns<Vectors, Panels>* columns = nullptr;
  const int32_t* sums = nullptr;
  uint8_t* y[2] = {};
  const uint8_t* skip[2] = {};
  int count = 0;        // tiles
  int at = 0, row = 0;  // the next ones
};

// Finishes the next `pieces` times kRows rows of a job whose tiles are `rows` high.
template <int Vectors, int Panels>
using FinishSome = void (*)(Job<Vectors, Panels>& job, int rows, int64_t pieces);

template <Finish How, int Vectors, int Panels>
void finish_some(Job<Vectors, Panels>& job, int rows, int64_t pieces) {
  using J = Job<Vectors, Panels>;
  if constexpr (How == Finish::kAny) {
    for (; pieces > 0; --pieces, ++job.at) {
      TileTask tile = job.columns->task;
      tile.y = job.y[job.at], tile.skip = job.skip[job.at];
      finish_rows(tile, job.sums + job.at * J::kTile, rows, Vectors);
    }
  } else {
    // Of lines of 64 bytes constants are in registers: loads compete with those of tiles.
    using Constants = std::conditional_t<Panels == 1, const Plain<Vectors>&, const Plain<Vectors * Panels>>;
    Constants plain = job.columns->plain;
    Place at(job.columns->task);
    for (; pieces > 0; --pieces) {
      const int32_t* sums = job.sums + job.at * J::kTile + job.row * Vectors * 16;
      at.y = job.y[job.at] + job.row * at.y_stride;
      at.skip = job.skip[job.at] + job.row * at.skip_stride;
      if constexpr (Panels == 1) {
        store_quad<How>(plain, at, sums, rows - job.row);
      } else if (rows - job.row > 1) {
        store_wide<How, 2>(plain, at, sums, sums + 2 * J::kTile);
      } else {
        store_wide<How, 1>(plain, at, sums, sums + 2 * J::kTile);
      }
      job.row += J::kRows;
      if (job.row >= rows) job.row = 0, ++job.at;
    }
  }
}

}  // namespace
}  // namespace qat::kernels
