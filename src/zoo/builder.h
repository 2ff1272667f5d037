// Building blocks that the zoo's networks are written in: layers named like torchvision's modules.
#pragma once

#include <string>

#include "ir/graph.h"

namespace qat::zoo {

struct ConvSpec {
  int64_t in = 0, out = 0;
  int64_t kernel = 3, stride = 1, pad = 1, groups = 1;
  bool bias = false;
};

// Appends layers to a graph; each call returns the value it makes. Parameters are zero-filled, in the order of
// PyTorch's state dict: weight, bias; BatchNorm: weight, bias, running_mean, running_var.
class Builder {
 public:
  explicit Builder(std::string name);

  ir::ValueId input(const std::string& name, ir::Dims dims);
  ir::ValueId conv(const std::string& name, ir::ValueId x, const ConvSpec& spec);
  ir::ValueId norm(const std::string& name, ir::ValueId x, int64_t channels);
  ir::ValueId linear(const std::string& name, ir::ValueId x, int64_t in, int64_t out);
  ir::ValueId node(ir::Op op, const std::string& name, std::vector<ir::ValueId> inputs, ir::Attrs attrs = {});

  // Names the output "output", infers shapes and hands the graph over.
  ir::Graph finish(ir::ValueId output);

 private:
  ir::ValueId parameter(const std::string& name, Shape shape);
  ir::Graph graph_;
};

}  // namespace qat::zoo
