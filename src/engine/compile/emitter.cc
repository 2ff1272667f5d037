// The walk over the lowered graph, its inputs and outputs: see emitter.h.
#include "engine/compile/emitter.h"

#include "base/error.h"
#include "ir/op_table.h"
#include "ir/shapes.h"

namespace qat::engine {

using ir::kNone;
using ir::Node;
using ir::Op;
using ir::ValueId;

Emitter::Emitter(const ir::Graph& g, const BuildRequest& r, const PassContext& c)
    : graph(g), at_optimum(g), uses(g), request(r), context_(c), tensors_(g.values.size(), -1) {
  const InputShape& opt = r.profile.opt;
  ir::infer_shapes(at_optimum, {{opt[0], opt[1], opt[2], opt[3]}});
}

void Emitter::unsupported(const Node& node, const std::string& why) const {
  fail(Code::kBadFile, ir::place(node), " ", why, ": the engine cannot run it");
}

bool Emitter::is_pixel(ValueId id) const {
  const ir::Dims& d = graph.value(id).dims;
  return d.size() == 2 || (d.size() == 4 && d[2] == 1 && d[3] == 1);
}

PlanTensor coded_tensor(const ir::QuantInfo& quant) {
  const int zero = std::max(0, quant.zero_point - quant.lo), shift = zero - quant.zero_point;
  return {.storage = Storage::kU8, .scale = quant.scale, .zero = zero, .lo = quant.lo + shift, .hi = quant.hi + shift};
}

int32_t Emitter::new_tensor(ValueId id) {
  const ir::Value& value = graph.value(id);
  const ir::Dims& d = dims(id);
  PlanTensor t = value.quant ? coded_tensor(*value.quant) : PlanTensor{.storage = Storage::kF32};
  if (d.size() != 2 && d.size() != 4) {
    fail(Code::kBadFile, "[value ", value.name, "] has dims ", ir::to_text(d),
         ": engines run [N,C] and [N,C,H,W] only");
  }
  t.name = value.name;
  t.rank = static_cast<uint8_t>(d.size());
  t.channels = static_cast<int32_t>(d[1]);
  draft.plan.tensors.push_back(t);
  const auto tensor = static_cast<int32_t>(draft.plan.tensors.size() - 1);
  alias(id, tensor);
  return tensor;
}

int32_t Emitter::tensor(ValueId id) {
  const int32_t known = tensors_[static_cast<size_t>(id)];
  if (known >= 0) return known;
  QAT_ASSERT(id == graph.inputs[0]);
  return read_input(id, std::nullopt, graph.value(id).name);
}

Blob Emitter::floats(ValueId id, int64_t count) {
  if (id == kNone) return draft.add_zeros(static_cast<size_t>(count) * sizeof(float));
  const Tensor& data = graph.value(id).data;
  return draft.add_blob(data.raw(), data.bytes());
}

Step& Emitter::step(StepOp op, const Node& node, const std::vector<ValueId>& inputs) {
  Step s{.op = op, .name = node.name, .fused = node.name};
  for (const ValueId id : inputs) s.inputs.push_back(tensor(id));
  s.output = new_tensor(node.output);
  if (const auto parts = context_.fused.find(node.name); parts != context_.fused.end()) {
    s.fused = join(parts->second, " + ");
  }
  draft.plan.steps.push_back(std::move(s));
  draft.weights.emplace_back();
  return draft.plan.steps.back();
}

// The caller's memory into a tensor, quantized on the way where `coding` says so.
int32_t Emitter::read_input(ValueId graph_input, const std::optional<ir::QuantInfo>& coding, const std::string& name) {
  const bool pictures = request.input == InputMode::kU8Nhwc;
  const ValueId made = graph_input;
  const int32_t output = new_tensor(made);
  PlanTensor& t = draft.plan.tensors.back();
  if (coding) {
    const PlanTensor plain = t;
    t = coded_tensor(*coding);
    t.name = name, t.rank = plain.rank, t.channels = plain.channels;
    tensors_[static_cast<size_t>(graph_input)] = -1;  // its float form is another tensor
  }
  Step s{.op = pictures ? StepOp::kReadU8 : StepOp::kReadF32, .name = name, .fused = name, .inputs = {-1}};
  s.output = output;
  if (pictures) {
    const std::vector<float> table = picture_table(graph, t.channels);
    std::vector<uint8_t> codes;
    codes.reserve(table.size());
    for (const float x : table) codes.push_back(static_cast<uint8_t>(quantize(x, t.scale, t.zero, t.lo, t.hi)));
    s.blobs[0] = coding ? draft.add_blob(codes.data(), codes.size())
                        : draft.add_blob(table.data(), table.size() * sizeof(float));
  }
  draft.plan.steps.push_back(std::move(s));
  draft.weights.emplace_back();
  return output;
}

void emit_quantize(Emitter& e, const Node& node) {
  if (node.inputs[0] == e.graph.inputs[0]) {
    e.alias(node.output, e.read_input(node.inputs[0], e.graph.value(node.output).quant, node.name));
    return;
  }
  e.step(StepOp::kQuantize, node, {node.inputs[0]});
}

void emit_dequantize(Emitter& e, const Node& node) {
  // An output of the network is dequantized by the step that writes it.
  const auto value = static_cast<size_t>(node.output);
  if (e.uses.is_output[value] && e.uses.consumers[value].empty()) {
    e.alias(node.output, e.tensor(node.inputs[0]));
    return;
  }
  e.step(StepOp::kDequantize, node, {node.inputs[0]});
}

void Emitter::emit(const Node& node) {
  switch (node.op) {
    case Op::kQuantize:
      return emit_quantize(*this, node);
    case Op::kDequantize:
      return emit_dequantize(*this, node);
    case Op::kQConv:
    case Op::kQGemm:
    case Op::kFConv:
    case Op::kFGemm:
    case Op::kConvTranspose:
      return emit_layer(*this, node);
    case Op::kQMaxPool:
    case Op::kQAvgPool:
    case Op::kQGlobalAvgPool:
    case Op::kMaxPool:
    case Op::kAvgPool:
    case Op::kGlobalAvgPool:
      return emit_pool(*this, node);
    case Op::kQAdd:
    case Op::kQMul:
    case Op::kQConcat:
    case Op::kConcat:
      return emit_join(*this, node);
    case Op::kFlatten:
    case Op::kReshape:
      return emit_view(*this, node);
    case Op::kPad:
      return emit_pad(*this, node);
    case Op::kTranspose:
    case Op::kReduceMean:
    case Op::kBatchNorm:
    case Op::kFakeQuant:
    case Op::kIdentity:
    case Op::kDropout:
      unsupported(node, "has no step in this form");
    default:
      return emit_function(*this, node);
  }
}

namespace {

// A view of one pixel is its tensor by another name, until it leaves the network in the view's rank.
int32_t in_rank(Draft& draft, int32_t made, const std::string& name, size_t rank) {
  PlanTensor t = draft.plan.tensors[static_cast<size_t>(made)];
  if (t.rank == rank) return made;
  t.name = name, t.rank = static_cast<uint8_t>(rank);
  draft.plan.tensors.push_back(std::move(t));
  const auto output = static_cast<int32_t>(draft.plan.tensors.size() - 1);
  draft.plan.steps.push_back({.op = StepOp::kFlatten, .name = name, .fused = name, .inputs = {made}, .output = output});
  draft.weights.emplace_back();
  return output;
}

}  // namespace

void Emitter::write_outputs() {
  std::vector<int32_t> made;
  for (const ValueId id : graph.outputs) {
    made.push_back(in_rank(draft, tensor(id), graph.value(id).name, dims(id).size()));
  }
  for (size_t i = 0; i < made.size(); ++i) {  // the last steps of a plan
    const std::string& name = graph.value(graph.outputs[i]).name;
    Step s{.op = StepOp::kWriteF32, .name = name, .fused = name, .inputs = {made[i]}};
    const PlanTensor& t = draft.plan.tensors[static_cast<size_t>(s.inputs[0])];
    draft.plan.outputs.push_back({.name = name, .channels = t.channels, .rank = t.rank});
    draft.plan.steps.push_back(std::move(s));
    draft.weights.emplace_back();
  }
}

Draft Emitter::run() {
  Plan& plan = draft.plan;
  const ir::Value& input = graph.value(graph.inputs[0]);
  plan.network = graph.name;
  plan.metadata = graph.metadata;
  plan.rebuild = request.rebuild_command;
  plan.precision = request.precision;
  plan.profile = request.profile;
  plan.input_mode = request.input;
  plan.input = {.name = input.name, .channels = static_cast<int32_t>(dims(graph.inputs[0])[1]), .rank = 4};
  for (const Node& node : graph.nodes) emit(node);
  write_outputs();
  return std::move(draft);
}

Draft make_draft(const ir::Graph& lowered, const BuildRequest& request, const PassContext& context) {
  return Emitter(lowered, request, context).run();
}

}  // namespace qat::engine
