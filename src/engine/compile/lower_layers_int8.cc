// FConv and FGemm to QConv and QGemm: integers of the weights, multipliers and biases computed in double.
#include <cmath>

#include "engine/compile/lowering.h"

namespace qat::engine {

using ir::kNone;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

struct IntegerWeights {
  Tensor q;                   // i8, the weight's shape
  std::vector<double> scale;  // by output channel
};

IntegerWeights integers(Lowering& l, const Node& fake_quant) {
  const ir::Graph& graph = l.old;
  const ir::QuantRange range = ir::quant_range(graph, fake_quant);
  const Tensor& weight = graph.value(fake_quant.inputs[0]).data;
  IntegerWeights result{.q = Tensor(DType::kI8, weight.shape())};
  const int64_t channels = weight.dim(0), per_channel = weight.size() / channels;
  const auto scale_of = [&](int64_t k) { return range.scale[range.scale.size() == 1 ? 0 : static_cast<size_t>(k)]; };
  for (int64_t k = 0; k < channels; ++k) result.scale.push_back(scale_of(k));
  const float* from = weight.data<float>().data();
  int8_t* to = result.q.data<int8_t>().data();
  l.pool.parallel_for(channels, [&](int64_t begin, int64_t end, int) {
    for (int64_t k = begin; k < end; ++k) {
      const float scale = scale_of(k);
      for (int64_t i = k * per_channel; i < (k + 1) * per_channel; ++i) {
        to[i] = static_cast<int8_t>(quantize(from[i], scale, 0, range.lo, range.hi));
      }
    }
  });
  return result;
}

Tensor per_channel(const std::vector<double>& values) {
  Tensor t(DType::kF32, {static_cast<int64_t>(values.size())});
  for (size_t i = 0; i < values.size(); ++i) t.data<float>()[i] = static_cast<float>(values[i]);
  return t;
}

// Why a layer is not int8; "" when it can be.
std::string obstacle(const Lowering& l, const Node& node) {
  if (l.context.keep_float.contains(node.name)) return "float measured faster";
  if (l.coded(node.inputs[0]) == kNone) return "its input is not quantized";
  if (!is_coded_weight(l.old, l.uses, node.inputs[1], 0)) return "its weight is not quantized symmetrically";
  if (node.inputs[2] != kNone && !l.is_data(node.inputs[2])) return "its bias is computed";
  if (node.inputs.size() > 3 && l.coded(node.inputs[3]) == kNone) return "its skip input is not quantized";
  return "";
}

}  // namespace

bool lower_layer(Lowering& l, const Node& node) {
  if (const std::string why = obstacle(l, node); !why.empty()) {
    l.stays_float(node, why);
    return false;
  }
  const std::optional<ir::QuantInfo> target = l.wanted(node.output);
  const double out_scale = target ? target->scale : 1.0, in_scale = l.coding(node.inputs[0]).scale;
  const IntegerWeights w = integers(l, *producer(l.old, l.uses, node.inputs[1]));
  std::vector<double> multiplier, bias;
  for (size_t k = 0; k < w.scale.size(); ++k) {
    multiplier.push_back(in_scale * w.scale[k] / out_scale);
    const bool has = node.inputs[2] != kNone;
    bias.push_back(has ? l.old.value(node.inputs[2]).data.data<float>()[k] / out_scale : 0.0);
  }
  std::vector<ValueId> inputs{l.coded(node.inputs[0]), l.graph.add_buffer(node.name + ".q", w.q),
                              l.graph.add_buffer(node.name + ".multiplier", per_channel(multiplier)),
                              l.graph.add_buffer(node.name + ".offset", per_channel(bias))};
  ir::Epilogue epilogue = scaled(epilogue_of(node), out_scale);
  if (node.inputs.size() > 3) {
    inputs.push_back(l.coded(node.inputs[3]));
    epilogue.skip_scale = static_cast<float>(l.coding(node.inputs[3]).scale / out_scale);
  }
  std::optional<ir::QuantInfo> quant = target;
  if (quant) quant = tighten(*quant, epilogue, false);
  if (node.op == Op::kFConv) {
    const ir::FusedConvAttrs attrs{.conv = node.as<ir::FusedConvAttrs>().conv, .epilogue = epilogue};
    l.emit(Op::kQConv, node.name, inputs, attrs, quant, node.output);
  } else {
    l.emit(Op::kQGemm, node.name, inputs, ir::FusedGemmAttrs{.epilogue = epilogue}, quant, node.output);
  }
  return true;
}

}  // namespace qat::engine
