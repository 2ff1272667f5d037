// Loads the OpenVINO plugin: see openvino.h.
#include "base/plugin.h"
#include "eval/openvino/openvino.h"

namespace qat::eval {

OpenVinoPlugin& openvino() {
  return plugin<OpenVinoPlugin>("qat_openvino",
                                "evaluating .onnx files needs OpenVINO; install it with `./dev setup` and build again");
}

}  // namespace qat::eval
