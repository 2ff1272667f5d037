// Loads libqat_onnx.so when a command first needs ONNX.
#include "base/plugin.h"
#include "io/onnx/onnx.h"

namespace qat::io {

OnnxIo& onnx() { return plugin<OnnxIo>("qat_onnx", "ONNX files need it; ./dev setup and ./dev build make it"); }

}  // namespace qat::io
