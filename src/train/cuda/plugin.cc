// The plugin libqat_train_cuda.so: what train/device.h promises.
#include <cstdlib>

#include "train/cuda/check.h"
#include "train/cuda/histograms.h"
#include "train/cuda/steps.h"

namespace qat::train::cuda {

namespace {

class Plugin final : public DevicePlugin {
 public:
  std::string name() override {
    int devices = 0;
    const cudaError_t status = cudaGetDeviceCount(&devices);
    if (status != cudaSuccess || devices == 0) {
      fail(Code::kWrongMachine, "[DEVICE] cuda: no GPU here (", cudaGetErrorString(status), "); use --device cpu");
    }
    cudaDeviceProp device{};
    check(cudaGetDeviceProperties(&device, index()), "device properties");
    if (device.major < 8) {
      fail(Code::kWrongMachine, "[DEVICE] cuda: ", device.name, " has compute capability ", device.major, ".",
           device.minor, ", training needs 8.0 (bf16) or later; use --device cpu");
    }
    return device.name;
  }

  // A launcher may have left each process one GPU, or all of them.
  void use(int local_rank) override {
    int devices = 0;
    check(cudaGetDeviceCount(&devices), "device count");
    if (devices > 1 && local_rank >= devices) {
      fail(Code::kWrongMachine, "[DEVICE] cuda: local rank ", local_rank, ", but ", devices,
           " GPUs here; start one process for each");
    }
    guarded([&] { c10::cuda::set_device(static_cast<c10::DeviceIndex>(devices > 1 ? local_rank : 0)); });
    name();
  }

  int index() override {
    int device = 0;
    check(cudaGetDevice(&device), "device");
    return device;
  }

  int64_t peak_memory() override {
    at::globalContext().lazyInitDevice(at::kCUDA);
    constexpr auto kAll = static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE);
    const auto device = static_cast<c10::DeviceIndex>(index());
    const auto stats = c10::cuda::CUDACachingAllocator::getDeviceStats(device);
    c10::cuda::CUDACachingAllocator::resetPeakStats(device);
    return stats.allocated_bytes[kAll].peak;
  }

  std::unique_ptr<DeviceSteps> steps(GraphModule& module, const config::Options& options, const Averages& average,
                                     Group* group) override {
    const char* graphs = std::getenv("QAT_CUDA_GRAPH");  // 0: launch by launch, to debug
    return std::make_unique<CudaSteps>(module, options, average, group, graphs == nullptr || *graphs != '0');
  }

  std::unique_ptr<DeviceHistograms> histograms(size_t count) override {
    return std::make_unique<CudaHistograms>(count);
  }

  void norm_act(const train::NormActArgs& args) override {
    const at::Tensor scale = args.scale > 0
                                 ? at::full({1}, args.scale, at::TensorOptions().device(at::kCUDA).dtype(at::kFloat))
                                 : at::Tensor();
    Range range;
    if (scale.defined()) {
      range = {.value = scale.const_data_ptr<float>(), .unit = 1, .lo = args.quant_lo, .hi = args.quant_hi};
    }
    device_kernels().norm_act({.rows = args.rows,
                               .channels = args.channels,
                               .type = Type::kF32,
                               .x = args.x,
                               .a = args.a,
                               .b = args.b,
                               .skip = args.skip,
                               .skip_scale = args.skip_scale,
                               .clip_lo = args.clip_lo,
                               .clip_hi = args.clip_hi,
                               .range = range,
                               .y = args.y},
                              c10::cuda::getCurrentCUDAStream().stream());
  }
};

}  // namespace

}  // namespace qat::train::cuda

extern "C" void* qat_plugin() {
  static qat::train::cuda::Plugin plugin;
  return static_cast<qat::train::DevicePlugin*>(&plugin);
}
