// Pass: for a float engine every FakeQuant goes; weights stay as the file has them.
#include "engine/compile/match.h"
#include "engine/compile/passes.h"

namespace qat::engine {

ir::Graph drop_quantizers(ir::Graph graph, PassContext& context) {
  if (context.int8) return graph;
  size_t dropped = 0;
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    ir::Node& node = graph.nodes[i];
    if (node.op != ir::Op::kFakeQuant) continue;
    // Asymmetric ranges do the work of a ReLU that their toolkit removed: the clipping stays.
    if (const auto coding = coding_of(graph, node); coding && (coding->zero_point != 0 || coding->lo == 0)) {
      node.op = ir::Op::kClip;
      node.inputs = {node.inputs[0]};
      node.attrs = ir::ClipAttrs{.lo = static_cast<float>(coding->lo - coding->zero_point) * coding->scale,
                                 .hi = static_cast<float>(coding->hi - coding->zero_point) * coding->scale};
      continue;
    }
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
