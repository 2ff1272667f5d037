// Names and constants of a model file in the making.
#include "io/onnx/export/emitter.h"

namespace qat::onnxio {

// Inputs, outputs and state dict keys keep their names; what is in between gives way.
Emitter::Emitter(const ir::Graph& source, const io::OnnxExport& how) : graph(source), options(how) {
  const auto reserve = [&](ir::ValueId id) {
    if (!names_.contains(id)) names_[id] = unique(graph.value(id).name);
  };
  for (const ir::ValueId id : graph.inputs) reserve(id);
  for (const ir::ValueId id : graph.outputs) reserve(id);
  for (size_t i = 0; i < graph.values.size(); ++i) {
    if (graph.has_data(static_cast<ir::ValueId>(i))) reserve(static_cast<ir::ValueId>(i));
  }
  for (const ir::Node& node : graph.nodes) reserve(node.output);
}

const std::string& Emitter::name(ir::ValueId value) {
  const std::string& name = names_.at(value);
  if (graph.has_data(value) && written_.insert(value).second) {
    model.initializers.push_back({name, graph.value(value).data});
  }
  return name;
}

std::vector<std::string> Emitter::inputs(const ir::Node& node) {
  std::vector<std::string> names;
  for (const ir::ValueId id : node.inputs) names.push_back(id == ir::kNone ? "" : name(id));
  return names;
}

std::string Emitter::parameter(ir::ValueId value, Tensor data) {
  if (!written_.insert(value).second) return constant(names_.at(value), std::move(data));
  model.initializers.push_back({names_.at(value), std::move(data)});
  return names_.at(value);
}

std::string Emitter::constant(const std::string& name, Tensor data) {
  std::string own = unique(name);
  model.initializers.push_back({own, std::move(data)});
  return own;
}

void Emitter::add(const std::string& op, std::vector<std::string> inputs, const std::string& output,
                  Attributes attributes) {
  while (!inputs.empty() && inputs.back().empty()) inputs.pop_back();
  model.nodes.push_back({.op = op,
                         .name = cat(output, "/", op),
                         .inputs = std::move(inputs),
                         .outputs = {output},
                         .attributes = std::move(attributes)});
}

std::string Emitter::unique(const std::string& name) {
  std::string candidate = name.empty() ? "value" : name;
  for (int i = 1; !used_.insert(candidate).second; ++i) candidate = cat(name, "_", i);
  return candidate;
}

}  // namespace qat::onnxio
