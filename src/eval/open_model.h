// Models from files, whatever their format: as a graph, and as something that classifies.
#pragma once

#include <filesystem>
#include <memory>

#include "config/options.h"
#include "eval/classifier.h"
#include "ir/graph.h"
#include "model/network.h"

namespace qat::eval {

enum class ModelKind { kCheckpoint, kSafetensors, kOnnx, kEngine };

// By extension: .pth / .pt, .safetensors, .onnx, .engine / .plan. Throws Error(kUsage) naming what is known.
ModelKind kind_of(const std::filesystem::path& path);
const char* name_of(ModelKind kind);
bool is_checkpoint(const std::filesystem::path& path);  // .pth, .pt or .safetensors; false for what is not known

// model::from_file; engines have no graph: Error(kUsage).
ir::Graph load_graph(const std::filesystem::path& path, const config::Options& options, const model::Note& note = {});

// .pth on LibTorch, .onnx on OpenVINO, .engine on our runtime. threads 0: all. An engine built with placeholder scales
// is refused with Error(kUsage): its accuracy means nothing.
std::unique_ptr<Classifier> open_classifier(const std::filesystem::path& path, const config::Options& options,
                                            int threads, const model::Note& note = {});

}  // namespace qat::eval
