// Pass: nodes that change nothing at inference go.
#include "engine/compile/passes.h"

namespace qat::engine {

ir::Graph remove_identities(ir::Graph graph, PassContext&) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const ir::Node& node = graph.nodes[i];
    if (node.op != ir::Op::kIdentity && node.op != ir::Op::kDropout) continue;
    graph.replace_uses(node.output, node.inputs[0]);
  }
  ir::prune(graph);
  return graph;
}

}  // namespace qat::engine
