// Loads the plugin of a device: see device.h.
#include "train/device.h"

#include "base/plugin.h"

namespace qat::train {

DevicePlugin* device_plugin(const std::string& device) {
  if (device == "cpu") return nullptr;
  if (device != "cuda") fail(Code::kUsage, "[DEVICE] expected cpu or cuda, got '", device, "'");
  static DevicePlugin& cuda = plugin<DevicePlugin>(
      "qat_train_cuda", "--device cuda needs the CUDA plugin: build it where nvcc is, and run `./dev setup --cuda`");
  cuda.name();  // throws where there is no GPU
  return &cuda;
}

}  // namespace qat::train
