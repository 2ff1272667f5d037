// State dicts between files and graphs: finding one in a checkpoint, and loading it into a Graph by name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/pth/pth.h"
#include "ir/graph.h"

namespace qat::io {

// Finds the state dict in what PyTorch users save: itself, or under state_dict, model, model_state_dict; strips
// "module.".
StateDict find_state_dict(const PyValue& value);

// From .pth / .pt or .safetensors.
StateDict read_state_dict(const std::filesystem::path& path);

struct LoadReport {
  std::vector<std::string> missing, unexpected, wrong_shape;
  bool clean() const { return missing.empty() && unexpected.empty() && wrong_shape.empty(); }
  std::string text() const;  // one line
};

// Copies tensors into the graph's parameters and buffers by name, converting float types; num_batches_tracked is
// ignored. strict: throws Error(kBadFile) with the lists. Quantizer keys are read in both spellings (QUANTIZATION:
// checkpoint names).
LoadReport load_state_dict(ir::Graph& graph, const StateDict& state, bool strict);

// Parameters and buffers by name, in graph order, with num_batches_tracked for each BatchNorm as torchvision's files
// have it.
StateDict state_dict(const ir::Graph& graph);

}  // namespace qat::io
