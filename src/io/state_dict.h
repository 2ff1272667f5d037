// State dicts between files and graphs: finding one in a checkpoint, and loading it into a Graph by name.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/pth/pth.h"
#include "ir/graph.h"

namespace qat::io {

// Finds the state dict in what PyTorch users save: itself, or under state_dict, model, model_state_dict; strips
// "module." (DataParallel) and "_orig_mod." (torch.compile) where all keys have it. Throws Error(kBadFile) when there
// is none.
StateDict find_state_dict(const PyValue& value);

// From .pth / .pt or .safetensors.
StateDict read_state_dict(const std::filesystem::path& path);

struct LoadReport {
  std::vector<std::string> missing, unexpected;
  std::vector<std::string> wrong_shape;  // "fc.weight (expected f32 10x512, got f32 1000x512)"; wrong types too
  std::vector<std::string> warnings;     // ranges of one tensor that differ between its consumers
  bool clean() const { return missing.empty() && unexpected.empty() && wrong_shape.empty(); }
  std::string text() const;  // one line, long lists shortened; "" when clean
};

// Copies tensors into the graph's parameters and buffers by name, converting float types; num_batches_tracked is
// ignored. strict: throws Error(kBadFile) with the lists. Quantizer ranges are read as pytorch-quantization writes
// them: "residual_quantizer" and "input_quantizer" with and without an underscore before, one value as [] or [1], one
// per channel as [K] or [K,1,1,1]; one value also fills K. A range that is stored once per consumer (metadata
// "range_aliases", a JSON object: name -> other names) is the largest of what the file has; unequal ones give a
// warning.
LoadReport load_state_dict(ir::Graph& graph, const StateDict& state, bool strict);

// Parameters and buffers by name, in graph order, with num_batches_tracked for each BatchNorm as torchvision's files
// have it, and ranges under all their names. The Tensors share the graph's buffers.
StateDict state_dict(const ir::Graph& graph);

}  // namespace qat::io
