// One side of a comparison: a model, and what its layers are called on the other side.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "config/options.h"
#include "eval/classifier.h"

namespace qat::cli {

struct Side {
  std::filesystem::path path;
  std::unique_ptr<eval::Classifier> model;
  std::string description;  // the kind of file, and what it runs on here
  bool has_graph = false;
  std::vector<std::string> order;                   // names of its layers
  std::string logits;                               // the layer that gives them
  std::map<std::string, std::string> renamed;       // engines: "conv1", fused with relu, holds the value of "relu"
  std::set<std::string> int8;                       // engines: layers, by their new name, that are kept in int8
  std::map<std::string, std::string> quantized_as;  // graphs: layer -> the FakeQuant that reads it
};

// ONNX files run on LibTorch here, because OpenVINO does not show its layers. BatchNorm is folded in graphs: a layer of
// a checkpoint, of its export and of its engine then mean the same tensor.
Side open_side(const std::filesystem::path& path, const config::Options& options);

std::map<std::string, Tensor> layers_of(Side& side, const Tensor& images);

}  // namespace qat::cli
