// The list of rewrites, in order.
#include "io/onnx/import/passes.h"

#include <string_view>

namespace qat::onnxio {

namespace {

struct Pass {
  std::string_view name;
  int (*run)(ir::Graph&);
};

// find_hard_swish looks for the HardSigmoid that find_hard_sigmoid leaves.
constexpr Pass kPasses[] = {
    {"merge_pads", merge_pads},           {"merge_biases", merge_biases}, {"find_hard_sigmoid", find_hard_sigmoid},
    {"find_hard_swish", find_hard_swish}, {"find_silu", find_silu},
};

}  // namespace

void rewrite(ir::Graph& graph) {
  for (const Pass& pass : kPasses) {
    if (pass.run(graph) > 0) ir::prune(graph);
  }
}

}  // namespace qat::onnxio
