// Pass: Conv and Gemm become FConv and FGemm, which have an epilogue that later passes fill.
#include "engine/compile/passes.h"

namespace qat::engine {

ir::Graph lower_layers(ir::Graph graph, PassContext&) {
  for (ir::Node& node : graph.nodes) {
    if (node.op == ir::Op::kConv) {
      node.op = ir::Op::kFConv;
      node.attrs = ir::FusedConvAttrs{.conv = node.as<ir::ConvAttrs>()};
    } else if (node.op == ir::Op::kGemm) {
      node.op = ir::Op::kFGemm;
      node.attrs = ir::FusedGemmAttrs{};
    } else {
      continue;
    }
    node.inputs.resize(3, ir::kNone);
  }
  return graph;
}

}  // namespace qat::engine
