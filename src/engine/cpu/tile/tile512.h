// Tiles of some rows x 32 columns on 512-bit registers, for the two instruction sets that have them. Included by one
// file of each; `Dot` says how a step of 4 bytes is multiplied.
//
// On AMD's cores a high tile is two halves, and they take turns: while one multiplies, the other's epilogue runs, a few
// rows at a time between steps. An epilogue converts and shuffles, there mostly on units that multiply nothing, and the
// processor does both at once where it finds both in its queues. A tile that ends as a whole ends in a chain of some 25
// cycles, and the next one waits for its registers.
//
// Intel's cores do all of it on the two ports that multiply, so nothing can run beside multiply-adds, and what halves
// cost shows: weights are loaded twice, and what advances pointers takes such a port now and then (10 % of the time).
#pragma once

#include <cstring>
#include <utility>

#include "engine/cpu/tile/epilogue512.h"

namespace qat::kernels {
namespace {

constexpr int64_t kMostSteps = 8;  // between two chunks of an epilogue

// Multiplies rows [First, First + Count) of a tile, some steps at a time, `Unrolled` (1 or 4) in an iteration, fetching
// `next_step` bytes at `next` with each.
template <class Dot, int Unrolled, int First, int Count, int Rows, int Vectors>
class Multiplication {
 public:
  [[gnu::always_inline]] Multiplication(const TileTask& t, const uint8_t* next, int64_t next_step,
                                        Sums<Rows, Vectors>& sums)
      : t_(t), w_(static_cast<const int8_t*>(t.panel)), next_(next), next_step_(next_step), left_(t.steps) {
    asm("" : "+r"(w_));  // keeps the compiler from holding start values in registers that sums need
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v, w_ += 64) {
      const __m512i start = _mm512_load_si512(w_);
#pragma GCC unroll 16
      for (int i = 0; i < Count; ++i) sums.acc[First + i][v] = start;
    }
    for (int i = 0; i < kBases; ++i) base_[i] = t.rows + (First + 7 * i) * t.row_stride;
    for (int i = 0; i < 3; ++i) {
      strides_[i] = (2 * i + 1) * t.row_stride;
      asm("" : "+r"(strides_[i]));  // keeps the compiler from a register for each row
    }
  }

  // At most `count` steps of the first segment.
  [[gnu::always_inline]] void some_steps(int64_t count, Sums<Rows, Vectors>& sums) {
    count = count < left_ ? count : left_;
    left_ -= count;
    steps(count, sums);
  }

  [[gnu::always_inline]] void remaining_steps(Sums<Rows, Vectors>& sums) {
    for (int64_t segment = t_.segments;;) {
      steps(left_, sums);
      if (--segment == 0) return;
      left_ = t_.steps;
      for (auto& base : base_) base += t_.segment_step - 4 * t_.steps;
    }
  }

 private:
  [[gnu::always_inline]] void steps(int64_t count, Sums<Rows, Vectors>& sums) {
    for (; count >= Unrolled; count -= Unrolled) add_steps(sums, std::make_integer_sequence<int, Unrolled>());
    if constexpr (Unrolled > 1) {
      if (count & 2) add_steps(sums, std::make_integer_sequence<int, 2>());
      if (count & 1) add_steps(sums, std::make_integer_sequence<int, 1>());
    }
  }

  template <int... Step>
  [[gnu::always_inline]] void add_steps(Sums<Rows, Vectors>& sums, std::integer_sequence<int, Step...>) {
    constexpr int kCount = sizeof...(Step);
    (add_step<Step>(sums), ...);
    for (auto& base : base_) base += 4 * kCount;
    w_ += 64 * Vectors * kCount;
  }

  template <int Step>
  [[gnu::always_inline]] void add_step(Sums<Rows, Vectors>& sums) {
    const typename Dot::template Weights<Vectors> weights(w_ + 64 * Vectors * Step);
#pragma GCC unroll 16
    for (int i = 0; i < Count; ++i) {
      int32_t four;
      std::memcpy(&four, row(i) + 4 * Step, 4);
      weights.add(_mm512_set1_epi32(four), sums.acc[First + i]);
    }
    // A step's share is up to two lines, a half's one.
    _mm_prefetch(next_, _MM_HINT_T1);
    if constexpr (Count == Rows) _mm_prefetch(next_ + next_step_ / 2, _MM_HINT_T1);
    next_ += next_step_;
  }

  // A row's address is that of every seventh row and 0 to 6 strides, as a multiple of 1, 3 or 5: five registers for 14
  // rows.
  static constexpr int kBases = (Count + 6) / 7;
  [[gnu::always_inline]] const uint8_t* row(int i) const {
    const int below = i % 7, odd = below == 5 ? 5 : below % 3 == 0 ? 3 : 1;
    return base_[i / 7] + below / odd * strides_[odd / 2];
  }

  const TileTask& t_;
  const int8_t* w_;
  const uint8_t* next_;
  int64_t next_step_, left_;
  const uint8_t* base_[kBases];
  int64_t strides_[3];
};

// Stores rows from First to End in chunks, with `steps` steps of the other half before each; a middle's are many
// operations, and those steps better come after them.
template <Finish How, int Chunk, int First, int End, int Rows, int Vectors, class Other>
[[gnu::always_inline]] inline void store_between(const Plain<Vectors>& constants, const Place& at, int64_t steps,
                                                 Other& other, Sums<Rows, Vectors>& sums) {
  constexpr int kCount = End - First < Chunk ? End - First : Chunk;
  if constexpr (!has_middle(How)) other.some_steps(steps, sums);
  store_rows<How, First, kCount>(constants, at, sums);
  if constexpr (has_middle(How)) other.some_steps(steps, sums);
  if constexpr (First + kCount < End) store_between<How, Chunk, First + kCount, End>(constants, at, steps, other, sums);
}

template <class Dot, Finish How, int Rows, int Vectors>
void plain_tiles(TileTask t, int64_t tiles) {
  const Plain<Vectors> constants(t);
  const int64_t next_step = t.next_bytes / (t.steps * t.segments);
  TileWalk walk(t, Rows, tiles);
  Sums<Rows, Vectors> sums;
  for (bool more = true; more;) {
    Multiplication<Dot, Dot::kUnrolled, 0, Rows, Rows, Vectors>(t, t.next, next_step, sums).remaining_steps(sums);
    const Place place(t);
    t.next += t.next_bytes;
    more = walk.next();
    store_rows<How, 0, Rows>(constants, place, sums);
  }
}

template <class Dot, Finish How, int Chunk, int Rows, int Vectors>
void halved_tiles(TileTask t, int64_t tiles) {
  constexpr int kHalf = (Rows + 1) / 2;
  using Upper = Multiplication<Dot, 1, 0, kHalf, Rows, Vectors>;
  using Lower = Multiplication<Dot, 1, kHalf, Rows - kHalf, Rows, Vectors>;
  const Plain<Vectors> constants(t);
  const int64_t half_bytes = t.next_bytes / 2, next_step = half_bytes / (t.steps * t.segments);
  constexpr int64_t kChunks = (kHalf + Chunk - 1) / Chunk;
  const int64_t some = t.steps < kChunks * kMostSteps ? (t.steps + kChunks - 1) / kChunks : kMostSteps;
  TileWalk walk(t, Rows, tiles);
  Sums<Rows, Vectors> sums;
  Upper(t, t.next, next_step, sums).remaining_steps(sums);
  for (;;) {
    const Place place(t);
    Lower lower(t, t.next + half_bytes, next_step, sums);
    store_between<How, Chunk, 0, kHalf>(constants, place, some, lower, sums);
    lower.remaining_steps(sums);
    t.next += t.next_bytes;
    if (!walk.next()) return store_rows<How, kHalf, Rows - kHalf>(constants, place, sums);
    Upper upper(t, t.next, next_step, sums);
    store_between<How, Chunk, kHalf, Rows>(constants, place, some, upper, sums);
    upper.remaining_steps(sums);
  }
}

// Through memory, one tile after the other.
template <class Dot, int Rows, int Vectors>
void any_tiles(TileTask t, int64_t tiles) {
  const int64_t next_step = t.next_bytes / (t.steps * t.segments);
  TileWalk walk(t, Rows, tiles);
  do {
    Sums<Rows, Vectors> sums;
    Multiplication<Dot, Dot::kUnrolled, 0, Rows, Rows, Vectors>(t, t.next, next_step, sums).remaining_steps(sums);
    t.next += t.next_bytes;
    alignas(64) int32_t memory[Rows * Vectors * 16];
#pragma GCC unroll 16
    for (int i = 0; i < Rows; ++i)
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) _mm512_store_si512(memory + (i * Vectors + v) * 16, sums.acc[i][v]);
    finish_rows(t, memory, Rows, Vectors);
  } while (walk.next());
}

template <class Dot, int Rows, int Vectors>
void tile512(TileTask t, int64_t tiles) {
  const Finish how = choose_finish(t, Vectors);
  if (how == Finish::kAny) return any_tiles<Dot, Rows, Vectors>(t, tiles);
  with_plain(how, [&](auto way) {
    if constexpr (Rows > Dot::kHighest) {
      // The operations of a chunk are to fit the processor's queues beside multiply-adds; where there are few of these,
      // going from one to the other costs more than waiting.
      constexpr int kHalf = (Rows + 1) / 2, kChunk = Vectors == 1 ? kHalf : has_middle(way.value) ? 2 : 4;
      constexpr int kShallow = has_skip(way.value) ? kChunk : kHalf;
      static const bool in_turns = __builtin_cpu_is("amd");
      if (in_turns && t.steps < 8) return halved_tiles<Dot, way.value, kShallow, Rows, Vectors>(t, tiles);
      if (in_turns) return halved_tiles<Dot, way.value, kChunk, Rows, Vectors>(t, tiles);
    }
    plain_tiles<Dot, way.value, Rows, Vectors>(t, tiles);
  });
}

template <class Dot, int... Row>
constexpr TileSet make_tiles512(Isa isa, bool pairs, std::integer_sequence<int, Row...>) {
  return {.isa = isa,
          .max_rows = sizeof...(Row),
          .max_vectors = 2,
          .vector_columns = 16,
          .pairs = pairs,
          .depth_multiple = 4,
          .block_bytes = 256 * 1024,
          .function = {{tile512<Dot, Row + 1, 1>...}, {tile512<Dot, Row + 1, 2>...}}};
}

}  // namespace
}  // namespace qat::kernels
