// Passes: the rewrites that LibTorch's exact evaluation shares, ir/canonical.h.
#include "ir/canonical.h"

#include "engine/compile/passes.h"
#include "ir/fold_batch_norm.h"

namespace qat::engine {

ir::Graph remove_identities(ir::Graph graph, PassContext&) {
  ir::remove_identities(graph);
  return graph;
}

ir::Graph canonicalize_means(ir::Graph graph, PassContext&) {
  ir::canonicalize_means(graph);
  return graph;
}

ir::Graph fold_constants(ir::Graph graph, PassContext&) {
  ir::fold_constants(graph);
  return graph;
}

ir::Graph fold_batch_norm(ir::Graph graph, PassContext& context) {
  for (const auto& [layer, norm] : ir::fold_batch_norms(graph)) context.absorb(layer, norm);
  return graph;
}

ir::Graph lower_batch_norm(ir::Graph graph, PassContext&) {
  ir::lower_batch_norms(graph);
  return graph;
}

ir::Graph commute_quantizers(ir::Graph graph, PassContext&) {
  ir::commute_quantizers(graph);
  return graph;
}

}  // namespace qat::engine
