// Nodes that change nothing at inference go: see canonical.h.
#include "ir/canonical.h"

namespace qat::ir {

void remove_identities(Graph& graph) {
  for (const Node& node : graph.nodes) {
    if (node.op == Op::kIdentity || node.op == Op::kDropout) graph.replace_uses(node.output, node.inputs[0]);
  }
  prune(graph);
}

}  // namespace qat::ir
