// Puts a model's nodes into topological order.
#pragma once

#include "io/onnx/model.h"

namespace qat::onnxio {

// Stable: a sorted file stays as it is. Nodes that no output needs are dropped. Throws Error(kBadFile) for cycles,
// inputs that nobody makes and values made twice.
void sort_nodes(Model& model);

}  // namespace qat::onnxio
