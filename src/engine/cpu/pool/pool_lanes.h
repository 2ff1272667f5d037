// Pooling on an ISA's registers: the channels of a pixel side by side.
#pragma once

#include <algorithm>

#include "engine/cpu/pool/pool_kernels.h"
#include "engine/cpu/pool/window.h"
#include "engine/cpu/tile/elementwise.h"

namespace qat::kernels {
namespace {

int64_t units(const PoolProblem& p) { return p.batch * p.out_h; }

// The inside pixels of one window: pixel (r, s) at first + r * row_step + s * column_step.
struct Taps {
  const uint8_t* first;
  int64_t rows, columns, row_step, column_step;
};

Taps taps_of(const PoolProblem& p, const WindowAxis& rows, const WindowAxis& columns, const uint8_t* image) {
  const int64_t pitch = pitch_of(p.channels);
  const int64_t h = rows.start + rows.first * tap_step_h(p), w = columns.start + columns.first * tap_step_w(p);
  return {.first = image + (h * p.in_w + w) * pitch,
          .rows = rows.inside(),
          .columns = columns.inside(),
          .row_step = tap_step_h(p) * p.in_w * pitch,
          .column_step = tap_step_w(p) * pitch};
}

template <class Lanes>
void largest(const PoolProblem& p, const Taps& t, uint8_t* y) {
  for (int64_t c = 0; c < p.channels; c += Lanes::kBytes) {
    auto best = Lanes::load_bytes(t.first + c);
    for (int64_t r = 0; r < t.rows; ++r)
      for (int64_t s = 0; s < t.columns; ++s)
        best = Lanes::max_bytes(best, Lanes::load_bytes(t.first + r * t.row_step + s * t.column_step + c));
    Lanes::store_bytes(best, p.channels - c, y + c);
  }
}

// Whole windows of 3 x 3, by far the most frequent, side by side: without loops over taps, and without asking each for
// its taps, which takes longer than its products.
template <class Lanes>
void largest_of_nine(const PoolProblem& p, const Taps& t, int64_t count, uint8_t* y) {
  const int64_t pitch = pitch_of(p.channels), step = t.column_step, next = p.stride_w * pitch;
  for (int64_t c = 0; c < p.channels; c += Lanes::kBytes) {
    const uint8_t* window = t.first + c;
    uint8_t* to = y + c;
    for (int64_t i = 0; i < count; ++i, window += next, to += pitch) {
      const uint8_t* row = window;
      auto best = Lanes::load_bytes(row);
#pragma GCC unroll 3
      for (int r = 0; r < 3; ++r, row += t.row_step) {
        best = Lanes::max_bytes(best, Lanes::load_bytes(row));
        best = Lanes::max_bytes(best, Lanes::load_bytes(row + step));
        best = Lanes::max_bytes(best, Lanes::load_bytes(row + 2 * step));
      }
      Lanes::store_bytes(best, p.channels - c, to);
    }
  }
}

// How many windows from `column` on, at most, have all their columns inside; its own has.
inline int64_t whole_columns(const PoolProblem& p, int64_t column) {
  const int64_t last = p.in_w - 1 - (p.kernel_w - 1) * p.dilation_w + p.pad_left;  // where a whole window may start
  return std::min(p.out_w, last / p.stride_w + 1) - column;
}

// The zero point is subtracted once, times the number of pixels.
template <class Lanes>
void mean(const PoolProblem& p, const Taps& t, float factor, uint8_t* y) {
  const Epilogue epilogue{.zero_point = p.zero_point, .lo = p.lo, .hi = p.hi};
  const auto scale = Lanes::broadcast(factor);
  const auto offset = static_cast<int32_t>(t.rows * t.columns * p.in_zero_point);
  for (int64_t c = 0; c < p.channels; c += Lanes::kCount) {
    auto sum = Lanes::zero_sum();
    for (int64_t r = 0; r < t.rows; ++r)
      for (int64_t s = 0; s < t.columns; ++s)
        sum = Lanes::add_bytes(sum, t.first + r * t.row_step + s * t.column_step + c);
    Lanes::finish(epilogue, Lanes::mul(Lanes::to_floats(sum, offset), scale), p.channels - c, y + c);
  }
}

template <class Lanes>
void run(const PoolProblem& problem, const PoolArgs& a, int64_t begin, int64_t end, void*) {
  const PoolProblem p = problem;  // a copy: stores of bytes may alias anything
  const int64_t pitch = pitch_of(p.channels);
  for (int64_t row = begin; row < end; ++row) {
    const uint8_t* image = a.x + row / p.out_h * p.in_h * p.in_w * pitch;
    const WindowAxis rows = window_rows(p, row % p.out_h);
    for (int64_t column = 0; column < p.out_w;) {
      const WindowAxis columns = window_columns(p, column);
      const Taps taps = taps_of(p, rows, columns, image);
      uint8_t* y = a.y + (row * p.out_w + column) * pitch;
      int64_t count = 1;
      if (p.kind == Pool::kMax && taps.rows == 3 && taps.columns == 3 && p.kernel_w == 3) {
        count = whole_columns(p, column);
        largest_of_nine<Lanes>(p, taps, count, y);
      } else if (p.kind == Pool::kMax) {
        largest<Lanes>(p, taps, y);
      } else {
        mean<Lanes>(p, taps, mean_factor(p, rows, columns), y);
      }
      for (int64_t i = 0; i < count; ++i)
        for (int64_t c = p.channels; c < pitch; ++c) y[i * pitch + c] = static_cast<uint8_t>(p.zero_point);
      column += count;
    }
  }
}

template <class Lanes>
constexpr PoolKernel make_kernel(const char* name, Isa isa) {
  return {name, isa, supports_all<PoolProblem>, units, no_scratch<PoolProblem>, run<Lanes>};
}

}  // namespace
}  // namespace qat::kernels
