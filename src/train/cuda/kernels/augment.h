// What one image's augmentation is, for device and twin: the numbers that data/transform's crop and flip draw.
#pragma once

#include "base/qmath.h"
#include "train/cuda/kernels/batch.h"

namespace qat::train::cuda {

// base/random.h's generator, host and device.
struct CounterRandom {
  static constexpr uint64_t kGamma = 0x9E3779B97F4A7C15u;
  uint64_t state;

  QAT_HD static uint64_t mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
  }
  QAT_HD CounterRandom(uint64_t seed, uint64_t stream, uint64_t substream)
      : state(mix(mix(mix(seed + kGamma) ^ (stream + kGamma)) ^ (substream + kGamma))) {}

  QAT_HD int64_t below(int64_t n) {
    const auto bound = static_cast<uint64_t>(n);
    const uint64_t reject = (0 - bound) % bound;
    uint64_t draw = 0;
    do {
      state += kGamma;
      draw = mix(state);
    } while (draw < reject);
    return static_cast<int64_t>(draw % bound);
  }
};

struct Augmentation {
  int64_t top = 0, left = 0;  // of the window in the image; may lie outside
  bool flip = false;
};

QAT_HD Augmentation augmentation_of(const BatchArgs& args, int64_t n) {
  Augmentation a;
  if (!args.crop && !args.flip) return a;
  CounterRandom random(args.state->seed, args.state->epoch, static_cast<uint64_t>(args.index[n]));
  if (args.crop) {
    a.top = random.below(args.height + 2 * args.pad - args.out_height + 1) - args.pad;
    a.left = random.below(args.width + 2 * args.pad - args.out_width + 1) - args.pad;
  }
  if (args.flip) a.flip = random.below(2) == 1;
  return a;
}

}  // namespace qat::train::cuda
