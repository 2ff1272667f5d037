// Passes: a residual Add, then an activation, go into the epilogue of the layer before them.
#include "engine/compile/match.h"
#include "engine/compile/passes.h"

namespace qat::engine {

namespace {

using ir::Op;

// The layer that can take the Add in when `other` is its skip. An int8 layer takes int8 skips only.
const ir::Node* taker(const ir::Graph& graph, const ir::Uses& uses, const ir::Node& add, size_t input) {
  const ir::ValueId value = add.inputs[input], other = add.inputs[1 - input];
  const ir::Node* layer = producer(graph, uses, value);
  if (layer == nullptr || !is_layer(layer->op) || value == other || graph.has_data(other)) return nullptr;
  if (sole_consumer(graph, uses, value) == nullptr) return nullptr;
  const ir::Epilogue& epilogue = epilogue_of(*layer);
  if (epilogue.has_skip || epilogue.activation != Activation::kNone) return nullptr;
  if (graph.value(value).dims != graph.value(other).dims) return nullptr;  // a broadcast
  const bool coded = is_coded_input(graph, uses, layer->inputs[0]) && is_coded_weight(graph, uses, layer->inputs[1], 0);
  return coded == is_coded_input(graph, uses, other) ? layer : nullptr;
}

// The later of the two candidates: the end of the longer branch.
size_t choose(const ir::Graph& graph, const ir::Node* a, const ir::Node* b) {
  if (b == nullptr) return 0;
  if (a == nullptr) return 1;
  return a - graph.nodes.data() > b - graph.nodes.data() ? 0 : 1;
}

}  // namespace

ir::Graph fuse_adds(ir::Graph graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes.size(); ++i) {
    if (graph.nodes[i].op != Op::kAdd) continue;
    const ir::Uses uses(graph);
    const ir::Node &add = graph.nodes[i], *first = taker(graph, uses, add, 0), *second = taker(graph, uses, add, 1);
    if (first == nullptr && second == nullptr) continue;
    const size_t input = choose(graph, first, second);
    ir::Node layer = input == 0 ? *first : *second;
    const ir::NodeId at = uses.producer[static_cast<size_t>(layer.output)];
    context.absorb(layer.name, add.name);
    layer.inputs.resize(4, ir::kNone);
    layer.inputs[3] = add.inputs[1 - input];
    layer.output = add.output;
    epilogue_of(layer).has_skip = true;
    graph.nodes[i] = std::move(layer);  // where both inputs exist
    graph.nodes.erase(graph.nodes.begin() + at);
    --i;
  }
  ir::prune(graph);
  return graph;
}

ir::Graph fuse_activations(ir::Graph graph, PassContext& context) {
  for (size_t i = 0; i < graph.nodes.size();) {
    const ir::Uses uses(graph);
    const auto activation = activation_of(graph.nodes[i]);
    const ir::Node* before = activation ? producer(graph, uses, graph.nodes[i].inputs[0]) : nullptr;
    const bool fits = before != nullptr && is_layer(before->op) &&
                      epilogue_of(*before).activation == Activation::kNone &&
                      sole_consumer(graph, uses, before->output) != nullptr;
    if (!fits) {
      ++i;
      continue;
    }
    ir::Node& layer = graph.nodes[static_cast<size_t>(before - graph.nodes.data())];
    ir::Epilogue& epilogue = epilogue_of(layer);
    epilogue.activation = activation->activation;
    epilogue.p0 = activation->p0;
    epilogue.p1 = activation->p1;
    context.absorb(layer.name, graph.nodes[i].name);
    const ir::ValueId output = graph.nodes[i].output, value = layer.output;
    graph.nodes.erase(graph.nodes.begin() + static_cast<std::ptrdiff_t>(i));
    graph.replace_uses(output, value);
  }
  ir::prune(graph);
  return graph;
}

}  // namespace qat::engine
