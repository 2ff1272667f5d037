// Networks and their weights: see network.h.
#include "model/network.h"

#include <algorithm>
#include <map>

#include "base/error.h"
#include "io/checkpoint.h"
#include "io/onnx/onnx.h"
#include "io/range_names.h"
#include "io/state_dict.h"
#include "ir/verify.h"
#include "quant/placement.h"
#include "zoo/zoo.h"

namespace qat::model {

namespace {

namespace fs = std::filesystem;

ir::Graph build(const config::Options& options) {
  const config::ModelOptions& model = options.model;
  if (!model.onnx.empty()) {
    ir::Graph graph = io::onnx().read(model.onnx);
    if (quant::is_quantized(graph)) {
      fail(Code::kUsage, "[MODEL.ONNX] ", model.onnx, " is quantized; give the float network it was made from");
    }
    graph.metadata["net"] = fs::path(model.onnx).stem().string();
    return graph;
  }
  const int64_t size = options.data.size > 0 ? options.data.size : ir::kDynamic;
  const bool fixed = model.net.starts_with("vgg");
  ir::Graph graph = zoo::build(model.net, {.in_channels = model.in_channels,
                                           .classes = model.classes,
                                           .height = fixed ? size : ir::kDynamic,
                                           .width = fixed ? size : ir::kDynamic});
  graph.metadata["net"] = model.net;
  return graph;
}

void note_ranges_apart(const ir::Graph& graph, const fs::path& path, const Note& note) {
  std::map<ir::ValueId, std::string> first;  // by tensor: its first quantizer
  for (const ir::NodeId id : quant::activation_quantizers(graph)) {
    const ir::Node& node = graph.nodes[static_cast<size_t>(id)];
    const auto [at, fresh] = first.emplace(node.inputs[0], node.name);
    if (!fresh)
      note(cat(path.string(), ": ", at->second, " and ", node.name,
               " have different ranges for one tensor; each keeps its own, and the engine quantizes it for each"));
  }
}

// Into the network, with quantizers in their places where the file has ranges, as pytorch-quantization writes them.
ir::Graph load_state(ir::Graph graph, const fs::path& path, const config::Options& options, const Note& note) {
  const io::StateDict state = io::read_state_dict(path);
  const auto is_range = [](const auto& entry) { return entry.first.ends_with("_amax"); };
  if (std::any_of(state.begin(), state.end(), is_range)) {
    const config::QuantOptions& quant = options.quant;
    graph = quant::place(graph, {.first_layer = quant.first_layer,
                                 .last_layer = quant.last_layer,
                                 .skip = quant.skip,
                                 .stored = [&](const std::string& name) { return io::stored_range(state, name); }});
  }
  io::LoadReport loaded;
  try {
    loaded = io::load_state_dict(graph, state, options.model.strict);
    ir::verify(graph);
    ir::check_finite(graph);
  } catch (const Error& error) {
    const std::string& onnx = options.model.onnx;
    fail(error.code(), path.string(), ": ", error.what(), " (a plain state dict, read as ",
         onnx.empty() ? "MODEL.NET " + options.model.net : "MODEL.ONNX " + onnx,
         options.model.strict ? "; MODEL.STRICT False takes what fits)" : ")");
  }
  if (!note) return graph;
  if (!loaded.clean()) note(cat(path.string(), ": what does not fit is left out: ", loaded.text()));
  for (const std::string& warning : loaded.warnings) note(cat(path.string(), ": ", warning));
  note_ranges_apart(graph, path, note);
  return graph;
}

}  // namespace

ir::Graph from_options(const config::Options& options, const Note& note) {
  ir::Graph graph = build(options);
  if (options.model.onnx.empty()) zoo::initialize(graph, options.train.seed);  // for what WEIGHTS lack, too
  return options.model.weights.empty() ? graph : load_state(std::move(graph), options.model.weights, options, note);
}

ir::Graph from_file(const fs::path& path, const config::Options& options, const Note& note) {
  if (lower(path.extension().string()) == ".onnx") return io::onnx().read(path);
  std::optional<io::Checkpoint> ours = io::find_checkpoint(path);
  if (!ours) return load_state(build(options), path, options, note);
  try {
    ir::check_finite(ours->graph);
  } catch (const Error& error) {
    fail(error.code(), path.string(), ": ", error.what());
  }
  return std::move(ours->graph);
}

void end_in_logits(ir::Graph& graph, const Note& note) {
  for (ir::ValueId& output : graph.outputs) {
    const ir::NodeId last = ir::Uses(graph).producer[static_cast<size_t>(output)];
    if (last == ir::kNone || graph.nodes[static_cast<size_t>(last)].op != ir::Op::kSoftmax) continue;
    const ir::Node& softmax = graph.nodes[static_cast<size_t>(last)];
    if (note) note(cat("[", softmax.name, "] the Softmax at the end is left out: training and engines end in logits"));
    output = softmax.inputs[0];
  }
  ir::prune(graph);
}

}  // namespace qat::model
