// ONNX files to and from graphs; a plugin (libqat_onnx.so), because protobuf must not meet LibTorch's headers.
#pragma once

#include <filesystem>
#include <string>

#include "ir/graph.h"

namespace qat::io {

struct OnnxExport {
  bool quantized = true;       // write FakeQuant as QuantizeLinear / DequantizeLinear; false drops them
  bool int8_weights = false;   // weights as int8 with DQ, or as float with Q/DQ
  bool dynamic = true;         // batch, height and width as symbols
  std::vector<int64_t> shape;  // of a static export: N,C,H,W
  int opset = 17;
};

class OnnxIo {
 public:
  virtual ~OnnxIo() = default;
  // Opsets 7 to 25. Q/DQ pairs become FakeQuant, int8 weights float ones on their grid, BN stays, constants fold,
  // patterns of small ops (HardSwish, SiLU, Shape-Slice-Concat-Reshape) become one. Unsupported ops are all listed in
  // one Error(kBadFile).
  virtual ir::Graph read(const std::filesystem::path& path) = 0;
  // For other readers of the file, which may trust it: refuses with Error(kBadFile) what is no model, and tensors at
  // any depth whose data lies elsewhere than in regular files of the model's folder and below. Operators are not
  // judged.
  virtual void check_external(const std::filesystem::path& path) = 0;
  // BN is folded (QUANTIZATION: numerics), metadata goes to metadata_props.
  virtual void write(const std::filesystem::path& path, const ir::Graph& graph, const OnnxExport& options) = 0;
};

OnnxIo& onnx();  // loads the plugin

}  // namespace qat::io
