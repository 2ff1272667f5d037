// From a graph to the plain data of a model file.
#pragma once

#include "io/onnx/model.h"
#include "io/onnx/onnx.h"
#include "ir/graph.h"

namespace qat::onnxio {

// Folds BatchNorm, drops what does nothing at inference, writes each node by the table in emit_ops.cc. Throws
// Error(kUsage) for an opset outside 13..25 or a static export without a shape, Error(kFailure) for what ONNX cannot
// say.
Model export_model(const ir::Graph& graph, const io::OnnxExport& options);

}  // namespace qat::onnxio
