// qat convert: a checkpoint to ONNX, quantized or not, dynamic or static.
#include "base/error.h"
#include "base/outputs.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/results.h"
#include "config/values.h"
#include "eval/open_model.h"
#include "io/onnx/onnx.h"
#include "quant/placement.h"

namespace qat::cli {

namespace {

namespace fs = std::filesystem;

// The best checkpoint of the outputs for the kind of export.
fs::path checkpoint_for(const config::Options& options, bool quant, Console& console) {
  if (!options.convert.checkpoint.empty()) return options.convert.checkpoint;
  const fs::path outputs = options.outputs;
  if (!quant) {
    return require_file(outputs / "checkpoint_normal_train_best.pth",
                        "run `qat train` first, or give CONVERT_ONNX.CHECKPOINT");
  }
  fs::path finetuned = outputs / "checkpoint_quant_train_best.pth";
  const fs::path calibrated = outputs / "checkpoint_quant_calibrate.pth";
  if (!fs::exists(finetuned))
    return require_file(calibrated, "run `qat calibrate` first, or give CONVERT_ONNX.CHECKPOINT");
  std::error_code none;
  if (fs::exists(calibrated) && fs::last_write_time(calibrated, none) > fs::last_write_time(finetuned, none)) {
    console.warn(cat(finetuned.string(), " is older than ", calibrated.string(),
                     ": it was not finetuned from it; CONVERT_ONNX.CHECKPOINT chooses"));
  }
  return finetuned;
}

// What a network leaves open comes from CONVERT_ONNX.SHAPE, else from DATA.SIZE, else from what it was trained on.
std::vector<int64_t> static_shape(const config::Options& options, const ir::Graph& graph) {
  std::vector<int64_t> shape = options.convert.shape;
  if (!shape.empty()) return shape;
  shape = graph.value(graph.inputs.at(0)).dims;
  if (shape.size() != 4)
    fail(Code::kUsage, "the input of ", graph.name, " has ", shape.size(), " extents, expected N,C,H,W");
  if (shape[0] == ir::kDynamic) shape[0] = 1;
  if (shape[2] != ir::kDynamic && shape[3] != ir::kDynamic) return shape;
  if (options.data.size > 0) {
    shape[2] = shape[3] = options.data.size;
  } else if (const auto stored = graph.metadata.find("input"); stored != graph.metadata.end()) {
    config::Options parsed;  // the metadata is "C,H,W"
    config::set_value(*config::find_key("CONVERT_ONNX.SHAPE"), parsed, cat(shape[0], ',', stored->second));
    if (parsed.convert.shape.size() == 4) shape = parsed.convert.shape;
  } else {
    fail(Code::kUsage, "a static export needs the input's size; give CONVERT_ONNX.SHAPE=1,", shape[1],
         ",H,W or DATA.SIZE");
  }
  return shape;
}

fs::path default_path(const config::Options& options, bool quant, bool dynamic) {
  const auto word = [](bool yes) { return yes ? "True" : "False"; };
  return fs::path(options.outputs) / "save_onnx" /
         cat("onnx_quant_", word(quant), "_dynamic_input_", word(dynamic), ".onnx");
}

// A checkpoint of older make may lack what the runtime wants to know: the configuration fills it in.
void complete_metadata(ir::Graph& graph, const config::DataOptions& data, const fs::path& checkpoint) {
  const auto numbers = [](const std::vector<double>& values) { return join(values, ","); };
  if (!data.mean.empty()) {
    graph.metadata.try_emplace("mean", numbers(data.mean));
    graph.metadata.try_emplace("std", numbers(data.std));
  }
  graph.metadata.try_emplace("layout", "nchw");
  graph.metadata["checkpoint"] = checkpoint.filename().string();
}

struct Variant {
  bool quant = true, dynamic = true;
  fs::path checkpoint, onnx;
};

// From where to where; refused before any work where that is not possible.
Variant variant_of(Context& context, bool quant, bool dynamic) {
  const config::Options& options = context.options();
  Variant variant{.quant = quant,
                  .dynamic = dynamic,
                  .checkpoint = checkpoint_for(options, quant, context.console),
                  .onnx = context.args.text("--output", default_path(options, quant, dynamic))};
  refuse_overwriting(variant.checkpoint, variant.onnx);
  check_output(variant.onnx);
  return variant;
}

Json export_one(Context& context, const Variant& variant) {
  const config::Options& options = context.options();
  const auto& [quant, dynamic, checkpoint, path] = variant;
  ir::Graph graph = eval::load_graph(checkpoint, options, [&](const std::string& line) { context.console.warn(line); });
  if (quant && !quant::is_quantized(graph)) {
    fail(Code::kUsage, checkpoint.string(),
         " is not quantized; run `qat calibrate` first, or set CONVERT_ONNX.QUANT=false");
  }
  complete_metadata(graph, options.data, checkpoint);
  const io::OnnxExport form{.quantized = quant,
                            .int8_weights = options.convert.weights == "int8",
                            .dynamic = dynamic,
                            .shape = dynamic ? std::vector<int64_t>{} : static_shape(options, graph),
                            .opset = static_cast<int>(options.convert.opset)};
  if (interrupted()) fail(Code::kFailure, "[convert] interrupted; ", path.string(), " was not written");
  make_folder_of(path);
  io::onnx().write(path, graph, form);
  return Json{{"onnx", path.string()},
              {"checkpoint", checkpoint.string()},
              {"quant", quant},
              {"dynamic", dynamic},
              {"bytes", fs::file_size(path)}};
}

int run(Context& context) {
  std::vector<Variant> variants;
  if (context.args.has("--all")) {
    if (context.args.has("--output")) fail(Code::kUsage, "--all writes four files; it does not go with --output");
    for (const bool quant : {true, false}) {
      for (const bool dynamic : {true, false}) variants.push_back(variant_of(context, quant, dynamic));
    }
  } else {
    variants.push_back(variant_of(context, context.options().convert.quant, context.options().convert.dynamic));
  }
  Json files = Json::array();
  for (const Variant& variant : variants) files.push_back(export_one(context, variant));
  std::string text;
  for (const Json& file : files) {
    text += cat(file["checkpoint"].get<std::string>(), " -> ", file["onnx"].get<std::string>(), "\n");
  }
  context.console.result(text, json_text(Json{{"files", files}}));
  return 0;
}

}  // namespace

Command convert_command() {
  return {.name = "convert",
          .summary = "export a checkpoint to ONNX, with Q/DQ or in float, dynamic or static",
          .flags = {{"--checkpoint", "FILE", "checkpoint to export", "CONVERT_ONNX.CHECKPOINT"},
                    {"--output", "FILE", "file to write, in place of OUTPUTS/save_onnx/onnx_quant_..."},
                    {"--all", "", "all four variants"}},
          .run = run};
}

}  // namespace qat::cli
