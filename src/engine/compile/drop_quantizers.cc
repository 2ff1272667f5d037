// Pass: for a float engine every FakeQuant goes; weights stay as the file has them.
#include "engine/compile/passes.h"

namespace qat::engine {

ir::Graph drop_quantizers(ir::Graph graph, PassContext& context) {
  if (context.int8) return graph;
  size_t dropped = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    const ir::Node& node = graph.nodes[i];
    if (node.op != ir::Op::kFakeQuant) continue;
    graph.replace_uses(node.output, node.inputs[0]);
    ++dropped;
  }
  if (dropped > 0) {
    context.report.notes.push_back(cat("the file is quantized, the engine is float: ", dropped, " quantizers ignored"));
  }
  ir::prune(graph);
  return graph;
}

}  // namespace qat::engine
