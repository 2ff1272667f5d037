// Passes: the rewrites that LibTorch's exact evaluation shares, ir/canonical.h.
#include "ir/canonical.h"

#include "engine/compile/passes.h"

namespace qat::engine {

ir::Graph remove_identities(ir::Graph graph, PassContext&) {
  ir::remove_identities(graph);
  return graph;
}

ir::Graph canonicalize_means(ir::Graph graph, PassContext&) {
  ir::canonicalize_means(graph);
  return graph;
}

ir::Graph commute_quantizers(ir::Graph graph, PassContext&) {
  ir::commute_quantizers(graph);
  return graph;
}

}  // namespace qat::engine
