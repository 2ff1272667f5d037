// The streaming histogram: two passes over blocks that stay in the first-level cache, about 1 ns a value.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "quant/calib/calibrator.h"

namespace qat::quant {

namespace {

constexpr size_t kBlock = 1024;  // 4 KiB of values
constexpr size_t kLanes = 2;     // neighbours count apart: equal values (zeros) would wait for each other's store
constexpr int32_t kAbs = 0x7FFFFFFF;
constexpr int32_t kLargestFinite = 0x7F7FFFFF;

// Counts of at most kFlush blocks: 16 bits suffice, and 2 x 8 KiB leave room for the block in the first-level cache.
using Lane = std::array<uint16_t, Histogram::kBins>;
using Lanes = std::array<Lane, kLanes>;
constexpr size_t kFlush = 65535 / (kBlock / kLanes);

struct Summary {
  int32_t max = 0;  // largest |x| as bits: they are ordered as the values are, infinities and NaN above all
  int32_t zeros = 0;
  int32_t signs = 0;  // negative if any x < 0
};

// Over integers, without branches and of constant length, so that the compiler vectorizes it; over floats it may not.
Summary summarize(const float* x) {
  Summary s;
  for (size_t i = 0; i < kBlock; ++i) {
    const auto bits = std::bit_cast<int32_t>(x[i]);
    const int32_t magnitude = bits & kAbs;
    s.max = magnitude > s.max ? magnitude : s.max;
    s.zeros += magnitude == 0;
    s.signs |= magnitude == 0 ? 0 : bits;
  }
  return s;
}

void count_block(const float* x, float scale, Lanes& lanes) {
  int32_t bins[kBlock];
  for (size_t i = 0; i < kBlock; ++i) bins[i] = static_cast<int32_t>(std::fabs(x[i]) * scale);
  for (size_t i = 0; i < kBlock; i += kLanes) {
    for (size_t lane = 0; lane < kLanes; ++lane) ++lanes[lane][static_cast<size_t>(bins[i + lane])];
  }
}

void flush(Lanes& lanes, std::vector<int64_t>& counts) {
  for (size_t i = 0; i < counts.size(); ++i) {
    for (Lane& lane : lanes) counts[i] += lane[i];
  }
  for (Lane& lane : lanes) lane.fill(0);
}

float inverse_width(int exponent) { return std::ldexp(1.0f, -exponent); }

}  // namespace

Histogram::Histogram(HistogramParts parts)
    : counts_(std::move(parts.counts)),
      exponent_(parts.exponent),
      total_(parts.total),
      zeros_(parts.zeros),
      not_finite_(parts.not_finite),
      max_(parts.max),
      negative_(parts.negative) {
  QAT_ASSERT(counts_.size() == kBins);
  if (empty()) counts_.clear();
}

double Histogram::bin_width() const { return std::ldexp(1.0, exponent_); }

// The smallest width that holds max: max < 2^k gives 2^(k - 12).
void Histogram::grow_to(float max) {
  if (counts_.empty()) counts_.assign(kBins, 0);
  max_ = std::max(max_, max);
  int k = 0;
  std::frexp(max, &k);
  const int exponent = std::max(k - std::countr_zero(static_cast<unsigned>(kBins)), exponent_);
  const int shift = std::min(exponent - exponent_, 31);
  if (shift == 0 || max == 0) return;
  for (int i = 1; i < kBins; ++i) {
    const int64_t n = std::exchange(counts_[static_cast<size_t>(i)], int64_t{0});
    counts_[static_cast<size_t>(i >> shift)] += n;
  }
  exponent_ = exponent;
}

void Histogram::add_slowly(std::span<const float> values) {
  float largest = 0;
  for (const float x : values) largest = std::isfinite(x) ? std::max(largest, std::fabs(x)) : largest;
  grow_to(largest);
  const float scale = inverse_width(exponent_);
  for (const float x : values) {
    if (!std::isfinite(x)) {
      ++not_finite_;
      continue;
    }
    ++total_;
    zeros_ += x == 0;
    negative_ = negative_ || x < 0;
    ++counts_[static_cast<size_t>(std::fabs(x) * scale)];
  }
}

void Histogram::add(std::span<const float> values) {
  const size_t blocks = values.size() / kBlock;
  Lanes lanes;
  for (Lane& lane : lanes) lane.fill(0);
  size_t pending = 0;
  const auto flush_pending = [&] {
    if (pending > 0) flush(lanes, counts_);
    pending = 0;
  };
  for (size_t b = 0; b < blocks; ++b) {
    const float* x = values.data() + b * kBlock;
    const Summary s = summarize(x);
    if (s.max > kLargestFinite) {
      flush_pending();
      add_slowly({x, kBlock});
      continue;
    }
    if (const float max = std::bit_cast<float>(s.max); max > max_ || counts_.empty()) {
      flush_pending();
      grow_to(max);
    }
    total_ += static_cast<int64_t>(kBlock);
    zeros_ += s.zeros;
    negative_ = negative_ || s.signs < 0;
    count_block(x, inverse_width(exponent_), lanes);
    if (++pending == kFlush) flush_pending();
  }
  flush_pending();
  add_slowly(values.subspan(blocks * kBlock));
}

void Histogram::merge(const Histogram& other) {
  if (!other.counts_.empty()) {
    grow_to(other.max_);
    const int shift = std::min(exponent_ - other.exponent_, 31);
    for (int i = 0; i < kBins; ++i) counts_[static_cast<size_t>(i >> shift)] += other.counts_[static_cast<size_t>(i)];
  }
  total_ += other.total_;
  zeros_ += other.zeros_;
  not_finite_ += other.not_finite_;
  negative_ = negative_ || other.negative_;
}

}  // namespace qat::quant
