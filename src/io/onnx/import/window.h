// Kernel, stride, pads and dilation of convolutions and pools, auto_pad included.
#pragma once

#include <array>

#include "io/onnx/import/importer.h"

namespace qat::onnxio {

struct WindowAttrs {
  std::array<int64_t, 2> kernel{1, 1};
  std::array<int64_t, 2> stride{1, 1};
  std::array<int64_t, 4> pads{0, 0, 0, 0};  // top, left, bottom, right
  std::array<int64_t, 2> dilation{1, 1};
};

// kernel: what holds where the node has no kernel_shape; {0, 0} makes it a must. SAME padding depends on the input's
// size unless the stride is 1: Unsupported where that is not fixed. Extents past 2^20 are an Error(kBadFile).
WindowAttrs window_attrs(Importer& in, const Node& node, std::array<int64_t, 2> kernel);

}  // namespace qat::onnxio
