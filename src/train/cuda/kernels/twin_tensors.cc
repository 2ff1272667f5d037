// Twins of the work on all parameters: weights, optimizers, averages; and the lists of chunks.
#include <cmath>

#include "train/cuda/kernels/optimizer_formulas.h"
#include "train/cuda/kernels/quantizer.h"
#include "train/cuda/kernels/twin.h"
#include "train/cuda/kernels/twin_kernels.h"
#include "train/cuda/kernels/weight_layout.h"

namespace qat::train::cuda {

namespace {

// body(weight, slices, slice) for all slices of the chunks.
template <class Body>
void for_slices(const WeightsArgs& args, const Body& body) {
  for (int64_t k = 0; k < args.chunk_count; ++k) {
    const WeightChunk& chunk = args.chunks[k];
    const Weight& weight = args.weights[chunk.weight];
    for (int s = chunk.slice; s < chunk.slice + chunk.count; ++s) body(weight, Slices(weight), s);
  }
}

Range range_of(const Weight& w, int slice) {
  return {.value = w.range + slice, .unit = w.unit, .lo = w.lo, .hi = w.hi};
}

template <class T>
void quantize_slice(const Weight& w, const Slices& slices, int slice) {
  if (w.range != nullptr && w.follow) {
    float peak = 0;
    for (int i = 0; i < slices.size; ++i) {
      const float v = std::fabs(w.master[element_place(w, slices, slice, i, true).master]);
      if (v > peak) peak = v;
    }
    w.range[slice] = range_of_peak(peak, w.unit);
  }
  for (int i = 0; i < slices.size; ++i) {
    const ElementPlace place = element_place(w, slices, slice, i, false);
    float v = w.master[place.master];
    if (w.range != nullptr) {
      const float scale = scale_of(range_of(w, slice));
      v = dequantize(quantize(v, scale, 0, w.lo, w.hi), scale, 0);
    }
    put<T>(w.copy, place.copy, v);
  }
}

template <class T>
bool slice_gradient(const Weight& w, const Slices& slices, int slice) {
  const bool clamps = w.range != nullptr && !w.follow;
  const Quantizer quant = clamps ? Quantizer::make(range_of(w, slice), -INFINITY, INFINITY) : Quantizer{};
  const int threads = slices.large() ? kWeightThreads : 32;
  std::vector<double> sums(static_cast<size_t>(threads), 0.0);
  bool finite = true;
  for (int i = 0; i < slices.size; ++i) {
    const ElementPlace place = element_place(w, slices, slice, i, true);
    const float g = get<T>(w.copy_gradient, place.copy), v = clamps ? w.master[place.master] : 0.0f;
    finite = finite && std::isfinite(g);
    w.gradient[place.master] = !clamps || quant.passes(v) ? g : 0.0f;
    if (w.range_gradient != nullptr) {
      sums[static_cast<size_t>(i % threads)] += static_cast<double>(g * quant.slope(v, range_of(w, slice)));
    }
  }
  if (w.range_gradient == nullptr) return finite;
  const auto warp = [&](int k) {
    return over_warp(std::vector<double>(sums.begin() + k * 32, sums.begin() + (k + 1) * 32), std::plus<>());
  };
  double total = warp(0);
  for (int k = 1; k < threads / 32; ++k) total += warp(k);
  w.range_gradient[slice] = static_cast<float>(w.range_factor * total);
  return finite;
}

bool stopped(Status status) { return status.word != nullptr && *status.word != 0; }

// body(parameter, its index, element) for all elements of the chunks.
template <class Body>
void for_elements(const OptimizerArgs& args, const Body& body) {
  for (int64_t k = 0; k < args.chunk_count; ++k) {
    const Chunk& chunk = args.chunks[k];
    const Parameter& p = args.parameters[chunk.tensor];
    if (p.gradient == nullptr) continue;
    for (int64_t i = chunk.part * kChunk; i < std::min(p.size, (chunk.part + 1) * kChunk); ++i)
      body(p, chunk.tensor, i);
  }
}

void keep_above(const Parameter& p, int64_t i) {
  if (p.value[i] < p.smallest) p.value[i] = p.smallest;
}

}  // namespace

std::vector<WeightChunk> weight_chunks(std::span<const Weight> weights) {
  std::vector<WeightChunk> chunks;
  for (size_t w = 0; w < weights.size(); ++w) {
    const Slices slices(weights[w]);
    const int step = slices.large() ? 1 : kWeightThreads / 32;
    for (int s = 0; s < slices.count; s += step) {
      chunks.push_back({static_cast<int32_t>(w), s, std::min(step, slices.count - s)});
    }
  }
  return chunks;
}

std::vector<Chunk> make_chunks(std::span<const int64_t> sizes) {
  std::vector<Chunk> chunks;
  for (size_t t = 0; t < sizes.size(); ++t) {
    for (int64_t part = 0; part * kChunk < sizes[t]; ++part) {
      chunks.push_back({static_cast<int32_t>(t), static_cast<int32_t>(part)});
    }
  }
  return chunks;
}

void twin_quantize_weights(const WeightsArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() {
    for_slices(args, [](const Weight& w, const Slices& slices, int slice) { quantize_slice<T>(w, slices, slice); });
  });
}

void twin_weight_gradients(const WeightsArgs& args, cudaStream_t) {
  for_type(args.type, [&]<class T>() {
    for_slices(args, [&](const Weight& w, const Slices& slices, int slice) {
      if (w.copy_gradient == nullptr) return;
      if (!slice_gradient<T>(w, slices, slice)) report(args.status, static_cast<int>(&w - args.weights));
    });
  });
}

void twin_check_finite(const OptimizerArgs& args, cudaStream_t) {
  for_elements(args, [&](const Parameter& p, int tensor, int64_t i) {
    if (!std::isfinite(p.gradient[i])) report(args.status, tensor);
  });
}

void twin_sgd(const OptimizerArgs& args, cudaStream_t) {
  if (stopped(args.status)) return;
  for_elements(args, [&](const Parameter& p, int, int64_t i) {
    float none = 0;
    OptimizerStep(args, *args.scalars, p.decay)
        .sgd(p.value[i], p.gradient[i], p.first == nullptr ? none : p.first[i], p.first != nullptr);
    keep_above(p, i);
  });
}

void twin_adamw(const OptimizerArgs& args, cudaStream_t) {
  if (stopped(args.status)) return;
  for_elements(args, [&](const Parameter& p, int, int64_t i) {
    OptimizerStep(args, *args.scalars, p.decay).adamw(p.value[i], p.gradient[i], p.first[i], p.second[i]);
    keep_above(p, i);
  });
}

void twin_average(const AverageArgs& args, cudaStream_t) {
  if (stopped(args.status)) return;
  const float share = 1.0f - args.scalars->average_keep;
  for (int64_t k = 0; k < args.chunk_count; ++k) {
    const Chunk& chunk = args.chunks[k];
    const Average& t = args.tensors[chunk.tensor];
    for (int64_t i = chunk.part * kChunk; i < std::min(t.size, (chunk.part + 1) * kChunk); ++i) {
      t.average[i] += share * (t.value[i] - t.average[i]);
    }
  }
}

}  // namespace qat::train::cuda
