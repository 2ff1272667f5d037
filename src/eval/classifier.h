// One interface over checkpoints (LibTorch), ONNX files (OpenVINO) and engines: f32 images in, logits out.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>

#include "base/tensor.h"

namespace qat::eval {

class Classifier {
 public:
  virtual ~Classifier() = default;
  virtual Tensor logits(const Tensor& images) = 0;  // f32 [N,C,H,W] -> f32 [N,classes]
  virtual std::string describe() const = 0;         // "checkpoint, int8 (fake quantization), LibTorch 2.11.0"
  virtual int64_t channels() const { return 0; }    // C of its images; 0: left open
  virtual const std::map<std::string, std::string>& metadata() const = 0;  // mean, std, classes; may be empty
  // Float values of every layer's output by node name, for `compare`; empty where the backend has none.
  virtual std::map<std::string, Tensor> layers(const Tensor& images) {
    (void)images;
    return {};
  }
};

}  // namespace qat::eval
