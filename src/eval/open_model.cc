// Models from files: see open_model.h.
#include "eval/open_model.h"

#include <optional>

#include "base/error.h"
#include "eval/engine_classifier.h"
#include "eval/openvino/openvino.h"
#include "io/onnx/onnx.h"
#include "train/train.h"

namespace qat::eval {

namespace {

namespace fs = std::filesystem;

std::optional<ModelKind> find_kind(const fs::path& path) {
  const std::string extension = lower(path.extension().string());
  if (extension == ".pth" || extension == ".pt") return ModelKind::kCheckpoint;
  if (extension == ".safetensors") return ModelKind::kSafetensors;
  if (extension == ".onnx") return ModelKind::kOnnx;
  if (extension == ".engine" || extension == ".plan") return ModelKind::kEngine;
  return std::nullopt;
}

}  // namespace

bool is_checkpoint(const fs::path& path) {
  const std::optional<ModelKind> kind = find_kind(path);
  return kind == ModelKind::kCheckpoint || kind == ModelKind::kSafetensors;
}

ModelKind kind_of(const fs::path& path) {
  if (const std::optional<ModelKind> kind = find_kind(path)) return *kind;
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

ir::Graph load_graph(const fs::path& path, const config::Options& options, const model::Note& note) {
  if (kind_of(path) == ModelKind::kEngine) {
    fail(Code::kUsage, path.string(), ": an engine has no graph; give the .onnx or .pth it was built from");
  }
  return model::from_file(path, options, note);
}

std::unique_ptr<Classifier> open_classifier(const fs::path& path, const config::Options& options, int threads,
                                            const model::Note& note) {
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
  return train::train_plugin().classifier(load_graph(path, options, note), where);
}

}  // namespace qat::eval
