// A network with its weights, from whatever the user has: the zoo, an ONNX file, a checkpoint of ours, a plain state
// dict.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "config/options.h"
#include "ir/graph.h"

namespace qat::model {

// Takes lines that the user should see: keys that a file lacks, ranges that differ.
using Note = std::function<void(const std::string& line)>;

// MODEL.ONNX, or MODEL.NET with fresh weights from TRAIN.SEED; then MODEL.WEIGHTS, a state dict as load_state() reads
// it. Throws Error(kUsage / kBadFile / kIo).
ir::Graph from_options(const config::Options& options, const Note& note = {});

// A checkpoint of ours carries its graph. A plain state dict (.pth, .safetensors) is loaded into MODEL.ONNX or
// MODEL.NET of MODEL.IN_CHANNELS and MODEL.CLASSES. An .onnx file is imported. Throws as from_options.
ir::Graph from_file(const std::filesystem::path& path, const config::Options& options, const Note& note = {});

// What training needs: logits. A Softmax that ends the network is taken off, and noted: classes keep their order, and
// the loss has a softmax of its own.
void end_in_logits(ir::Graph& graph, const Note& note = {});

}  // namespace qat::model
