// One side of a comparison: see compare_side.h.
#include "cli/compare_side.h"

#include <algorithm>

#include "base/text.h"
#include "engine/plan/file.h"
#include "eval/open_model.h"
#include "ir/fold_batch_norm.h"
#include "train/train.h"

namespace qat::cli {

namespace {

namespace fs = std::filesystem;

// Exporters call the node of layer "relu" "relu_Relu": one name on both sides.
void plain_names(ir::Graph& graph) {
  for (ir::Node& node : graph.nodes) {
    const std::string suffix = cat('_', name_of(node.op));
    const std::string plain = node.name.substr(0, node.name.size() - std::min(node.name.size(), suffix.size()));
    if (node.name.ends_with(suffix) && graph.find_node(plain) == ir::kNone) node.name = plain;
  }
}

void describe_graph(Side& side, const ir::Graph& graph) {
  side.has_graph = true;
  const ir::Uses uses(graph);
  const ir::NodeId last = uses.producer.at(static_cast<size_t>(graph.outputs.at(0)));
  if (last != ir::kNone) side.logits = graph.nodes.at(static_cast<size_t>(last)).name;
  for (const ir::Node& node : graph.nodes) {
    side.order.push_back(node.name);
    if (node.op != ir::Op::kFakeQuant) continue;
    const ir::NodeId producer = uses.producer.at(static_cast<size_t>(node.inputs.at(0)));
    if (producer != ir::kNone) {
      side.quantized_as.try_emplace(graph.nodes.at(static_cast<size_t>(producer)).name, node.name);
    }
  }
}

// A step is named after its first layer and holds what its last one gives.
void describe_engine(Side& side) {
  const engine::Plan plan = engine::load_plan(side.path);
  for (const engine::Step& step : plan.steps) {
    if (step.output < 0) continue;
    const size_t plus = step.fused.rfind(" + ");
    const std::string last = plus == std::string::npos ? step.name : step.fused.substr(plus + 3);
    const engine::PlanTensor& tensor = plan.tensors.at(static_cast<size_t>(step.output));
    side.renamed[step.name] = last;
    side.order.push_back(last);
    if (tensor.storage == engine::Storage::kU8) side.int8.insert(last);
  }
  if (!side.order.empty()) side.logits = side.order.back();
}

}  // namespace

Side open_side(const fs::path& path, const config::Options& options) {
  const auto threads = static_cast<int>(options.eval.threads);
  Side side{.path = path};
  if (eval::kind_of(path) == eval::ModelKind::kEngine) {
    side.model = eval::open_classifier(path, options, threads);
    side.description = side.model->describe();
    describe_engine(side);
    return side;
  }
  ir::Graph graph = eval::load_graph(path, options);
  ir::fold_batch_norms(graph);
  plain_names(graph);
  describe_graph(side, graph);
  side.model = train::train_plugin().classifier(std::move(graph), {.threads = threads, .device = options.device});
  const std::string text = side.model->describe();  // "checkpoint, fp32, LibTorch 2.13"
  side.description = cat(name_of(eval::kind_of(path)), text.substr(std::min(text.find(','), text.size())));
  return side;
}

std::map<std::string, Tensor> layers_of(Side& side, const Tensor& images) {
  std::map<std::string, Tensor> layers;
  for (auto& [name, tensor] : side.model->layers(images)) {
    const auto renamed = side.renamed.find(name);
    layers.insert_or_assign(renamed == side.renamed.end() ? name : renamed->second, tensor);
  }
  return layers;
}

}  // namespace qat::cli
