// The rewrites in their order: see canonical.h.
#include "ir/canonical.h"
#include "ir/fold_batch_norm.h"
#include "ir/shapes.h"

namespace qat::ir {

void make_canonical(Graph& graph) {
  infer_shapes(graph);
  const auto fold_norms = [](Graph& g) { fold_batch_norms(g); };
  for (void (*rewrite)(Graph&) : {&remove_identities, &canonicalize_means, &fold_constants, +fold_norms,
                                  &lower_batch_norms, &commute_quantizers}) {
    rewrite(graph);
    infer_shapes(graph);
  }
}

}  // namespace qat::ir
