// Merging groups and packing weights for the tensor-core convolutions.
#include "engine/cuda/conv/conv_shape.h"

#include <cstring>

namespace qat::cuda {
namespace {

// The fewest groups that make a block of whole 16-byte units in and out and of at least 32 outputs; all, if none do.
int64_t merged_groups(const kernels::ConvProblem& p) {
  const int64_t in = p.in_channels / p.groups, out = p.out_channels / p.groups;
  for (int64_t count = 1; count < p.groups; ++count)
    if (p.groups % count == 0 && count * in % 16 == 0 && count * out % 16 == 0 && count * out >= kRowGroup)
      return count;
  return p.groups;
}

}  // namespace

ConvShape::ConvShape(const kernels::ConvProblem& p) {
  const int64_t merged = merged_groups(p);
  blocks = p.groups / merged;
  block_in = p.in_channels / blocks;
  block_out = p.out_channels / blocks;
  units = (block_in + 15) / 16;
  rows = (block_out + kRowGroup - 1) / kRowGroup * kRowGroup;
  depth = p.kernel_h * p.kernel_w * units * 16;
  row_bytes = (depth + kDepthAlign - 1) / kDepthAlign * kDepthAlign;
}

const char* mma_supports(const kernels::ConvProblem& p) {
  if (p.in_channels <= 4) return "pixels of 4 bytes are conv_s8_stem's";
  if (p.out_channels <= 4) return "it stores 8 channels at a time";
  if (p.kernel_h > 15 || p.kernel_w > 16) return "a pixel's taps are a mask of 15 rows and 16 columns";
  constexpr int64_t kLimit = int64_t{1} << 30;
  const int64_t units = p.batch * (p.in_h + 15) * (p.in_w + 15) * (pitch_of(p.in_channels) / 16);
  if (p.pixels() > kLimit || units > kLimit) return "offsets have 32 bits";
  return nullptr;
}

size_t mma_packed_bytes(const kernels::ConvProblem& p) { return ConvShape(p).packed_bytes(); }

void mma_pack(const kernels::ConvProblem& p, const int8_t* weights, void* packed) {
  const ConvShape shape(p);
  auto* bytes = static_cast<uint8_t*>(packed);
  std::memset(bytes, 0, shape.packed_bytes());
  std::memset(bytes, p.in_zero_point, 128);
  auto* start = reinterpret_cast<int32_t*>(bytes + shape.start_offset());
  auto* rows = reinterpret_cast<int8_t*>(bytes + shape.weights_offset());
  const int64_t taps = p.kernel_h * p.kernel_w, in = p.in_channels / p.groups, out = p.out_channels / p.groups;
  for (int64_t k = 0; k < p.out_channels; ++k) {
    const int64_t block = k / shape.block_out, n = k % shape.block_out;
    const int64_t row = block * shape.rows + n / kRowGroup * kRowGroup + packed_row(n % kRowGroup);
    const int64_t first = k / out * in - block * shape.block_in;  // this group's first channel in the block
    int8_t* to = rows + row * shape.row_bytes + first;
    uint32_t sum = 0;  // modulo 2^32, as the tensor cores add
    for (int64_t c = 0; c < in; ++c) {
      for (int64_t t = 0; t < taps; ++t) {
        const int8_t w = *weights++;
        to[t * shape.units * 16 + c] = w;
        sum += static_cast<uint32_t>(w);
      }
    }
    start[block * shape.rows + n] = static_cast<int32_t>(0u - static_cast<uint32_t>(p.in_zero_point) * sum);
  }
}

}  // namespace qat::cuda
