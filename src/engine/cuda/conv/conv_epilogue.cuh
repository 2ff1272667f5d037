// From 8 neighbouring sums of one output pixel to memory: multiplier and bias, skip, activation, rounding, one store.
#pragma once

#include "engine/cuda/conv/conv_params.h"
#include "engine/cuda/mma/copy.cuh"

namespace qat::cuda {

// Multipliers and biases of 8 channels; past the last channel they are 0, so that pad channels hold something defined.
struct Scales8 {
  float multiplier[8], bias[8];
};

// A tile's columns in shared memory: multipliers, biases and start values, [3][columns] of 4 bytes; zeros past the last
// channel.
constexpr int column_bytes(int columns) { return (3 * columns * 4 + 1023) / 1024 * 1024; }

__device__ inline Scales8 scales_at(const float* from, int tile_columns, int column) {
  Scales8 s;
#pragma unroll
  for (int i = 0; i < 8; i += 4) {
    *reinterpret_cast<float4*>(s.multiplier + i) = *reinterpret_cast<const float4*>(from + column + i);
    *reinterpret_cast<float4*>(s.bias + i) = *reinterpret_cast<const float4*>(from + tile_columns + column + i);
  }
  return s;
}

__device__ inline void start_at(const float* from, int tile_columns, int column, int32_t (&start)[8]) {
  const auto* at = reinterpret_cast<const int4*>(from + 2 * tile_columns + column);
  const int4 low = at[0], high = at[1];
  start[0] = low.x, start[1] = low.y, start[2] = low.z, start[3] = low.w;
  start[4] = high.x, start[5] = high.y, start[6] = high.z, start[7] = high.w;
}

// Under way with the copies of the first step. start: of the block of groups.
__device__ inline void copy_columns(const OutputParams& p, const int32_t* start, float* to, int tile_columns, int block,
                                    int first_column) {
  const uint32_t shared = shared_address(to);
  for (int i = static_cast<int>(threadIdx.x); i < tile_columns; i += static_cast<int>(blockDim.x)) {
    const bool exists = first_column + i < p.block_out;
    const int n = exists ? first_column + i : 0, bytes = exists ? 4 : 0;
    copy4(shared + i * 4, p.multiplier + block * p.block_out + n, bytes);
    copy4(shared + (tile_columns + i) * 4, p.bias + block * p.block_out + n, bytes);
    copy4(shared + (2 * tile_columns + i) * 4, start + n, bytes);
  }
}

// The other outputs: curved activations and floats. A call, see activate4().
__device__ __noinline__ inline void store_general4(const OutputParams& p, float4 v, int pixel, int channel) {
  const float values[4] = {v.x, v.y, v.z, v.w};
  if (!p.f32_output) {
    auto* y = static_cast<uint8_t*>(p.y) + static_cast<int64_t>(pixel) * p.out_pitch + channel;
    *reinterpret_cast<uint32_t*>(y) = finish4(p.epilogue, values);
    return;
  }
  auto* y = static_cast<float*>(p.y) + static_cast<int64_t>(pixel) * p.out_channels + channel;
#pragma unroll 1
  for (int i = 0; i < 4; ++i)
    if (channel + i < p.out_channels) y[i] = finish_f32(p.epilogue, values[i]);
}

enum class Outputs : uint8_t {
  kUnit,     // unit_outputs(): to_unit() said so
  kPlain,    // OutputParams::plain()
  kGeneral,  // the others
};

// channel: of the output, a multiple of 8; skip: its 8 bytes, read where has_skip.
template <Outputs kOutputs>
__device__ inline void store8(const OutputParams& p, const Scales8& s, const int32_t (&sum)[8], uint2 skip, int pixel,
                              int channel) {
  auto* y = static_cast<uint8_t*>(p.y) + static_cast<int64_t>(pixel) * p.out_pitch + channel;
  if constexpr (kOutputs == Outputs::kUnit) {
    uint2 word;
    if (p.has_skip) {
      word = make_uint2(unit_outputs(p.unit, sum, s.multiplier, s.bias, skip.x),
                        unit_outputs(p.unit, sum + 4, s.multiplier + 4, s.bias + 4, skip.y));
    } else {
      word = make_uint2(unit_outputs(p.unit, sum, s.multiplier, s.bias),
                        unit_outputs(p.unit, sum + 4, s.multiplier + 4, s.bias + 4));
    }
    *reinterpret_cast<uint2*>(y) = word;
  } else {
    float v[2][4];
#pragma unroll
    for (int i = 0; i < 8; ++i) v[i / 4][i % 4] = accumulated(sum[i], s.multiplier[i], s.bias[i]);
    if (p.has_skip) {
      add_skip4(p.epilogue, skip.x, v[0]);
      add_skip4(p.epilogue, skip.y, v[1]);
    }
    if constexpr (kOutputs == Outputs::kPlain) {
      *reinterpret_cast<uint2*>(y) = make_uint2(clamp4(p.epilogue, v[0]), clamp4(p.epilogue, v[1]));
    } else {
      store_general4(p, make_float4(v[0][0], v[0][1], v[0][2], v[0][3]), pixel, channel);
      store_general4(p, make_float4(v[1][0], v[1][1], v[1][2], v[1][3]), pixel, channel + 4);
    }
  }
}

__device__ inline uint2 skip_at(const OutputParams& p, int pixel, int channel) {
  if (!p.has_skip) return make_uint2(0, 0);
  return *reinterpret_cast<const uint2*>(p.skip + static_cast<int64_t>(pixel) * p.out_pitch + channel);
}

}  // namespace qat::cuda
