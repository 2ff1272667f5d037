// Our checkpoints: a .pth that holds the graph itself, its weights and ranges, and the state of training.
// Self-contained.
#pragma once

#include <filesystem>
#include <optional>

#include "io/state_dict.h"

namespace qat::io {

// Keys of the file: state_dict, qat_graph (ir::to_json), qat_version, metadata (str -> str: mean, std, classes, config,
// ...), training (optional: optimizer state, epoch, step, random state, best accuracy).
struct Checkpoint {
  ir::Graph graph;
  std::optional<PyValue> training;  // a dict
};

void save_checkpoint(const std::filesystem::path& path, const Checkpoint& checkpoint);

// Nothing where the file, .pth or .safetensors, holds weights alone and no graph.
std::optional<Checkpoint> find_checkpoint(const std::filesystem::path& path);

// Throws Error(kBadFile) when the file is a plain state dict ("give MODEL.NET and MODEL.WEIGHTS").
Checkpoint load_checkpoint(const std::filesystem::path& path);

}  // namespace qat::io
