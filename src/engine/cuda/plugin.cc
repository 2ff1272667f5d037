// The plugin libqat_cuda.so: engine::CudaBackend over the current device. See backend.h.
#include "base/error.h"
#include "engine/cuda/session/session.h"
#include "engine/cuda/session/tactics.h"

namespace qat::cuda {
namespace {

using engine::CudaDevice;
using engine::Plan;
using engine::StepView;

std::string version_text(int capability) { return cat(capability / 10, ".", capability % 10); }

class Backend : public engine::CudaBackend {
 public:
  CudaDevice device() const override {
    int count = 0, current = 0;
    cudaError_t status = cudaGetDeviceCount(&count);
    if (status == cudaSuccess && count == 0) status = cudaErrorNoDevice;
    if (status == cudaSuccess) status = cudaGetDevice(&current);
    cudaDeviceProp properties{};
    if (status == cudaSuccess) status = cudaGetDeviceProperties(&properties, current);
    if (status != cudaSuccess)
      fail(Code::kWrongMachine, "this machine has no GPU to use: ", cudaGetErrorString(status));
    const int capability = properties.major * 10 + properties.minor;
    if (capability < 80 || capability > 90) {
      fail(Code::kWrongMachine, properties.name, " is of compute capability ", version_text(capability),
           "; qat has kernels for GPUs of 8.0 to 9.0");
    }
    return {properties.name, capability, static_cast<int64_t>(properties.totalGlobalMem)};
  }

  std::vector<engine::CudaTactic> tactics(const StepView& step) const override {
    const bool layer = step.step.op == engine::StepOp::kConv || step.step.op == engine::StepOp::kGemm;
    return layer ? cuda::tactics(step, step.plan.compute_capability) : std::vector<engine::CudaTactic>{};
  }
  void pack(const StepView& step, const std::string& kernel, const int8_t* weights, void* packed) const override {
    cuda::pack(step, kernel, weights, packed);
  }
  double time(const StepView& step, const std::string& kernel, const void* packed, double rival) const override {
    return time_tactic(step, kernel, packed, rival);
  }
  void end_trials() const override { free_trial_memory(); }

  std::unique_ptr<engine::SessionBackend> open(std::shared_ptr<const Plan> plan,
                                               const engine::SessionOptions& options) override {
    const CudaDevice here = device();
    if (here.compute_capability != plan->compute_capability) {
      fail(Code::kWrongMachine, "[engine ", plan->network, "] built for GPUs of compute capability ",
           version_text(plan->compute_capability), ", this is ", here.name, " of ",
           version_text(here.compute_capability), "; rebuild it here: ", plan->rebuild);
    }
    return std::make_unique<CudaSession>(std::move(plan), options, here.name);
  }
};

}  // namespace
}  // namespace qat::cuda

extern "C" __attribute__((visibility("default"))) void* qat_plugin() {
  static qat::cuda::Backend backend;
  return static_cast<qat::engine::CudaBackend*>(&backend);
}
