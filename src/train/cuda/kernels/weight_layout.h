// Where a weight's elements lie in the master (KCRS), in its copy (KRSC) and in slices of one scale, for device and
// twin.
#pragma once

#include "base/qmath.h"
#include "train/cuda/kernels/tensors.h"

namespace qat::train::cuda {

constexpr int kWeightThreads = 256;
constexpr int kLargeSlice = 1024;  // elements: from here on a slice has a block, below it a warp

// Slices of one scale; a tensor without a range is cut along dim0.
struct Slices {
  bool along0, along1;
  int count, size;  // size: elements of a slice
  int per_row;      // channels of dim1 that a slice has in each of its rows of dim0

  QAT_HD explicit Slices(const Weight& w) {
    along0 = w.range == nullptr || w.axis == 0, along1 = !along0 && w.axis == 1;
    count = along0 ? w.dim0 : (along1 ? w.dim1 : 1);
    per_row = along1 ? 1 : w.dim1;
    size = (along0 ? 1 : w.dim0) * per_row * w.pixels;
  }
  QAT_HD bool large() const { return size >= kLargeSlice; }
};

struct ElementPlace {
  int64_t master, copy;
};

// Element i of a slice where elements are counted in the master's order (pixel fastest) or in the copy's (channel
// fastest).
// A thread asks for millions: a slice along dim0 of a matrix needs no division, one of a convolution a single one.
QAT_HD ElementPlace element_place(const Weight& w, const Slices& slices, int slice, int i, bool master_order) {
  const unsigned per_row = static_cast<unsigned>(slices.per_row), pixels = static_cast<unsigned>(w.pixels);
  const unsigned row = slices.along0 ? 0 : static_cast<unsigned>(i) / (per_row * pixels);
  const unsigned rest = static_cast<unsigned>(i) - row * per_row * pixels;
  unsigned c = rest, p = 0;
  if (pixels != 1 && master_order) c = rest / pixels, p = rest - c * pixels;
  if (pixels != 1 && !master_order) p = rest / per_row, c = rest - p * per_row;
  const int64_t k = slices.along0 ? slice : static_cast<int>(row);
  const int64_t channel = slices.along1 ? slice : static_cast<int>(c), pixel = static_cast<int>(p);
  return {(k * w.dim1 + channel) * w.pixels + pixel, (k * w.pixels + pixel) * w.pitch + channel};
}

}  // namespace qat::train::cuda
