// The compiler's passes: Graph -> Graph functions in one ordered table, each named, timed, verified and switchable.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/compile/build.h"
#include "ir/graph.h"

namespace qat::engine {

struct PassContext {
  bool int8 = true;                                       // false: a float engine, quantizers are dropped
  std::set<std::string> keep_float;                       // layers that measurement left in float
  BuildReport report;                                     // passes, not_int8
  std::map<std::string, std::vector<std::string>> fused;  // by node: what went into it, itself first

  void absorb(const std::string& into, const std::string& what) {
    std::vector<std::string>& parts = fused[into];
    if (parts.empty()) parts.push_back(into);
    parts.push_back(what);
  }
};

struct Pass {
  const char* name;
  ir::Graph (*run)(ir::Graph graph, PassContext& context);
  bool optional;     // may be disabled; the others only change form
  const char* what;  // one line
};

const std::vector<Pass>& passes();

// Runs all but `disabled`; verifies and infers shapes after each. Throws Error(kUsage) for a pass that does not exist
// or is not optional.
ir::Graph run_passes(ir::Graph graph, const std::vector<std::string>& disabled, PassContext& context);

// In their order, but for those that are rewrites of ir/canonical.h.
ir::Graph drop_quantizers(ir::Graph graph, PassContext& context);
ir::Graph fold_batch_norm(ir::Graph graph, PassContext& context);
ir::Graph lower_layers(ir::Graph graph, PassContext& context);
ir::Graph fuse_adds(ir::Graph graph, PassContext& context);
ir::Graph fuse_activations(ir::Graph graph, PassContext& context);
ir::Graph lower_int8(ir::Graph graph, PassContext& context);

}  // namespace qat::engine
