// Pixels to a network's input, and values to calibration's histograms, on the device.
#pragma once

#include <cstdint>

#include "train/cuda/kernels/types.h"

namespace qat::quant {
class Histogram;
}

namespace qat::train::cuda {

// Random numbers of a batch's augmentation, in device memory. An image draws from base/random.h's
// Random(seed, epoch, index of the image): with the loader's seed it gets the crop and the flip that data/transform
// draws.
struct AugmentState {
  uint64_t seed = 0;  // data::augment_seed(TRAIN.SEED)
  uint64_t epoch = 0;
};

// u8 [*, height, width, channels] -> [n, out_height, out_width, out_channels], normalized; channels beyond the image's
// are 0.
struct BatchArgs {
  int64_t n = 0, height = 0, width = 0, channels = 0;
  int64_t out_height = 0, out_width = 0, out_channels = 0;
  Type type = Type::kBF16;
  const uint8_t* images = nullptr;
  const int64_t* source = nullptr;  // [n]: which image of `images`; null: the n-th
  const int64_t* index = nullptr;   // [n]: of the image in its dataset, for the random numbers; read when crop or flip
  const AugmentState* state = nullptr;
  bool crop = false;  // pads by `pad` zeros, cuts out_height x out_width at a random place; else sizes are equal
  int64_t pad = 0;
  bool flip = false;             // half of the images
  const float* table = nullptr;  // [channels][256]: data/normalize.h's
  void* y = nullptr;
};

// quant/calib/calibrator.h's Histogram in device memory: all zero is an empty one.
struct HistogramState {
  static constexpr int kBins = 4096;
  static constexpr int kMinExponent = -112;
  unsigned long long counts[kBins];
  int32_t exponent;  // bin width 2^(exponent + kMinExponent)
  float max;
  uint32_t negative;
  uint32_t batch_max;  // of the call under way, as bits; 0 between calls
  unsigned long long total, zeros, not_finite;
};

// Adds |x| of `size` values: two passes over x, no tensor kept. Equal to Histogram::add of the same values.
struct HistogramArgs {
  int64_t size = 0;
  Type type = Type::kF32;
  const void* x = nullptr;
  HistogramState* histogram = nullptr;
};

// From a copy on the host.
quant::Histogram histogram_of(const HistogramState& state);

}  // namespace qat::train::cuda
