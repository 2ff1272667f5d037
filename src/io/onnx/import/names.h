// Names that people recognize: module paths for nodes, state dict keys for parameters.
#pragma once

#include <map>
#include <set>
#include <string>
#include <unordered_map>

#include "io/onnx/model.h"

namespace qat::onnxio {

// Whether an exporter made the name up ("onnx::Conv_193", "224", "val_3"), so that nothing is lost with it.
bool is_made_up(const std::string& name);

class Names {
 public:
  explicit Names(const Model& model);

  // The node's module path: from its weight's name ("layer1.0.conv1.weight" -> "layer1.0.conv1"), else from torch's
  // node name ("/layer1/layer1.0/conv1/Conv"), else the node's own name made readable. Not yet unique. weight: the name
  // of what comes in as the weight, "" where there is none.
  std::string module(const Node& node, const std::string& weight) const;

  // The name itself, or with _1, _2, ... appended.
  std::string unique(const std::string& name);

 private:
  std::unordered_map<std::string, int> nodes_at_;  // torch paths: how many nodes lie directly at them
  std::set<std::string> inner_;                    // torch paths that others lie below
  std::set<std::string> used_;
  std::map<std::string, int> next_;  // suffix to try, by name
};

}  // namespace qat::onnxio
