// Padding and biases that a layer can take in.
#include <algorithm>

#include "io/onnx/import/match.h"
#include "io/onnx/import/passes.h"

namespace qat::onnxio {

namespace {

using ir::Graph;
using ir::Node;
using ir::Op;
using ir::Uses;
using ir::ValueId;

// Zeros around height and width only.
bool pads_image_with_zeros(const Node& pad) {
  const auto& attrs = pad.as<ir::ListAttrs>();
  const auto& p = attrs.values;
  return attrs.value == 0.0f && p.size() == 8 && p[0] == 0 && p[1] == 0 && p[4] == 0 && p[5] == 0;
}

// The bias [channels] that an addend stands for: [K] behind a Gemm, [1,K,1,1] or [K,1,1] behind a Conv.
bool is_bias(const Graph& graph, ValueId addend, int64_t channels, bool image) {
  if (!graph.has_data(addend)) return false;
  ir::Dims dims = graph.value(addend).dims;
  for (int i = 0; image && i < 2; ++i) {
    if (dims.size() < 2 || dims.back() != 1) return false;
    dims.pop_back();
  }
  const bool row = dims.size() == 1 || (dims.size() == 2 && dims[0] == 1);
  return row && dims.back() == channels;
}

}  // namespace

// Padding zeros and quantizing commute: every grid holds 0 exactly.
int merge_pads(Graph& graph) {
  const Uses uses(graph);
  int merged = 0;
  for (Node& conv : graph.nodes) {
    if (conv.op != Op::kConv) continue;
    Node* fake = sole_producer(graph, uses, conv.inputs[0], Op::kFakeQuant);
    Node& reader = fake != nullptr ? *fake : conv;
    const Node* pad = sole_producer(graph, uses, reader.inputs[0], Op::kPad);
    if (pad == nullptr || !pads_image_with_zeros(*pad)) continue;
    const auto& p = pad->as<ir::ListAttrs>().values;
    auto& pads = conv.as<ir::ConvAttrs>().pads;
    for (size_t i = 0; i < 4; ++i) pads[i] += p[i < 2 ? i + 2 : i + 4];
    reader.inputs[0] = pad->inputs[0];
    ++merged;
  }
  return merged;
}

int merge_biases(Graph& graph) {
  const Uses uses(graph);
  int merged = 0;
  for (Node& add : graph.nodes) {
    if (add.op != Op::kAdd) continue;
    for (const size_t i : {size_t{0}, size_t{1}}) {
      const ValueId sum = add.inputs[i], addend = add.inputs[1 - i];
      Node* layer = graph.has_data(sum) ? nullptr : sole_producer(graph, uses, sum, Op::kGemm);
      const bool image = layer == nullptr;
      if (image && !graph.has_data(sum)) layer = sole_producer(graph, uses, sum, Op::kConv);
      if (layer == nullptr || layer->inputs.size() != 2) continue;
      // The weight, or the FakeQuant behind it, has the outputs first.
      const int64_t channels = graph.value(add.output).dims.at(1);
      const bool own = graph.has_data(addend) && uses.consumers[static_cast<size_t>(addend)].size() == 1;
      if (!own || !is_bias(graph, addend, channels, image)) continue;
      ir::Value& bias = graph.value(addend);
      bias.dims = {channels};
      bias.data = bias.data.reshaped({channels});
      bias.role = ir::Role::kParameter;
      layer->inputs.push_back(addend);
      std::swap(layer->output, add.output);  // keeps the sum's name, which may be the graph's output
      ++merged;
      break;
    }
  }
  return merged;
}

}  // namespace qat::onnxio
