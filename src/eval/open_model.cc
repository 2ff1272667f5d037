// Models from files: see open_model.h.
#include "eval/open_model.h"

#include "base/error.h"
#include "eval/engine_classifier.h"
#include "eval/openvino/openvino.h"
#include "io/checkpoint.h"
#include "io/onnx/onnx.h"
#include "io/state_dict.h"
#include "quant/placement.h"
#include "train/train.h"
#include "zoo/zoo.h"

namespace qat::eval {

namespace {

namespace fs = std::filesystem;

// A network by options, with the weights of a plain state dict.
ir::Graph from_state_dict(const fs::path& path, const config::Options& options, const io::StateDict& state) {
  const config::ModelOptions& model = options.model;
  ir::Graph graph = model.onnx.empty()
                        ? zoo::build(model.net, {.in_channels = model.in_channels, .classes = model.classes})
                        : io::onnx().read(model.onnx);
  const auto is_range = [](const auto& entry) { return entry.first.ends_with("_amax"); };
  if (std::any_of(state.begin(), state.end(), is_range)) {
    graph = quant::place(
        graph,
        {.first_layer = options.quant.first_layer, .last_layer = options.quant.last_layer, .skip = options.quant.skip});
  }
  try {
    io::load_state_dict(graph, state, model.strict);
  } catch (const Error& error) {
    fail(error.code(), path.string(), ": ", error.what(), " (a plain state dict, read as MODEL.NET ", model.net, ")");
  }
  return graph;
}

bool is_plain_state_dict(const fs::path& path) {
  return kind_of(path) == ModelKind::kSafetensors || io::read_pth(path).find("qat_graph") == nullptr;
}

}  // namespace

ModelKind kind_of(const fs::path& path) {
  const std::string extension = lower(path.extension().string());
  if (extension == ".pth" || extension == ".pt") return ModelKind::kCheckpoint;
  if (extension == ".safetensors") return ModelKind::kSafetensors;
  if (extension == ".onnx") return ModelKind::kOnnx;
  if (extension == ".engine" || extension == ".plan") return ModelKind::kEngine;
  fail(Code::kUsage, path.string(), ": unknown kind of model; known are .pth, .safetensors, .onnx and .engine");
}

const char* name_of(ModelKind kind) {
  switch (kind) {
    case ModelKind::kCheckpoint:
      return "checkpoint";
    case ModelKind::kSafetensors:
      return "safetensors";
    case ModelKind::kOnnx:
      return "onnx";
    case ModelKind::kEngine:
      return "engine";
  }
  return "?";
}

ir::Graph load_graph(const fs::path& path, const config::Options& options) {
  switch (kind_of(path)) {
    case ModelKind::kOnnx:
      return io::onnx().read(path);
    case ModelKind::kEngine:
      fail(Code::kUsage, path.string(), ": an engine has no graph; give the .onnx or .pth it was built from");
    default:
      break;
  }
  if (is_plain_state_dict(path)) return from_state_dict(path, options, io::read_state_dict(path));
  return io::load_checkpoint(path).graph;
}

std::unique_ptr<Classifier> open_classifier(const fs::path& path, const config::Options& options, int threads) {
  switch (kind_of(path)) {
    case ModelKind::kEngine:
      return open_engine(path, threads);
    case ModelKind::kOnnx:
      io::onnx().check_external(path);  // OpenVINO opens whatever path a file names
      return openvino().classifier(path, threads);
    default:
      break;
  }
  const train::Where where{.threads = threads, .device = options.device};
  if (is_plain_state_dict(path)) return train::train_plugin().classifier(load_graph(path, options), where);
  return train::train_plugin().classifier(path, where);
}

}  // namespace qat::eval
