// The table of passes and its driver.
#include "engine/compile/passes.h"

#include <algorithm>
#include <chrono>

#include "base/error.h"
#include "engine/compile/cuda_rivals.h"
#include "engine/compile/run_choices.h"
#include "engine/compile/tactics.h"
#include "ir/canonical.h"
#include "ir/fold_batch_norm.h"
#include "ir/lowered.h"
#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::engine {

ir::Graph fold_batch_norm(ir::Graph graph, PassContext& context) {
  for (const auto& [layer, norm] : ir::fold_batch_norms(graph)) context.absorb(layer, norm);
  return graph;
}

namespace {

// A rewrite of ir/canonical.h as a pass.
template <void (*Rewrite)(ir::Graph&)>
ir::Graph pass(ir::Graph graph, PassContext&) {
  Rewrite(graph);
  return graph;
}

}  // namespace

const std::vector<Pass>& passes() {
  // Up to lower_layers, ir::make_canonical does the same (passes_test.cc).
  static const std::vector<Pass> table{
      {"remove_identities", pass<ir::remove_identities>, false, "Identity and Dropout go"},
      {"canonicalize_means", pass<ir::canonicalize_means>, false, "ReduceMean over the image becomes GlobalAvgPool"},
      {"fold_constants", pass<ir::fold_constants>, true, "nodes of constants become constants"},
      {"drop_quantizers", drop_quantizers, false, "a float engine ignores quantizers"},
      {"fold_batch_norm", fold_batch_norm, true, "BatchNorm goes into the layer before it"},
      {"lower_batch_norm", pass<ir::lower_batch_norms>, false,
       "what is left of BatchNorm becomes a 1x1 depthwise Conv"},
      {"commute_quantizers", pass<ir::commute_quantizers>, true,
       "quantizers move before MaxPool, Flatten, Reshape and Concat"},
      {"lower_layers", lower_layers, false, "Conv and Gemm get an epilogue"},
      {"fuse_adds", fuse_adds, true, "a residual Add goes into the layer before it"},
      {"fuse_activations", fuse_activations, true, "an activation goes into the layer before it"},
      {"lower_int8", lower_int8, false, "quantized regions become int8 operators"},
  };
  return table;
}

std::vector<std::string> pass_names() {
  std::vector<std::string> names;
  for (const Pass& pass : passes()) names.emplace_back(pass.name);
  names.emplace_back(kWinograd);
  names.emplace_back(kDepthFirst);
  names.emplace_back(kWholeNetwork);
  return names;
}

namespace {

void check_names(const std::vector<std::string>& disabled) {
  const std::vector<std::string> names = pass_names();
  for (const std::string& name : disabled) {
    const auto found = std::find(names.begin(), names.end(), name);
    if (found == names.end()) {
      const std::string near = closest(name, names);
      fail(Code::kUsage, "no pass \"", name, "\"", near.empty() ? "" : "; did you mean " + near + "?",
           " (passes: ", join(names, ", "), ")");
    }
    const auto at = static_cast<size_t>(found - names.begin());
    if (at < passes().size() && !passes()[at].optional) {
      fail(Code::kUsage, "pass ", name, " cannot be disabled: later passes need the form it makes");
    }
  }
}

}  // namespace

ir::Graph run_passes(ir::Graph graph, const std::vector<std::string>& disabled, PassContext& context) {
  check_names(disabled);
  ir::verify(graph);
  for (const Pass& pass : passes()) {
    PassReport report{.name = pass.name};
    report.disabled = std::find(disabled.begin(), disabled.end(), pass.name) != disabled.end();
    const auto start = std::chrono::steady_clock::now();
    if (!report.disabled) {
      graph = pass.run(std::move(graph), context);
      ir::verify(graph);
      ir::verify_lowered(graph);
      ir::infer_shapes(graph);
    }
    report.milliseconds = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count();
    context.report.passes.push_back(report);
  }
  return graph;
}

}  // namespace qat::engine
