// A model file in the making, and what every operator's writer uses.
#pragma once

#include <map>
#include <set>
#include <string>

#include "io/onnx/model.h"
#include "io/onnx/onnx.h"
#include "ir/graph.h"

namespace qat::onnxio {

class Emitter {
 public:
  Emitter(const ir::Graph& graph, const io::OnnxExport& options);

  const ir::Graph& graph;
  const io::OnnxExport& options;
  Model model;

  // The name of a value in the file. Parameters and buffers become initializers when first asked for.
  const std::string& name(ir::ValueId value);
  // Names of a node's inputs, "" for absent ones.
  std::vector<std::string> inputs(const ir::Node& node);

  // A parameter under its own name, but with other data (a weight in int8). One that is written already in another form
  // gets a second name.
  std::string parameter(ir::ValueId value, Tensor data);

  // A constant that the graph does not have. Returns its name, made unique.
  std::string constant(const std::string& name, Tensor data);

  using Attributes = std::map<std::string, Attribute>;
  // Adds a node that makes `output`; its name is that of the value.
  void add(const std::string& op, std::vector<std::string> inputs, const std::string& output,
           Attributes attributes = {});

  // A name for a value between two nodes of the file, made unique.
  std::string unique(const std::string& name);

 private:
  std::map<ir::ValueId, std::string> names_;
  std::set<std::string> used_;
  std::set<ir::ValueId> written_;  // initializers
};

// Writes one node of the graph (emit_ops.cc).
void emit(Emitter& out, const ir::Node& node);

// FakeQuant as QuantizeLinear and DequantizeLinear (emit_quant.cc). Weights are written on their grid, in float with
// both nodes, or in int8 with DequantizeLinear alone.
void emit_fake_quant(Emitter& out, const ir::Node& node);

}  // namespace qat::onnxio
