// Blocks and packing of the depthwise vector kernels.
#include "engine/cpu/depthwise/blocks.h"

#include <cstring>

namespace qat::kernels {

DepthwiseBlocks blocks_of(const DepthwiseProblem& p, int64_t widest) {
  DepthwiseBlocks b;
  b.wide = widest == kWideBlock ? p.channels / kWideBlock : 0;
  const int64_t rest = p.channels - b.wide * kWideBlock;
  if (widest == kWideBlock && rest > kNarrowBlock) {
    b.wide += 1;
    b.narrow = 0;
  } else {
    b.narrow = (rest + kNarrowBlock - 1) / kNarrowBlock;
  }
  b.groups = (p.kernel_h + kTapRows - 1) / kTapRows;
  b.tap_sets = b.groups * p.kernel_w;
  b.span = (p.out_w() - 1) * p.stride_w + (p.kernel_w - 1) * p.dilation_w + 1;
  return b;
}

size_t depthwise_packed_bytes(const DepthwiseProblem& p, int64_t widest) {
  const DepthwiseBlocks b = blocks_of(p, widest);
  return static_cast<size_t>(b.offset(b.count()));
}

// A block: s32 start[width] = -in_zero_point * sum of the filter, then [s][group][width][4 tap rows].
void depthwise_pack(const DepthwiseProblem& p, int64_t widest, const int8_t* weights, void* packed) {
  const DepthwiseBlocks b = blocks_of(p, widest);
  std::memset(packed, 0, depthwise_packed_bytes(p, widest));
  for (int64_t block = 0; block < b.count(); ++block) {
    const int64_t width = b.width(block);
    auto* start = static_cast<uint8_t*>(packed) + b.offset(block);
    auto* to = reinterpret_cast<int8_t*>(start + 4 * width);
    for (int64_t i = 0; i < width; ++i) {
      const int64_t c = b.first_channel(block) + channel_at(width, i);
      if (c >= p.channels) continue;
      int32_t sum = 0;
      for (int64_t r = 0; r < p.kernel_h; ++r) {
        for (int64_t s = 0; s < p.kernel_w; ++s) {
          const int8_t w = weights[(c * p.kernel_h + r) * p.kernel_w + s];
          sum += w;
          to[((s * b.groups + r / kTapRows) * width + i) * kTapRows + r % kTapRows] = w;
        }
      }
      const int32_t value = -p.in_zero_point * sum;
      std::memcpy(start + 4 * i, &value, 4);
    }
  }
}

size_t depthwise_scratch_bytes(const DepthwiseProblem& p, int64_t widest) {
  const DepthwiseBlocks b = blocks_of(p, widest);
  return static_cast<size_t>((b.span * b.groups * kTapRows + 1) * widest);
}

}  // namespace qat::kernels
