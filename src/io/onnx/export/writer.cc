// Preparing a graph for a file, and putting the file together.
#include "io/onnx/export/writer.h"

#include <algorithm>

#include "io/onnx/export/emitter.h"
#include "ir/fold_batch_norm.h"
#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::onnxio {

namespace {

constexpr int kFirstOpset = 13, kLastOpset = 25;

// The oldest format version that has the opset (onnx.helper's table).
int64_t ir_version_of(int opset) {
  if (opset < 15) return 7;
  if (opset < 19) return 8;
  if (opset < 21) return 9;
  if (opset < 23) return 10;
  return opset - 12;  // 23: 11, 24: 12, 25: 13
}

// Nodes that pass their input through at inference. An output that is an input keeps its Identity.
void drop(ir::Graph& graph, bool fake_quants) {
  for (ir::Node& node : graph.nodes) {
    const bool idle = node.op == ir::Op::kIdentity || node.op == ir::Op::kDropout;
    if (!idle && !(fake_quants && node.op == ir::Op::kFakeQuant)) continue;
    const ir::ValueId from = node.inputs[0];
    const bool ends_meet = from == graph.inputs.at(0) && ir::Uses(graph).is_output[static_cast<size_t>(node.output)];
    if (ends_meet) {
      node = {.op = ir::Op::kIdentity, .name = node.name, .inputs = {from}, .output = node.output};
    } else {
      graph.replace_uses(node.output, from);
    }
  }
  ir::prune(graph);
}

// The shape of the input in the file: symbols, or the numbers asked for.
void set_input_dims(ir::Graph& graph, const io::OnnxExport& options) {
  ir::Dims& dims = graph.value(graph.inputs.at(0)).dims;
  if (options.dynamic) {
    dims[0] = ir::kDynamic;
    return ir::infer_shapes(graph);
  }
  const bool fixed = std::find(dims.begin(), dims.end(), ir::kDynamic) == dims.end();
  if (options.shape.empty() && !fixed) {
    fail(Code::kUsage, "a static export needs a shape; give CONVERT_ONNX.SHAPE, for example 1,3,224,224");
  }
  for (const int64_t extent : options.shape) {
    if (extent <= 0) fail(Code::kUsage, "CONVERT_ONNX.SHAPE expected positive extents, got ", extent);
  }
  const ir::Dims shape = options.shape.empty() ? dims : options.shape;
  dims[0] = ir::kDynamic;  // a file read with a fixed batch takes any
  ir::infer_shapes(graph, {shape});
}

ir::Graph prepared(const ir::Graph& source, const io::OnnxExport& options) {
  ir::Graph graph = source;  // tensors are shared: nothing below writes into one
  if (graph.inputs.size() != 1) fail(Code::kFailure, "expected a graph of one input, got ", graph.inputs.size());
  std::vector<std::string> outputs;
  for (const ir::ValueId id : graph.outputs) outputs.push_back(graph.value(id).name);
  drop(graph, !options.quantized);
  ir::fold_batch_norms(graph);
  for (size_t i = 0; i < outputs.size(); ++i) graph.value(graph.outputs[i]).name = outputs[i];
  set_input_dims(graph, options);
  ir::verify(graph);
  return graph;
}

ValueInfo value_info(const Emitter& out, const std::string& name, ir::ValueId id, bool input) {
  static constexpr const char* kSymbols[] = {"batch", "channels", "height", "width"};
  const ir::Value& value = out.graph.value(id);
  ValueInfo info{.name = name, .type = value.type};
  for (size_t axis = 0; axis < value.dims.size(); ++axis) {
    const bool named = axis == 0 || (input && axis < 4);
    const bool dynamic = value.dims[axis] == ir::kDynamic;
    info.dims.push_back({.value = dynamic ? -1 : value.dims[axis], .symbol = named ? kSymbols[axis] : ""});
  }
  return info;
}

}  // namespace

Model export_model(const ir::Graph& source, const io::OnnxExport& options) {
  if (options.opset < kFirstOpset || options.opset > kLastOpset) {
    fail(Code::kUsage, "CONVERT_ONNX.OPSET expected ", kFirstOpset, " to ", kLastOpset, ", got ", options.opset);
  }
  const ir::Graph graph = prepared(source, options);
  Emitter out(graph, options);
  out.model.opset = options.opset;
  out.model.ir_version = ir_version_of(options.opset);
  out.model.name = graph.name.empty() ? "qat" : graph.name;
  out.model.metadata = graph.metadata;
  for (const ir::Node& node : graph.nodes) emit(out, node);
  for (const ir::ValueId id : graph.inputs) out.model.inputs.push_back(value_info(out, out.name(id), id, true));
  for (const ir::ValueId id : graph.outputs) out.model.outputs.push_back(value_info(out, out.name(id), id, false));
  return std::move(out.model);
}

}  // namespace qat::onnxio
