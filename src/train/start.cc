// Starting graphs, names and metadata: see start.h.
#include "train/start.h"

#include "base/normalization.h"
#include "config/config.h"
#include "model/network.h"

namespace qat::train {

namespace {

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

// As the network sees it: [H,W,C].
Tensor test_image(const data::Dataset& dataset, const config::DataOptions& options) {
  Random random(0);
  return data::test_transform(options)(first_image(dataset, options), random);
}

}  // namespace

ir::Graph start_graph(const config::Options& options, const Report& report) {
  const std::string& checkpoint = options.train.checkpoint;
  ir::Graph graph = checkpoint.empty() ? model::from_options(options, report.info)
                                       : model::from_file(checkpoint, options, report.info);
  model::end_in_logits(graph, report.info);
  return graph;
}

std::string start_file(const std::string& checkpoint, const config::ModelOptions& model) {
  if (!checkpoint.empty()) return checkpoint;
  return model.weights.empty() ? model.onnx : model.weights;
}

void make_outputs(const std::filesystem::path& outputs) {
  std::error_code error;
  std::filesystem::create_directories(outputs, error);
  if (error) {
    fail(Code::kIo, "[OUTPUTS] cannot create ", outputs.string(), ": ", error.message(), "; give another OUTPUTS");
  }
}

Names::Names(const std::filesystem::path& outputs, bool quantized) {
  const std::string stem = quantized ? "checkpoint_quant" : "checkpoint_normal";
  initial = outputs / (stem + ".pth");
  best = outputs / (stem + "_train_best.pth");
  last = outputs / (stem + "_train_last.pth");
  metrics = outputs / (quantized ? "quant_train_metrics.csv" : "normal_train_metrics.csv");
}

int64_t classes_of(const ir::Graph& graph) {
  const ir::Dims& out = graph.value(graph.outputs.at(0)).dims;
  return out.size() == 2 ? out[1] : ir::kDynamic;
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
  // Calibration needs no labels: its images may lie in fewer folders than there are classes.
  const bool all = classes_of(graph) == dataset->classes();
  if (stage != "calibrate" || (all && !metadata.contains("class_names"))) {
    metadata["classes"] = cat(dataset->classes());
    std::vector<std::string> names;
    for (int64_t i = 0; i < dataset->classes(); ++i) names.push_back(dataset->class_name(i));
    metadata["class_names"] = join(names, ",");
  }
  const Tensor image = test_image(*dataset, options.data);
  metadata["input"] = cat(image.dim(2), ",", image.dim(0), ",", image.dim(1));
}

namespace {

void check_channels(const ir::Dims& dims, int64_t channels, const std::string& file) {
  if (dims.size() != 4 || dims[1] == ir::kDynamic || dims[1] == channels) return;
  if (file.empty()) {
    fail(Code::kUsage, "[MODEL.IN_CHANNELS] expected ", channels, " as the images have, got ", dims[1]);
  }
  fail(Code::kUsage, "[", file, "] takes images of ", dims[1], dims[1] == 1 ? " channel" : " channels",
       ", the data's have ", channels, "; give other data (IDX files are grey, folders RGB), or a network of ",
       channels);
}

}  // namespace

void check_data(const ir::Graph& graph, const data::Dataset& dataset, const config::DataOptions& options,
                const std::string& file) {
  if (dataset.size() == 0) fail(Code::kUsage, "[DATA.PATH] the split has no images");
  const ir::Dims& dims = graph.value(graph.inputs.at(0)).dims;
  check_channels(dims, dataset.channels(), file);
  const bool fixed = dims.size() == 4 && (dims[2] != ir::kDynamic || dims[3] != ir::kDynamic);
  const Tensor image = fixed ? test_image(dataset, options) : Tensor();
  for (size_t axis = 2; axis < 4 && fixed; ++axis) {
    const int64_t extent = image.dim(axis - 2);
    if (dims[axis] == ir::kDynamic || dims[axis] == extent) continue;
    fail(Code::kUsage, "[DATA.SIZE] ", graph.name, " takes images of ", dims[2], "x", dims[3], ", these have ",
         axis == 2 ? "height " : "width ", extent, "; set DATA.SIZE ", dims[2]);
  }
  const int64_t classes = classes_of(graph);
  if (classes != ir::kDynamic && classes < dataset.classes()) {
    fail(Code::kUsage, "[MODEL.CLASSES] expected at least ", dataset.classes(), " as the data has, got ", classes);
  }
}

void complete_normalization(const ir::Graph& graph, config::Options& options, const std::string& file) {
  const auto mean = graph.metadata.find("mean"), std = graph.metadata.find("std");
  if (options.data.mean.empty() && mean != graph.metadata.end() && std != graph.metadata.end()) {
    options.data.mean = numbers_in(mean->second);
    options.data.std = numbers_in(std->second);
  }
  if (options.data.mean.empty()) {
    fail(Code::kUsage,
         "[DATA.MEAN] is empty; give mean and deviation per channel, of pixels / 255, as DATA.MEAN and DATA.STD");
  }
  check_normalization(options.data.mean, options.data.std, file, "give DATA.MEAN and DATA.STD on the command line");
}

}  // namespace qat::train
