// How the vector kernels see a depthwise convolution: blocks of channels, columns of taps, packed weights.
//
// A block is 64 channels (a last one may be 32). The taps of a column s are taken four rows at a time, their bytes side
// by side in a dword, so that one vpdpbusd adds four of them. Four byte rows become such dwords by two rounds of
// unpacking, which leaves the channels of a block in the order of `channel_at`; weights and start values are packed in
// that order, and the packing of results to bytes undoes it.
#pragma once

#include <algorithm>

#include "engine/cpu/depthwise/depthwise.h"

namespace qat::kernels {

constexpr int64_t kTapRows = 4;
constexpr int64_t kWideBlock = 64, kNarrowBlock = 32;

struct DepthwiseBlocks {
  int64_t wide;      // blocks of kWideBlock channels
  int64_t narrow;    // blocks of kNarrowBlock channels
  int64_t groups;    // of kTapRows tap rows
  int64_t tap_sets;  // groups * kernel_w
  int64_t span;      // input columns, pads included, that a row of outputs touches

  int64_t count() const { return wide + narrow; }
  int64_t first_channel(int64_t block) const {
    return block < wide ? block * kWideBlock : wide * kWideBlock + (block - wide) * kNarrowBlock;
  }
  int64_t width(int64_t block) const { return block < wide ? kWideBlock : kNarrowBlock; }
  int64_t bytes(int64_t width) const { return width * 4 + tap_sets * width * kTapRows; }  // start values, weights
  int64_t offset(int64_t block) const {
    return std::min(block, wide) * bytes(kWideBlock) + std::max<int64_t>(0, block - wide) * bytes(kNarrowBlock);
  }
};

// `widest`: of the registers in use, 64 or 32 channels.
DepthwiseBlocks blocks_of(const DepthwiseProblem& p, int64_t widest);

// The channel of dword i (0..width - 1) of a block: vector j = i / (width / 4), its 128-bit lane l and dword d.
constexpr int64_t channel_at(int64_t width, int64_t i) {
  const int64_t lanes = width / 16, vector = i / (width / 4), within = i % (width / 4);
  return within / 4 % lanes * 16 + vector * 4 + within % 4;
}

size_t depthwise_packed_bytes(const DepthwiseProblem& p, int64_t widest);
void depthwise_pack(const DepthwiseProblem& p, int64_t widest, const int8_t* weights, void* packed);

// Scratch: interleaved columns of one row of outputs, and a block of zero points for tap rows outside the image.
size_t depthwise_scratch_bytes(const DepthwiseProblem& p, int64_t widest);

}  // namespace qat::kernels
