// The numbers behind a FakeQuant node: scales, zero points, bounds, whatever form its range input has.
#pragma once

#include <optional>
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

// The coding of a per-tensor FakeQuant of an activation; nothing for weights, per-channel ranges and other operators.
std::optional<QuantInfo> coding_of(const Graph& graph, const Node& node);
bool same_coding(const QuantInfo& a, const QuantInfo& b);  // all four numbers

}  // namespace qat::ir
