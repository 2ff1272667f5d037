// Layers, pools and joins as steps.
#include "engine/compile/emitter.h"
#include "ir/lowered.h"

namespace qat::engine {

using ir::kNone;
using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

template <class Out, class In>
void copy(Out& out, const In& in) {
  for (size_t i = 0; i < out.size(); ++i) out[i] = static_cast<int32_t>(in[i]);
}

void set_conv(StepAttrs& s, const ir::ConvAttrs& a, const Shape& weight) {
  s.kernel = {static_cast<int32_t>(weight[2]), static_cast<int32_t>(weight[3])};
  copy(s.stride, a.stride), copy(s.pads, a.pads), copy(s.dilation, a.dilation);
  copy(s.output_padding, a.output_padding);
  s.groups = static_cast<int32_t>(a.groups);
}

void set_pool(StepAttrs& s, const ir::PoolAttrs& a) {
  copy(s.kernel, a.kernel), copy(s.stride, a.stride), copy(s.pads, a.pads), copy(s.dilation, a.dilation);
  s.ceil_mode = a.ceil_mode;
  s.count_include_pad = a.count_include_pad;
}

void set_epilogue(StepAttrs& s, const ir::Epilogue& e) {
  s.activation = e.activation;
  s.p0 = e.p0, s.p1 = e.p1;
  s.skip_scale = e.skip_scale;
}

// A Gemm reads an image through Flatten as it lies in memory: the image itself, and how large it must be.
struct Image {
  ValueId id;
  int64_t height = 1, width = 1;
};
Image image_behind(const Emitter& e, ValueId x) {
  const ir::NodeId made = e.uses.producer[static_cast<size_t>(x)];
  if (made == kNone) return {x};
  const Node& view = e.graph.nodes[static_cast<size_t>(made)];
  if ((view.op != Op::kFlatten && view.op != Op::kReshape) || e.dims(view.inputs[0]).size() != 4) return {x};
  const ir::Dims& d = e.dims(view.inputs[0]);
  return {view.inputs[0], d[2], d[3]};
}

}  // namespace

void emit_layer(Emitter& e, const Node& node) {
  const bool coded = node.op == Op::kQConv || node.op == Op::kQGemm;
  const bool gemm = node.op == Op::kQGemm || node.op == Op::kFGemm;
  const Tensor weight = e.graph.value(node.inputs[1]).data;
  if (!e.graph.has_data(node.inputs[1])) e.unsupported(node, "has a computed weight");
  const size_t skip = coded ? 4 : 3;
  const Image image = gemm ? image_behind(e, node.inputs[0]) : Image{node.inputs[0]};
  std::vector<ValueId> inputs{image.id};
  if (node.inputs.size() > skip && node.inputs[skip] != kNone) inputs.push_back(node.inputs[skip]);
  const StepOp op = node.op == Op::kQConv           ? StepOp::kConv
                    : node.op == Op::kQGemm         ? StepOp::kGemm
                    : node.op == Op::kFConv         ? StepOp::kFloatConv
                    : node.op == Op::kConvTranspose ? StepOp::kFloatConvTranspose
                                                    : StepOp::kFloatGemm;
  Step& s = e.step(op, node, inputs);
  const int64_t outputs = e.dims(node.output)[1];
  if (gemm) {
    s.attrs.kernel = {static_cast<int32_t>(image.height), static_cast<int32_t>(image.width)};
    set_epilogue(s.attrs, node.as<ir::FusedGemmAttrs>().epilogue);
  } else if (node.op == Op::kConvTranspose) {
    set_conv(s.attrs, node.as<ir::ConvAttrs>(), weight.shape());
  } else {
    set_conv(s.attrs, node.as<ir::FusedConvAttrs>().conv, weight.shape());
    set_epilogue(s.attrs, node.as<ir::FusedConvAttrs>().epilogue);
  }
  if (coded) {
    s.blobs[1] = e.floats(node.inputs[2], outputs);
    s.blobs[2] = e.floats(node.inputs[3], outputs);
    e.set_weights(weight);
  } else {
    s.blobs[0] = e.floats(node.inputs[1], weight.size());
    s.blobs[1] = e.floats(node.inputs.size() > 2 ? node.inputs[2] : kNone, outputs);
  }
}

void emit_pool(Emitter& e, const Node& node) {
  const auto op = [&] {
    switch (node.op) {
      case Op::kQMaxPool:
        return StepOp::kMaxPool;
      case Op::kQAvgPool:
        return StepOp::kAvgPool;
      case Op::kQGlobalAvgPool:
        return StepOp::kGlobalAvgPool;
      case Op::kMaxPool:
        return StepOp::kFloatMaxPool;
      case Op::kAvgPool:
        return StepOp::kFloatAvgPool;
      default:
        return StepOp::kFloatGlobalAvgPool;
    }
  }();
  Step& s = e.step(op, node, {node.inputs[0]});
  if (const auto* a = std::get_if<ir::PoolAttrs>(&node.attrs)) set_pool(s.attrs, *a);
  if (const auto* a = std::get_if<ir::QPoolAttrs>(&node.attrs)) {
    if (node.op == Op::kQAvgPool) set_pool(s.attrs, a->pool);
    s.attrs.pool_scale = a->scale;
  }
}

void emit_join(Emitter& e, const Node& node) {
  if (node.op == Op::kConcat) {
    if (node.as<ir::AxisAttrs>().axis != 1) e.unsupported(node, "concatenates along another axis than the channels");
    for (const ValueId id : node.inputs) {
      if (e.graph.has_data(id)) e.unsupported(node, "concatenates a constant");
    }
    e.step(StepOp::kFloatConcat, node, node.inputs);
    return;
  }
  const auto& a = node.as<ir::RequantAttrs>();
  if (node.op == Op::kQConcat && a.axis != 1) e.unsupported(node, "concatenates along another axis than the channels");
  const StepOp op = node.op == Op::kQAdd ? StepOp::kAdd : node.op == Op::kQMul ? StepOp::kMul : StepOp::kConcat;
  Step& s = e.step(op, node, node.inputs);
  s.attrs.scales = a.scales;
  set_epilogue(s.attrs, a.epilogue);
}

}  // namespace qat::engine
