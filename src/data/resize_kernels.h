// The two passes of the bilinear resize as kernels: a table of implementations, all with the same bits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/cpu.h"

namespace qat::data {

inline constexpr int kResizeBits = 22;  // of the weights: 32 - 8 for the pixel - 2 that Pillow keeps free

// Weights of the outputs [0, outputs): output i is the sum over t < length[i] of weight[i * pitch + t] times input
// first[i] + t. Weights are 0 .. 2^22 and sum to about 2^22, so a sum stays below 2^30 + 2^21.
struct Taps {
  int64_t pitch = 0;
  std::vector<int32_t> first, length, weights;
  int64_t outputs() const { return static_cast<int64_t>(first.size()); }
};

// One row of pixels along x: out[i][c] from in[first + t][c]. `in` and `out`: u8 [.., channels]; no aliasing.
// The kernel may read kResizeSlack bytes after the last input pixel that it uses, and writes exactly the outputs.
struct RowArgs {
  const uint8_t* in = nullptr;
  uint8_t* out = nullptr;
  int64_t channels = 0;
};
inline constexpr int64_t kResizeSlack = 8;

// One output row along y: out[j] = clip(sum over t of weights[t] * in[t * stride + j]), j < bytes.
struct ColumnArgs {
  const uint8_t* in = nullptr;
  int64_t stride = 0;
  const int32_t* weights = nullptr;
  int32_t length = 0;
  uint8_t* out = nullptr;
  int64_t bytes = 0;
};

struct ResizeKernel {
  const char* name;
  Isa isa;
  void (*row)(const RowArgs& args, const Taps& taps);
  void (*column)(const ColumnArgs& args);
};

void resize_row_reference(const RowArgs& args, const Taps& taps);
void resize_column_reference(const ColumnArgs& args);
void resize_row_avx2(const RowArgs& args, const Taps& taps);  // RGB; other channels go to the reference
void resize_column_avx2(const ColumnArgs& args);

// In order of preference; the first that the machine runs is taken.
std::span<const ResizeKernel> resize_kernels();
const ResizeKernel& resize_kernel();

}  // namespace qat::data
