// Pass: ReduceMean over height and width is GlobalAvgPool, followed by Flatten where it drops the axes.
#include <algorithm>

#include "engine/compile/passes.h"

namespace qat::engine {

namespace {

bool over_image(const ir::Graph& graph, const ir::Node& node) {
  const ir::Dims& x = graph.value(node.inputs[0]).dims;
  if (node.op != ir::Op::kReduceMean || x.size() != 4) return false;
  std::vector<int64_t> axes = node.as<ir::ListAttrs>().values;
  for (int64_t& axis : axes) axis = axis < 0 ? axis + 4 : axis;
  std::sort(axes.begin(), axes.end());
  return axes == std::vector<int64_t>{2, 3};
}

}  // namespace

ir::Graph canonicalize_means(ir::Graph graph, PassContext&) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (!over_image(graph, graph.nodes[i])) continue;
    const bool keep = graph.nodes[i].as<ir::ListAttrs>().keep_dims;
    graph.nodes[i].op = ir::Op::kGlobalAvgPool;
    graph.nodes[i].attrs = {};
    if (keep) continue;
    const ir::ValueId mean = graph.nodes[i].output;
    const auto next = static_cast<ir::NodeId>(i + 1);
    const ir::ValueId flat =
        graph.insert_node(next, ir::Op::kFlatten, graph.nodes[i].name + ".flatten", {mean}, ir::AxisAttrs{});
    graph.replace_uses(mean, flat, next);
  }
  return graph;
}

}  // namespace qat::engine
