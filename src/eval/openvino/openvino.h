// ONNX files on OpenVINO, an independent judge of our exports: the plugin libqat_openvino.so.
#pragma once

#include <filesystem>
#include <memory>

#include "eval/classifier.h"

namespace qat::eval {

class OpenVinoPlugin {
 public:
  virtual ~OpenVinoPlugin() = default;
  // On the CPU, precision hint f32. threads 0: all. Throws Error(kBadFile) with OpenVINO's first line.
  virtual std::unique_ptr<Classifier> classifier(const std::filesystem::path& onnx, int threads) = 0;
};

OpenVinoPlugin& openvino();  // loads the plugin

}  // namespace qat::eval
