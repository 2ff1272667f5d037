// Counter-based random numbers: a value depends on (seed, stream, counter) only, never on threads or call order.
#pragma once

#include <cstdint>
#include <vector>

namespace qat {

// SplitMix64 over a mixed key (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014).
class Random {
 public:
  Random(uint64_t seed, uint64_t stream = 0, uint64_t substream = 0);

  uint64_t bits();   // 64 uniform bits
  double uniform();  // [0, 1)
  double uniform(double lo, double hi) { return lo + (hi - lo) * uniform(); }
  int64_t below(int64_t n);  // [0, n), unbiased
  double normal();           // mean 0, deviation 1 (Box-Muller, no state kept)

 private:
  uint64_t state_;
};

// A permutation of [0, n) (Fisher-Yates).
std::vector<int64_t> permutation(int64_t n, Random& random);

}  // namespace qat
