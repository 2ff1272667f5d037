// What the twins share: tensors of either type on the host, and the device's order of additions.
#pragma once

#include <vector>

#include "base/half.h"
#include "train/cuda/kernels/channel_sums.h"
#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {

template <class T>
float rounded(float v) {
  if constexpr (sizeof(T) == 2) {
    return to_float(to_bfloat16(v));
  } else {
    return v;
  }
}

template <class T>
float get(const void* tensor, int64_t i) {
  if constexpr (sizeof(T) == 2) {
    return to_float(static_cast<const BFloat16*>(tensor)[i]);
  } else {
    return static_cast<const float*>(tensor)[i];
  }
}

template <class T>
void put(void* tensor, int64_t i, float v) {
  if constexpr (sizeof(T) == 2) {
    static_cast<BFloat16*>(tensor)[i] = to_bfloat16(v);
  } else {
    static_cast<float*>(tensor)[i] = v;
  }
}

template <class Body>
void for_type(Type type, const Body& body) {
  type == Type::kBF16 ? body.template operator()<BFloat16>() : body.template operator()<float>();
}

inline bool bit(const uint8_t* mask, int64_t pitch, int64_t row, int64_t c) {
  return mask == nullptr || (mask[row * pitch + c / 8] >> (c % 8) & 1) != 0;
}

inline void report(Status status, int place) {
  if (status.word != nullptr) *status.word = std::max(*status.word, status_word(status.place + place));
}

// Lanes combined pairwise as a warp's butterfly does.
template <class Value, class Combine>
Value over_warp(std::vector<Value> lanes, const Combine& combine) {
  for (size_t step = 16; step > 0; step /= 2) {
    const std::vector<Value> before = lanes;
    for (size_t i = 0; i < 32; ++i) lanes[i] = combine(before[i], before[i ^ step]);
  }
  return lanes[0];
}

using Totals = std::vector<double>;  // [width][kTileLanes]

// channel_sums.cuh's add_columns.
template <int kWidth, class Value>
Totals add_columns(int lanes, int64_t items, const Value& value) {
  const int segments = segments_of(lanes, kWidth);
  Totals totals(static_cast<size_t>(kWidth * kTileLanes), 0.0);
  for (int w = 0; w < kWidth; ++w) {
    for (int lane = 0; lane < lanes; ++lane) {
      double total = 0;
      for (int segment = 0; segment < segments; ++segment) {
        double sum = 0;
        for (int64_t i = segment; i < items; i += segments) sum += value(i, w, lane);
        total = segment == 0 ? sum : total + sum;
      }
      totals[static_cast<size_t>(w * kTileLanes + lane)] = total;
    }
  }
  return totals;
}

// row(r, channel, count, sums) adds a thread's eight channels of one row; finish(tile, totals) has the sums of a tile.
template <int kWidth, class Row, class Finish>
void add_channels(int64_t rows, int64_t channels, const Row& row, const Finish& finish) {
  const SumGrid grid(rows, channels);
  for (int64_t tile = 0; tile < grid.tiles; ++tile) {
    const int lanes = lanes_of(channels, tile), threads = kSumThreads / lanes;
    std::vector<Totals> parts;
    for (int64_t part = 0; part < grid.parts; ++part) {
      std::vector<float> block(static_cast<size_t>(threads * lanes * kWidth), 0.0f);
      for (int t = 0; t < threads * lanes; ++t) {
        const int64_t channel = tile * kTileChannels + t % lanes * 8;
        const int count = static_cast<int>(std::min<int64_t>(8, channels - channel));
        for (int64_t r = part * threads + t / lanes; r < rows; r += grid.parts * threads) {
          row(r, channel, count, block.data() + t * kWidth);
        }
      }
      parts.push_back(add_columns<kWidth>(lanes, threads, [&](int64_t i, int w, int lane) {
        return static_cast<double>(block[static_cast<size_t>((i * lanes + lane) * kWidth + w)]);
      }));
    }
    finish(tile, add_columns<kWidth>(lanes, grid.parts, [&](int64_t i, int w, int lane) {
             return parts[static_cast<size_t>(i)][static_cast<size_t>(w * kTileLanes + lane)];
           }));
  }
}

}  // namespace qat::train::cuda
