// Twins of the input step and of the histogram, and the histogram's way back to the host's class.
#include <cmath>
#include <utility>

#include "quant/calib/calibrator.h"
#include "train/cuda/kernels/augment.h"
#include "train/cuda/kernels/twin.h"
#include "train/cuda/kernels/twin_kernels.h"

namespace qat::train::cuda {

namespace {

template <class T>
void make_image(const BatchArgs& args, int64_t n) {
  const Augmentation window = augmentation_of(args, n);
  const int64_t image = args.source == nullptr ? n : args.source[n];
  const uint8_t* from = args.images + image * args.height * args.width * args.channels;
  for (int64_t p = 0; p < args.out_height * args.out_width; ++p) {
    const int64_t column = p % args.out_width;
    const int64_t y = p / args.out_width + window.top;
    const int64_t x = (window.flip ? args.out_width - 1 - column : column) + window.left;
    const bool inside = y >= 0 && y < args.height && x >= 0 && x < args.width;
    for (int64_t c = 0; c < args.out_channels; ++c) {
      const int pixel = inside && c < args.channels ? from[(y * args.width + x) * args.channels + c] : 0;
      put<T>(args.y, (n * args.out_height * args.out_width + p) * args.out_channels + c,
             c < args.channels ? args.table[c * 256 + pixel] : 0.0f);
    }
  }
}

void grow(HistogramState& h, float largest) {
  h.max = std::max(h.max, largest);
  int k = 0;
  std::frexp(h.max, &k);
  const int exponent = std::max(k - 12 - HistogramState::kMinExponent, h.exponent);
  const int shift = h.max == 0.0f ? 0 : std::min(exponent - h.exponent, 31);
  if (shift == 0) return;
  for (int i = 1; i < HistogramState::kBins; ++i) {
    const auto n = std::exchange(h.counts[i], 0ULL);
    h.counts[i >> shift] += n;
  }
  h.exponent = exponent;
}

}  // namespace

void twin_make_batch(const BatchArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() {
    for (int64_t n = 0; n < args.n; ++n) make_image<T>(args, n);
  });
}

void twin_add_to_histogram(const HistogramArgs& args, cudaStream_t) {
  HistogramState& h = *args.histogram;
  std::vector<float> magnitudes;
  for_type(args.type, [&]<class T>() {
    for (int64_t i = 0; i < args.size; ++i) {
      const float v = get<T>(args.x, i);
      if (!std::isfinite(v)) {
        ++h.not_finite;
        continue;
      }
      ++h.total;
      h.zeros += v == 0.0f;
      h.negative |= v < 0.0f ? 1u : 0u;
      magnitudes.push_back(std::fabs(v));
    }
  });
  grow(h, magnitudes.empty() ? 0.0f : *std::max_element(magnitudes.begin(), magnitudes.end()));
  const float scale = std::ldexp(1.0f, -(h.exponent + HistogramState::kMinExponent));
  for (const float v : magnitudes) ++h.counts[static_cast<size_t>(v * scale)];
}

quant::Histogram histogram_of(const HistogramState& state) {
  quant::HistogramParts parts{.exponent = state.exponent + HistogramState::kMinExponent,
                              .total = static_cast<int64_t>(state.total),
                              .zeros = static_cast<int64_t>(state.zeros),
                              .not_finite = static_cast<int64_t>(state.not_finite),
                              .max = state.max,
                              .negative = state.negative != 0};
  parts.counts.assign(state.counts, state.counts + HistogramState::kBins);
  return quant::Histogram(std::move(parts));
}

}  // namespace qat::train::cuda
