// qat inspect: any of the files as a readable table.
#include "base/error.h"
#include "cli/command.h"
#include "cli/engines.h"
#include "cli/results.h"
#include "cli/table.h"
#include "eval/open_model.h"
#include "io/checkpoint.h"
#include "io/onnx/onnx.h"
#include "ir/print.h"
#include "ir/shapes.h"
#include "quant/placement.h"
#include "zoo/zoo.h"

namespace qat::cli {

namespace {

namespace fs = std::filesystem;

std::string dims_text(const ir::Dims& dims) {
  std::vector<std::string> parts;
  for (const int64_t extent : dims) parts.push_back(extent == ir::kDynamic ? "?" : cat(extent));
  return cat('[', join(parts, ","), ']');
}

int64_t parameters_of(const ir::Graph& graph) {
  int64_t total = 0;
  for (const ir::Value& value : graph.values) total += value.role == ir::Role::kParameter ? count(value.dims) : 0;
  return total;
}

// Long values (the stored configuration) are shown by their size.
std::string metadata_text(const std::map<std::string, std::string>& metadata) {
  std::string text;
  for (const auto& [key, value] : metadata) {
    const bool plain = value.size() <= 100 && value.find('\n') == std::string::npos;
    text += cat("  ", key, ": ", plain ? value : cat("(", value.size(), " characters)"), "\n");
  }
  return text;
}

Json json_of(const ir::Graph& graph) {
  const auto ends = [&graph](const std::vector<ir::ValueId>& ids) {
    Json list = Json::array();
    for (const ir::ValueId id : ids) {
      list.push_back({{"name", graph.value(id).name}, {"dims", graph.value(id).dims}});
    }
    return list;
  };
  Json nodes = Json::array();
  for (const ir::Node& node : graph.nodes) {
    Json inputs = Json::array();
    for (const ir::ValueId id : node.inputs) inputs.push_back(id == ir::kNone ? "" : graph.value(id).name);
    nodes.push_back({{"name", node.name},
                     {"op", ir::name_of(node.op)},
                     {"inputs", inputs},
                     {"dims", graph.value(node.output).dims}});
  }
  return {{"name", graph.name},
          {"parameters", parameters_of(graph)},
          {"quantizers", quant::activation_quantizers(graph).size() + quant::weight_quantizers(graph).size()},
          {"metadata", graph.metadata},
          {"inputs", ends(graph.inputs)},
          {"outputs", ends(graph.outputs)},
          {"nodes", nodes}};
}

void show_graph(Context& context, const fs::path& path, const ir::Graph& graph) {
  Json object = json_of(graph);
  object["file"] = path.string();
  std::string text = cat(path.string(), ": ", graph.name, ", ", graph.nodes.size(), " nodes, ", parameters_of(graph),
                         " parameters, ", human_bytes(static_cast<double>(fs::file_size(path))), "\n");
  text += cat("input ", graph.value(graph.inputs.at(0)).name, ' ', dims_text(graph.value(graph.inputs.at(0)).dims),
              ", output ", graph.value(graph.outputs.at(0)).name, ' ', dims_text(graph.value(graph.outputs.at(0)).dims),
              ", ", quant::activation_quantizers(graph).size(), " activation and ",
              quant::weight_quantizers(graph).size(), " weight quantizers\n");
  text += metadata_text(graph.metadata) + ir::to_table(graph);
  context.console.result(text, json_text(object));
}

void show_tensors(Context& context, const fs::path& path, const io::StateDict& state) {
  Table table{.header = {"name", "type", "shape"}};
  Json tensors = Json::array();
  int64_t total = 0;
  for (const auto& [name, tensor] : state) {
    table.rows.push_back({name, std::string(name_of(tensor.type())), to_string(tensor.shape())});
    tensors.push_back({{"name", name}, {"type", name_of(tensor.type())}, {"shape", tensor.shape()}});
    total += tensor.size();
  }
  const std::string head = cat(path.string(), ": a state dict of ", state.size(), " tensors, ", total, " elements\n");
  context.console.result(head + table.text(), json_text(Json{{"file", path.string()}, {"tensors", tensors}}));
}

void show_zoo(Context& context) {
  Table table{.header = {"network", "parameters", "input"}};
  Json networks = Json::array();
  for (const std::string& name : zoo::names()) {
    const ir::Graph graph = zoo::build(name, {});
    const ir::Dims& dims = graph.value(graph.inputs.at(0)).dims;
    table.rows.push_back({name, cat(parameters_of(graph)), dims_text(dims)});
    networks.push_back({{"name", name}, {"parameters", parameters_of(graph)}, {"input", dims}});
  }
  context.console.result(table.text(), json_text(Json{{"networks", networks}}));
}

int run(Context& context) {
  const fs::path path = context.args.operand(0);
  if (path.empty()) fail(Code::kUsage, "no file; usage: qat inspect FILE (.pth, .safetensors, .onnx, .engine) or zoo");
  if (path == "zoo") {
    show_zoo(context);
    return 0;
  }
  require_file(path, "check the path, or `qat inspect zoo` for the networks");
  switch (eval::kind_of(path)) {
    case eval::ModelKind::kOnnx:
      show_graph(context, path, io::onnx().read(path));
      break;
    case eval::ModelKind::kEngine:
      show_engine(context, path);
      break;
    case eval::ModelKind::kCheckpoint:
      if (io::read_pth(path).find("qat_graph") != nullptr) {
        show_graph(context, path, io::load_checkpoint(path).graph);
        break;
      }
      [[fallthrough]];
    case eval::ModelKind::kSafetensors:
      show_tensors(context, path, io::read_state_dict(path));
      break;
  }
  return 0;
}

}  // namespace

Command inspect_command() {
  return {.name = "inspect",
          .summary = "show a .pth, .safetensors, .onnx or .engine as a table; `inspect zoo` lists the networks",
          .operands = "FILE|zoo",
          .max_operands = 1,
          .run = run};
}

}  // namespace qat::cli
