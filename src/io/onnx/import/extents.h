// Shapes as lists of numbers and symbols, and the Reshape or Flatten that they ask for.
#pragma once

#include <optional>

#include "io/onnx/import/importer.h"

namespace qat::onnxio {

// Longer lists are no shapes; a file could otherwise double one with every Concat.
inline constexpr size_t kMaxExtents = 32;

// A slot as a list of extents: a constant list of integers, or what came of an activation's shape. nullopt otherwise.
std::optional<Extents> extents_of(const Slot& slot);

// A list whose items are all numbers becomes a constant again.
Slot slot_of(Extents extents, const std::string& name);

// The shape of an activation.
std::vector<Symbol> shape_of(Importer& in, ir::ValueId value);

// Adds what turns x into `shape` and sets it as the node's output: nothing, Flatten or Reshape. At most one extent may
// be unknown (the file's -1 among them).
void add_reshape(Importer& in, const Node& node, ir::ValueId x, const std::vector<Symbol>& shape);

}  // namespace qat::onnxio
