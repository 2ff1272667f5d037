// Functions of one and two values, views and pads as steps.
#include <algorithm>

#include "base/error.h"
#include "base/normalization.h"
#include "engine/compile/emitter.h"

namespace qat::engine {

using ir::Node;
using ir::Op;
using ir::ValueId;

namespace {

// u8 -> u8 from the table over q.
std::array<uint8_t, 256> stored_table(const ir::QuantInfo& x, const ir::QuantInfo& y, const Tensor& table) {
  const PlanTensor from = coded_tensor(x), to = coded_tensor(y);
  std::array<uint8_t, 256> bytes{};
  for (int u = 0; u < 256; ++u) {
    const int q = std::clamp(u - from.zero + x.zero_point, x.lo, x.hi);
    const int32_t result = table.data<int32_t>()[static_cast<size_t>(q - x.lo)];
    bytes[static_cast<size_t>(u)] = static_cast<uint8_t>(result - y.zero_point + to.zero);
  }
  return bytes;
}

// Data as an operand: one value, or one a channel.
ValueId constant_operand(Emitter& e, const Node& node, ValueId id) {
  const Tensor& data = e.graph.value(id).data;
  const ir::Dims& y = e.dims(node.output);
  const auto channel_axis =
      static_cast<std::ptrdiff_t>(data.shape().size()) - static_cast<std::ptrdiff_t>(y.size() - 1);
  const bool one = data.size() == 1;
  const bool channels = channel_axis >= 0 && data.size() == y[1] && data.dim(static_cast<size_t>(channel_axis)) == y[1];
  if (!one && !channels) e.unsupported(node, "has a constant that is neither one value nor one a channel");
  Draft& draft = e.draft;
  PlanTensor t{.name = e.graph.value(id).name, .storage = Storage::kF32, .rank = static_cast<uint8_t>(y.size())};
  t.channels = static_cast<int32_t>(data.size());
  t.constant = draft.add_blob(data.raw(), data.bytes());
  draft.plan.tensors.push_back(t);
  e.alias(id, static_cast<int32_t>(draft.plan.tensors.size() - 1));
  return id;
}

void emit_binary(Emitter& e, const Node& node, FloatFunction function) {
  for (const ValueId id : node.inputs) {
    if (e.graph.has_data(id)) constant_operand(e, node, id);
  }
  e.step(StepOp::kFloatBinary, node, node.inputs).attrs.function = function;
}

void emit_unary(Emitter& e, const Node& node, FloatFunction function, float p0 = 0, float p1 = 0) {
  Step& s = e.step(StepOp::kFloatUnary, node, {node.inputs[0]});
  s.attrs.function = function;
  s.attrs.p0 = p0, s.attrs.p1 = p1;
}

}  // namespace

void emit_function(Emitter& e, const Node& node) {
  switch (node.op) {
    case Op::kQLut: {
      Step& s = e.step(StepOp::kLut, node, {node.inputs[0]});
      const auto table = stored_table(*e.graph.value(node.inputs[0]).quant, *e.graph.value(node.output).quant,
                                      e.graph.value(node.inputs[1]).data);
      s.blobs[0] = e.draft.add_blob(table.data(), table.size());
      return;
    }
    case Op::kAdd:
      return emit_binary(e, node, FloatFunction::kAdd);
    case Op::kSub:
      return emit_binary(e, node, FloatFunction::kSub);
    case Op::kMul:
      return emit_binary(e, node, FloatFunction::kMul);
    case Op::kDiv:
      return emit_binary(e, node, FloatFunction::kDiv);
    case Op::kRelu:
      return emit_unary(e, node, FloatFunction::kClip, 0.0f, std::numeric_limits<float>::infinity());
    case Op::kClip:
      return emit_unary(e, node, FloatFunction::kClip, node.as<ir::ClipAttrs>().lo, node.as<ir::ClipAttrs>().hi);
    case Op::kSigmoid:
      return emit_unary(e, node, FloatFunction::kSigmoid);
    case Op::kHardSigmoid:
      return emit_unary(e, node, FloatFunction::kHardSigmoid, node.as<ir::AlphaBetaAttrs>().alpha,
                        node.as<ir::AlphaBetaAttrs>().beta);
    case Op::kHardSwish:
      return emit_unary(e, node, FloatFunction::kHardSwish);
    case Op::kSilu:
      return emit_unary(e, node, FloatFunction::kSilu);
    case Op::kLeakyRelu:
      return emit_unary(e, node, FloatFunction::kLeakyRelu, node.as<ir::AlphaBetaAttrs>().alpha);
    case Op::kTanh:
      return emit_unary(e, node, FloatFunction::kTanh);
    case Op::kSoftmax: {
      const int64_t axis = node.as<ir::AxisAttrs>().axis, rank = static_cast<int64_t>(e.dims(node.output).size());
      if (axis != 1 && !(axis == -1 && rank == 2)) e.unsupported(node, "is over another axis than the channels");
      e.step(StepOp::kFloatSoftmax, node, {node.inputs[0]});
      return;
    }
    default:
      e.unsupported(node, "is no operator of engines");
  }
}

void emit_view(Emitter& e, const Node& node) {
  const ValueId x = node.inputs[0];
  const ir::Dims &from = e.dims(x), &to = e.dims(node.output);
  const bool keeps_batch = to.size() >= 2 && to[0] == from[0];
  const bool to_pixel = to.size() == 2 || (to.size() == 4 && to[2] == 1 && to[3] == 1);
  if (from == to) return e.alias(node.output, e.tensor(x));
  if (!keeps_batch || !to_pixel) e.unsupported(node, "reshapes to something else than [N, values]");
  const auto value = static_cast<size_t>(node.output);
  if (e.is_pixel(x) && !e.uses.is_output[value]) return e.alias(node.output, e.tensor(x));
  // As x, that is: a Gemm's skip input has the output's form.
  const auto& readers = e.uses.consumers[value];
  const bool only_gemm =
      !e.uses.is_output[value] && from.size() == 4 && std::all_of(readers.begin(), readers.end(), [&](ir::NodeId id) {
        const Node& reader = e.graph.nodes[static_cast<size_t>(id)];
        const auto uses = std::count(reader.inputs.begin(), reader.inputs.end(), node.output);
        return (reader.op == Op::kQGemm || reader.op == Op::kFGemm) && reader.inputs[0] == node.output && uses == 1;
      });
  if (only_gemm) return;  // the Gemm reads the image itself
  e.step(StepOp::kFlatten, node, {x});
}

void emit_pad(Emitter& e, const Node& node) {
  const auto& a = node.as<ir::ListAttrs>();
  const auto& p = a.values;
  bool spatial = p.size() == 8 && p[0] == 0 && p[1] == 0 && p[4] == 0 && p[5] == 0;
  for (const int64_t pad : p) spatial = spatial && pad >= 0;
  if (!spatial) e.unsupported(node, "pads something else than height and width");
  Step& s = e.step(StepOp::kFloatPad, node, {node.inputs[0]});
  s.attrs.pads = {static_cast<int32_t>(p[2]), static_cast<int32_t>(p[3]), static_cast<int32_t>(p[6]),
                  static_cast<int32_t>(p[7])};
  s.attrs.value = a.value;
}

namespace {

std::vector<double> numbers(const std::map<std::string, std::string>& metadata, const char* key) {
  const auto found = metadata.find(key);
  return found == metadata.end() ? std::vector<double>{} : numbers_in(found->second);
}

}  // namespace

std::vector<float> picture_table(const ir::Graph& graph, int64_t channels) {
  const std::vector<double> mean = numbers(graph.metadata, "mean"), std = numbers(graph.metadata, "std");
  if (!fits_channels(mean, channels) || !fits_channels(std, channels)) {
    fail(Code::kUsage, "input u8_nhwc needs the mean and deviation of ", channels,
         " channels in the file's metadata; export it with qat convert, or build with input f32_nchw");
  }
  check_normalization(mean, std, cat("[graph ", graph.name, "]"),
                      "correct them in the file's metadata, or build with input f32_nchw");
  std::vector<float> table;
  for (int64_t c = 0; c < channels; ++c) {
    const auto m = static_cast<float>(mean[mean.size() == 1 ? 0 : static_cast<size_t>(c)]);
    const auto d = static_cast<float>(std[std.size() == 1 ? 0 : static_cast<size_t>(c)]);
    for (int x = 0; x < 256; ++x) table.push_back((static_cast<float>(x) / 255.0f - m) / d);  // data/normalize.cc
  }
  return table;
}

}  // namespace qat::engine
