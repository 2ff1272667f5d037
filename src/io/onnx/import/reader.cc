// Reading in order: walk, rewrite, shapes, verification, finite numbers.
#include "io/onnx/import/reader.h"

#include "io/onnx/import/importer.h"
#include "io/onnx/import/passes.h"
#include "ir/shapes.h"
#include "ir/verify.h"

namespace qat::onnxio {

ir::Graph import_model(const Model& model) {
  Importer importer(model);
  importer.run();
  ir::Graph graph = std::move(importer.graph);
  ir::prune(graph);
  ir::infer_shapes(graph);
  rewrite(graph);
  ir::infer_shapes(graph);
  ir::verify(graph);
  ir::check_finite(graph);
  return graph;
}

}  // namespace qat::onnxio
