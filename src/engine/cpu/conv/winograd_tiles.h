// Tiles of words for the Winograd kernels: rows of transformed inputs times the transformed weights of a panel at one
// point. They end in their sums, modulo 2^32. Included by one file of each instruction set; what `Arch` has:
// winograd_run.h.
//
// Between its steps a tile makes weights of the points that come next. That is mostly stores, which multiply-adds leave
// room for; where a tile's sums leave it the registers (Arch::kSideRows), making them on the side is nearly free.
#pragma once

#include <immintrin.h>

#include <array>
#include <utility>

#include "engine/cpu/conv/shares.h"
#include "engine/cpu/conv/winograd.h"
#include "engine/cpu/conv/winograd_transforms.h"

namespace qat::kernels {
namespace {

// The weights of a panel at one row of points, six of them, made from the panel's bytes, a vector of each at a time.
template <class Arch>
struct RowOfWeights {
  int row = 0;
  int64_t left = 0;  // vectors, of each point
  const uint8_t* from = nullptr;
  uint8_t* to = nullptr;
  int64_t point = 0;  // bytes between two points

  template <int Row>
  [[gnu::always_inline]] void make_one() {
    using Words = typename Arch::Words;
    constexpr int64_t kBytes = sizeof(Words) / 2;
    Words down[3];
#pragma GCC unroll 3
    for (int j = 0; j < 3; ++j)
      down[j] = weights_point<Row>([&](int i) { return Arch::load_weights(from + (3 * i + j) * kBytes); });
    const auto across = [&](int j) { return down[j]; };
    const Words t[] = {weights_point<0>(across), weights_point<1>(across), weights_point<2>(across),
                       weights_point<3>(across), weights_point<4>(across), weights_point<5>(across)};
#pragma GCC unroll 6
    for (int j = 0; j < kWinogradIn; ++j) *reinterpret_cast<Words*>(to + j * point) = t[j];
    from += 9 * kBytes;
    to += sizeof(Words);
    --left;
  }

  template <int Row>
  void make_rest() {
    while (left > 0) make_one<Row>();
  }
  void make_rest() {
    static constexpr void (RowOfWeights::*kMake[])() = {&RowOfWeights::make_rest<0>, &RowOfWeights::make_rest<1>,
                                                        &RowOfWeights::make_rest<2>, &RowOfWeights::make_rest<3>,
                                                        &RowOfWeights::make_rest<4>, &RowOfWeights::make_rest<5>};
    (this->*kMake[row])();
  }
};

// Rows lie in blocks of a vector's words, one below the other, so that one pointer reaches all rows of a tile and what
// it reads is dense.
struct WordTask {
  const uint8_t* rows;
  int64_t block_step;  // bytes between two blocks
  int64_t steps;       // of all blocks, two words each
  const uint8_t* panel;
  uint8_t* y;           // sums, [rows][Vectors]
  const uint8_t* next;  // fetched into the second-level cache, `next_step` bytes a step
  int64_t next_step;
};

constexpr int kNothing = -1;

// `tiles` tiles, one below the other; Making: the row of points whose weights they make, or kNothing.
template <class Arch, int Rows, int Vectors, int Making>
void word_tiles(WordTask& task, int64_t tiles, RowOfWeights<Arch>& weights) {
  using Words = typename Arch::Words;
  using Ints = typename Arch::Ints;
  constexpr int64_t kVector = sizeof(Words), kSteps = kVector / 4;
  WordTask t = task;
  RowOfWeights<Arch> making = weights;
  for (; tiles > 0; --tiles) {
    Ints sums[Rows][Vectors] = {};
    const uint8_t *block = t.rows, *w = t.panel;
    for (int64_t left = t.steps; left > 0; left -= kSteps, block += t.block_step) {
      const uint8_t* x = block;
      int64_t steps = left < kSteps ? left : kSteps;
      const auto step = [&](int64_t at) {
        Words columns[Vectors];
#pragma GCC unroll 2
        for (int v = 0; v < Vectors; ++v)
          columns[v] = *reinterpret_cast<const Words*>(w + (at * Vectors + v) * kVector);
#pragma GCC unroll 16
        for (int i = 0; i < Rows; ++i) {
          const Words two = Arch::broadcast(x + i * kVector + 4 * at);
#pragma GCC unroll 2
          for (int v = 0; v < Vectors; ++v) sums[i][v] = Arch::multiply_add(sums[i][v], two, columns[v]);
        }
      };
      for (; steps >= 4; steps -= 4, x += 16, w += 4 * Vectors * kVector) {
        step(0), step(1), step(2), step(3);
        _mm_prefetch(t.next, _MM_HINT_T1);
        t.next += 4 * t.next_step;
        if constexpr (Making != kNothing)
          if (making.left > 0) making.template make_one<Making>();
      }
      for (; steps > 0; --steps, x += 4, w += Vectors * kVector) step(0);
    }
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) *reinterpret_cast<Ints*>(t.y + (i * Vectors + v) * kVector) = sums[i][v];
    t.rows += Rows * kVector;
    t.y += Rows * Vectors * kVector;
  }
  task = t;
  weights = making;
}

template <class Arch>
using WordTiles = void (*)(WordTask&, int64_t tiles, RowOfWeights<Arch>&);

template <class Arch, int Vectors, int Making, int... Row>
constexpr std::array<WordTiles<Arch>, sizeof...(Row)> word_tiles_by_rows(std::integer_sequence<int, Row...>) {
  return {word_tiles<Arch, Row + 1, Vectors, Making>...};
}

// `run` rows in tiles of nearly equal height; of the task only `next` goes on.
template <class Arch, int Vectors>
void run_word_tiles(WordTask& task, int64_t run, RowOfWeights<Arch>& making) {
  constexpr int kRows = Arch::kTile.max_rows, kSideRows = Vectors == 2 ? Arch::kSideRows : 0;
  static constexpr auto kPlain = word_tiles_by_rows<Arch, Vectors, kNothing>(std::make_integer_sequence<int, kRows>());
  const WordTiles<Arch>* functions = kPlain.data();
  int64_t most = kRows;
  if constexpr (kSideRows > 0) {
    using Rows = std::make_integer_sequence<int, kSideRows>;
    static constexpr std::array<WordTiles<Arch>, kSideRows> kMaking[] = {
        word_tiles_by_rows<Arch, 2, 0>(Rows()), word_tiles_by_rows<Arch, 2, 1>(Rows()),
        word_tiles_by_rows<Arch, 2, 2>(Rows()), word_tiles_by_rows<Arch, 2, 3>(Rows()),
        word_tiles_by_rows<Arch, 2, 4>(Rows()), word_tiles_by_rows<Arch, 2, 5>(Rows())};
    if (making.left > 0) functions = kMaking[making.row].data(), most = kSideRows;
  }
  const int64_t count = ceil_div(run, most), height = run / count, taller = run % count;
  WordTask t = task;
  t.next_step = ceil_div(task.next_step, count);
  if (taller > 0) functions[height](t, taller, making);  // the first tiles have one row more
  functions[height - 1](t, count - taller, making);
  task.next = t.next;
}

}  // namespace
}  // namespace qat::kernels
