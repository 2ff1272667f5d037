// SplitMix64 and what is drawn from it: see random.h.
#include "base/random.h"

#include <cmath>
#include <numbers>
#include <numeric>
#include <utility>

namespace qat {

namespace {

constexpr uint64_t kGamma = 0x9E3779B97F4A7C15u;  // odd, the golden ratio in 64 bits

uint64_t mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

}  // namespace

Random::Random(uint64_t seed, uint64_t stream, uint64_t substream)
    : state_(mix(mix(mix(seed + kGamma) ^ (stream + kGamma)) ^ (substream + kGamma))) {}

uint64_t Random::bits() {
  state_ += kGamma;
  return mix(state_);
}

double Random::uniform() { return static_cast<double>(bits() >> 11) * 0x1p-53; }

int64_t Random::below(int64_t n) {
  const auto bound = static_cast<uint64_t>(n);
  const uint64_t reject = (0 - bound) % bound;  // 2^64 mod n values would be drawn once too often
  uint64_t draw = bits();
  while (draw < reject) draw = bits();
  return static_cast<int64_t>(draw % bound);
}

double Random::normal() {
  const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
  return radius * std::cos(2.0 * std::numbers::pi * uniform());
}

std::vector<int64_t> permutation(int64_t n, Random& random) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  std::iota(order.begin(), order.end(), int64_t{0});
  for (int64_t i = n - 1; i > 0; --i)
    std::swap(order[static_cast<size_t>(i)], order[static_cast<size_t>(random.below(i + 1))]);
  return order;
}

}  // namespace qat
