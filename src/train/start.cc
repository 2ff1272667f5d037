// Starting graphs, names and metadata: see start.h.
#include "train/start.h"

#include <cstdlib>

#include "config/config.h"
#include "io/onnx/onnx.h"
#include "io/state_dict.h"
#include "quant/placement.h"
#include "zoo/zoo.h"

namespace qat::train {

namespace {

std::vector<double> numbers(const std::string& text) {
  std::vector<double> values;
  for (const std::string& part : split(text, ',')) values.push_back(std::strtod(part.c_str(), nullptr));
  return values;
}

void load_weights(ir::Graph& graph, const config::ModelOptions& model, const Report& report) {
  const io::LoadReport loaded = io::load_state_dict(graph, io::read_state_dict(model.weights), model.strict);
  if (!loaded.clean() && report.info) report.info(cat(model.weights, ": ", loaded.text()));
}

// The first that is whole, where broken ones are skipped.
Tensor first_image(const data::Dataset& dataset, const config::DataOptions& options) {
  for (int64_t i = 0;; ++i) {
    try {
      return dataset.get(i).pixels;
    } catch (const Error& error) {
      if (options.broken != "skip" || error.code() != Code::kBadFile || i + 1 == dataset.size()) throw;
    }
  }
}

}  // namespace

ir::Graph start_graph(const config::Options& options, const Report& report) {
  if (!options.train.checkpoint.empty()) return io::load_checkpoint(options.train.checkpoint).graph;
  const config::ModelOptions& model = options.model;
  ir::Graph graph;
  if (!model.onnx.empty()) {
    graph = io::onnx().read(model.onnx);
    if (quant::is_quantized(graph)) {
      fail(Code::kUsage, "[MODEL.ONNX] ", model.onnx, " is quantized; give the float network it was made from");
    }
    graph.metadata["net"] = std::filesystem::path(model.onnx).stem().string();
  } else {
    const int64_t size = options.data.size > 0 ? options.data.size : ir::kDynamic;
    const bool fixed = model.net.starts_with("vgg");
    graph = zoo::build(model.net, {.in_channels = model.in_channels,
                                   .classes = model.classes,
                                   .height = fixed && size > 0 ? size : ir::kDynamic,
                                   .width = fixed && size > 0 ? size : ir::kDynamic});
    zoo::initialize(graph, options.train.seed);  // for what WEIGHTS lack, too
    graph.metadata["net"] = model.net;
  }
  if (!model.weights.empty()) load_weights(graph, model, report);
  return graph;
}

Names::Names(const std::filesystem::path& outputs, bool quantized) {
  const std::string stem = quantized ? "checkpoint_quant" : "checkpoint_normal";
  initial = outputs / (stem + ".pth");
  best = outputs / (stem + "_train_best.pth");
  last = outputs / (stem + "_train_last.pth");
  metrics = outputs / (quantized ? "quant_train_metrics.csv" : "normal_train_metrics.csv");
}

void describe(ir::Graph& graph, const config::Options& options, const data::Dataset* dataset,
              const std::string& stage) {
  auto& metadata = graph.metadata;
  metadata["mean"] = join(options.data.mean, ",");
  metadata["std"] = join(options.data.std, ",");
  metadata["layout"] = "nchw";
  metadata["stage"] = stage;
  metadata["config"] = config::to_yaml(options);
  metadata.try_emplace("net", graph.name);
  if (dataset == nullptr) return;
  metadata["classes"] = cat(dataset->classes());
  std::vector<std::string> names;
  for (int64_t i = 0; i < dataset->classes(); ++i) names.push_back(dataset->class_name(i));
  metadata["class_names"] = join(names, ",");
  Random random(0);
  const Tensor image = data::test_transform(options.data)(first_image(*dataset, options.data), random);
  metadata["input"] = cat(image.dim(2), ",", image.dim(0), ",", image.dim(1));
}

void check_data(const ir::Graph& graph, const data::Dataset& dataset) {
  if (dataset.size() == 0) fail(Code::kUsage, "[DATA.PATH] the split has no images");
  const ir::Dims& dims = graph.value(graph.inputs.at(0)).dims;
  if (dims.size() == 4 && dims[1] != ir::kDynamic && dims[1] != dataset.channels()) {
    fail(Code::kUsage, "[MODEL.IN_CHANNELS] expected ", dataset.channels(), " as the images have, got ", dims[1]);
  }
  const ir::Dims& out = graph.value(graph.outputs.at(0)).dims;
  const int64_t classes = out.size() == 2 ? out[1] : ir::kDynamic;
  if (classes != ir::kDynamic && classes < dataset.classes()) {
    fail(Code::kUsage, "[MODEL.CLASSES] expected at least ", dataset.classes(), " as the data has, got ", classes);
  }
}

void complete_normalization(const ir::Graph& graph, config::Options& options) {
  const auto mean = graph.metadata.find("mean"), std = graph.metadata.find("std");
  if (options.data.mean.empty() && mean != graph.metadata.end() && std != graph.metadata.end()) {
    options.data.mean = numbers(mean->second);
    options.data.std = numbers(std->second);
  }
  if (options.data.mean.empty()) {
    fail(Code::kUsage,
         "[DATA.MEAN] is empty; give mean and deviation per channel, of pixels / 255, as DATA.MEAN and DATA.STD");
  }
}

}  // namespace qat::train
