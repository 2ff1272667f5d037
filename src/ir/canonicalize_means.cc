// ReduceMean over height and width is GlobalAvgPool: see canonical.h.
#include <algorithm>

#include "ir/canonical.h"

namespace qat::ir {

namespace {

bool over_image(const Graph& graph, const Node& node) {
  const Dims& x = graph.value(node.inputs[0]).dims;
  if (node.op != Op::kReduceMean || x.size() != 4) return false;
  std::vector<int64_t> axes = node.as<ListAttrs>().values;
  for (int64_t& axis : axes) axis = axis < 0 ? axis + 4 : axis;
  std::sort(axes.begin(), axes.end());
  return axes == std::vector<int64_t>{2, 3};
}

}  // namespace

void canonicalize_means(Graph& graph) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!over_image(graph, graph.nodes[i])) continue;
    const bool keep = graph.nodes[i].as<ListAttrs>().keep_dims;
    graph.nodes[i].op = Op::kGlobalAvgPool;
    graph.nodes[i].attrs = {};
    if (keep) continue;
    const ValueId mean = graph.nodes[i].output;
    const auto next = static_cast<NodeId>(i + 1);
    const ValueId flat = graph.insert_node(next, Op::kFlatten, graph.nodes[i].name + ".flatten", {mean}, AxisAttrs{});
    graph.replace_uses(mean, flat, next);
  }
}

}  // namespace qat::ir
