// For tests: fills a graph's parameters with values that hide no mistake: signed, zero and tiny gammas, odd variances.
#pragma once

#include <cmath>

#include "base/random.h"
#include "ir/graph.h"

namespace qat::ir {

inline Tensor random_tensor(const Shape& shape, uint64_t stream, double lo = -1, double hi = 1) {
  Tensor t(DType::kF32, shape);
  Random random(7, stream);
  for (float& x : t.data<float>()) x = static_cast<float>(random.uniform(lo, hi));
  return t;
}

// Convolutions and Gemms with unit gain; BatchNorm gammas in [-1.5, 1.5], a few of them exactly 0.
inline void randomize(Graph& graph, uint64_t seed = 1) {
  for (const Node& node : graph.nodes) {
    const bool norm = node.op == Op::kBatchNorm;
    if (!norm && node.op != Op::kConv && node.op != Op::kConvTranspose && node.op != Op::kGemm) continue;
    for (size_t i = 1; i < node.inputs.size(); ++i) {
      if (!graph.has_data(node.inputs[i])) continue;
      Tensor& data = graph.value(node.inputs[i]).data;
      Random random(seed, static_cast<uint64_t>(node.inputs[i]));
      const double fan_in = static_cast<double>(data.size()) / static_cast<double>(data.dim(0));
      for (float& x : data.data<float>()) {
        if (i == 1 && !norm) {
          x = static_cast<float>(random.normal() * std::sqrt(2 / fan_in));
        } else if (i == 1) {
          x = random.below(16) == 0 ? 0.0f : static_cast<float>(random.uniform(-1.5, 1.5));
        } else {
          x = static_cast<float>(norm && i == 4 ? random.uniform(0.3, 2) : random.uniform(-0.3, 0.3));
        }
      }
    }
  }
}

}  // namespace qat::ir
