// The numbers behind a FakeQuant node: scales, zero points, bounds, whatever form its range input has.
#pragma once

#include <vector>

#include "ir/graph.h"

namespace qat::ir {

struct QuantRange {
  std::vector<float> scale;     // one, or one per channel of axis
  std::vector<int> zero_point;  // the same size
  int axis = -1;
  int lo = -128, hi = 127;
};

// Throws Error(kBadFile) naming the node when a scale is not positive and finite. An amax of 0 (an all-zero channel)
// gives s = 1.
QuantRange quant_range(const Graph& graph, const Node& fake_quant);

}  // namespace qat::ir
