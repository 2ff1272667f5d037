// A small quantized classifier as an ONNX file, for tests that need any model at all.
#pragma once

#include <filesystem>

namespace qat::e2e {

struct SmallModel {
  int64_t channels = 4;  // of its convolution: decides the size of the file and of its engine
};

// One 3x3 convolution on [N,3,8,8], ReLU, Gemm to 3 classes; static, so that `qat build` needs no shapes.
void write_small_model(const std::filesystem::path& path, const SmallModel& what = {});

}  // namespace qat::e2e
