// Each rank's in turn, as bytes: see histograms.h.
#include "train/distributed/histograms.h"

#include <cmath>
#include <cstring>

namespace qat::train {

namespace {

constexpr size_t kBins = quant::Histogram::kBins;

struct Packed {
  int64_t counts[kBins];
  int64_t exponent, total, zeros, not_finite;
  float max;
  int32_t negative;
};

Packed pack(const quant::Histogram& h) {
  Packed p{};
  std::copy(h.counts().begin(), h.counts().end(), p.counts);
  p.exponent = std::ilogb(h.bin_width());
  p.total = h.total(), p.zeros = h.zeros(), p.not_finite = h.not_finite();
  p.max = h.max(), p.negative = h.negative() ? 1 : 0;
  return p;
}

quant::Histogram unpack(const Packed& p) {
  return quant::Histogram({.counts = {p.counts, p.counts + kBins},
                           .exponent = static_cast<int>(p.exponent),
                           .total = p.total,
                           .zeros = p.zeros,
                           .not_finite = p.not_finite,
                           .max = p.max,
                           .negative = p.negative != 0});
}

}  // namespace

std::vector<quant::Histogram> merged(Group* group, std::vector<quant::Histogram> histograms) {
  if (group == nullptr) return histograms;
  std::vector<Packed> mine, theirs(histograms.size());
  for (const quant::Histogram& histogram : histograms) mine.push_back(pack(histogram));
  std::vector<quant::Histogram> all(histograms.size());
  for (int rank = 0; rank < group->size(); ++rank) {
    const auto* begin = reinterpret_cast<const uint8_t*>(mine.data());
    std::vector<uint8_t> bytes(begin, begin + mine.size() * sizeof(Packed));
    group->broadcast(bytes, rank);
    std::memcpy(theirs.data(), bytes.data(), bytes.size());
    for (size_t i = 0; i < all.size(); ++i) all[i].merge(unpack(theirs[i]));
  }
  return all;
}

}  // namespace qat::train
