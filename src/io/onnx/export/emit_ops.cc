// How each operator of the graph is written in ONNX.
#include <limits>
#include <map>

#include "io/onnx/export/emitter.h"

namespace qat::onnxio {

namespace {

using ir::Node;
using ir::Op;
using List = std::vector<int64_t>;

template <class Array>
List list(const Array& values) {
  return List(values.begin(), values.end());
}

Tensor scalar(float value) { return Tensor::from(std::vector{value}, {}); }

Tensor vector(const List& values) { return Tensor::from(values, {static_cast<int64_t>(values.size())}); }

Emitter::Attributes conv_attributes(Emitter& out, const Node& node) {
  const auto& a = node.as<ir::ConvAttrs>();
  const ir::Dims& weight = out.graph.value(node.inputs[1]).dims;
  Emitter::Attributes attributes{{"strides", list(a.stride)},
                                 {"pads", list(a.pads)},
                                 {"dilations", list(a.dilation)},
                                 {"group", a.groups},
                                 {"kernel_shape", List{weight.at(2), weight.at(3)}}};
  if (node.op == Op::kConvTranspose) attributes["output_padding"] = list(a.output_padding);
  return attributes;
}

void emit_conv(Emitter& out, const Node& node) {
  const char* op = node.op == Op::kConv ? "Conv" : "ConvTranspose";
  out.add(op, out.inputs(node), out.name(node.output), conv_attributes(out, node));
}

void emit_gemm(Emitter& out, const Node& node) {
  out.add("Gemm", out.inputs(node), out.name(node.output), {{"transB", int64_t{1}}});
}

void emit_batch_norm(Emitter& out, const Node& node) {
  const auto& a = node.as<ir::BatchNormAttrs>();
  out.add("BatchNormalization", out.inputs(node), out.name(node.output),
          {{"epsilon", a.eps}, {"momentum", 1.0f - a.momentum}});
}

void emit_pool(Emitter& out, const Node& node) {
  const auto& a = node.as<ir::PoolAttrs>();
  Emitter::Attributes attributes{{"kernel_shape", list(a.kernel)},
                                 {"strides", list(a.stride)},
                                 {"pads", list(a.pads)},
                                 {"ceil_mode", int64_t{a.ceil_mode}}};
  const bool max = node.op == Op::kMaxPool;
  if (max && a.dilation != std::array<int64_t, 2>{1, 1}) attributes["dilations"] = list(a.dilation);
  if (!max) attributes["count_include_pad"] = int64_t{a.count_include_pad};
  out.add(max ? "MaxPool" : "AveragePool", out.inputs(node), out.name(node.output), attributes);
}

// A bound that is no bound is left out.
void emit_clip(Emitter& out, const Node& node) {
  const auto& a = node.as<ir::ClipAttrs>();
  const float huge = std::numeric_limits<float>::max();
  auto inputs = out.inputs(node);
  inputs.push_back(a.lo > -huge ? out.constant(node.name + ".min", scalar(a.lo)) : "");
  inputs.push_back(a.hi < huge ? out.constant(node.name + ".max", scalar(a.hi)) : "");
  out.add("Clip", inputs, out.name(node.output));
}

void emit_alpha_beta(Emitter& out, const Node& node) {
  const auto& a = node.as<ir::AlphaBetaAttrs>();
  if (node.op == Op::kLeakyRelu) {
    out.add("LeakyRelu", out.inputs(node), out.name(node.output), {{"alpha", a.alpha}});
  } else {
    out.add("HardSigmoid", out.inputs(node), out.name(node.output), {{"alpha", a.alpha}, {"beta", a.beta}});
  }
}

// x times a gate of x.
void emit_gated(Emitter& out, const Node& node, const std::string& gate, const Emitter::Attributes& attributes) {
  const std::string x = out.name(node.inputs[0]);
  const std::string open = out.unique(node.name + ".gate");
  out.add(gate, {x}, open, attributes);
  out.add("Mul", {x, open}, out.name(node.output));
}

// An operator of its own since opset 14.
void emit_hard_swish(Emitter& out, const Node& node) {
  if (out.options.opset < 14) return emit_gated(out, node, "HardSigmoid", {{"alpha", 1.0f / 6.0f}, {"beta", 0.5f}});
  out.add("HardSwish", out.inputs(node), out.name(node.output));
}

void emit_silu(Emitter& out, const Node& node) { emit_gated(out, node, "Sigmoid", {}); }

void emit_axis(Emitter& out, const Node& node) {
  out.add(std::string(name_of(node.op)), out.inputs(node), out.name(node.output),
          {{"axis", node.as<ir::AxisAttrs>().axis}});
}

void emit_reshape(Emitter& out, const Node& node) {
  auto inputs = out.inputs(node);
  inputs.push_back(out.constant(node.name + ".shape", vector(node.as<ir::ListAttrs>().values)));
  out.add("Reshape", inputs, out.name(node.output));
}

void emit_transpose(Emitter& out, const Node& node) {
  out.add("Transpose", out.inputs(node), out.name(node.output), {{"perm", node.as<ir::ListAttrs>().values}});
}

void emit_pad(Emitter& out, const Node& node) {
  const auto& a = node.as<ir::ListAttrs>();
  auto inputs = out.inputs(node);
  inputs.push_back(out.constant(node.name + ".pads", vector(a.values)));
  inputs.push_back(out.constant(node.name + ".value", scalar(a.value)));
  out.add("Pad", inputs, out.name(node.output));
}

// The axes are an input since opset 18.
void emit_reduce_mean(Emitter& out, const Node& node) {
  const auto& a = node.as<ir::ListAttrs>();
  auto inputs = out.inputs(node);
  Emitter::Attributes attributes{{"keepdims", int64_t{a.keep_dims}}};
  if (out.options.opset < 18) {
    attributes["axes"] = a.values;
  } else {
    inputs.push_back(out.constant(node.name + ".axes", vector(a.values)));
  }
  out.add("ReduceMean", inputs, out.name(node.output), attributes);
}

using Emit = void (*)(Emitter&, const Node&);

void emit_same_name(Emitter& out, const Node& node) {
  out.add(std::string(name_of(node.op)), out.inputs(node), out.name(node.output));
}

void emit_global_pool(Emitter& out, const Node& node) {
  out.add("GlobalAveragePool", out.inputs(node), out.name(node.output));
}

const std::map<Op, Emit>& table() {
  static const std::map<Op, Emit> kTable{
      {Op::kConv, emit_conv},
      {Op::kConvTranspose, emit_conv},
      {Op::kGemm, emit_gemm},
      {Op::kBatchNorm, emit_batch_norm},
      {Op::kRelu, emit_same_name},
      {Op::kClip, emit_clip},
      {Op::kSigmoid, emit_same_name},
      {Op::kHardSigmoid, emit_alpha_beta},
      {Op::kHardSwish, emit_hard_swish},
      {Op::kSilu, emit_silu},
      {Op::kLeakyRelu, emit_alpha_beta},
      {Op::kTanh, emit_same_name},
      {Op::kAdd, emit_same_name},
      {Op::kSub, emit_same_name},
      {Op::kMul, emit_same_name},
      {Op::kDiv, emit_same_name},
      {Op::kMaxPool, emit_pool},
      {Op::kAvgPool, emit_pool},
      {Op::kGlobalAvgPool, emit_global_pool},
      {Op::kConcat, emit_axis},
      {Op::kFlatten, emit_axis},
      {Op::kSoftmax, emit_axis},
      {Op::kReshape, emit_reshape},
      {Op::kTranspose, emit_transpose},
      {Op::kPad, emit_pad},
      {Op::kReduceMean, emit_reduce_mean},
      {Op::kIdentity, emit_same_name},
      {Op::kFakeQuant, emit_fake_quant},
  };
  return kTable;
}

}  // namespace

void emit(Emitter& out, const ir::Node& node) {
  const auto found = table().find(node.op);
  if (found == table().end()) {
    fail(Code::kFailure, "[", node.name, "] ", name_of(node.op),
         " has no form in ONNX; export the graph before lowering");
  }
  found->second(out, node);
}

}  // namespace qat::onnxio
