// The GPU behind engine::Session: weights on the device, a cache of bound shapes, graphs, copies and events.
#pragma once

#include <list>

#include "engine/cuda/session/pinned.h"
#include "engine/cuda/session/shape_binding.h"
#include "engine/runtime/session_backend.h"

namespace qat::cuda {

class CudaSession : public engine::SessionBackend {
 public:
  // The current device, whose compute capability the plan's must be.
  CudaSession(std::shared_ptr<const engine::Plan> plan, const engine::SessionOptions& options, std::string device_name);
  ~CudaSession() override;

  int threads() const override { return 1; }
  std::string device_name() const override { return device_name_; }
  void bind(const engine::InputShape& shape) override;
  const engine::InputShape& bound() const override { return current().shape; }
  const std::vector<engine::Extents>& extents() const override { return current().extents; }
  size_t arena_bytes() const override { return current().arena.size(); }
  void run(const void* input, const std::vector<float*>& outputs) override;
  void run_device(const void* input, const std::vector<float*>& outputs, void* stream) override;
  std::vector<double> device_milliseconds(int64_t runs) override;
  void set_profiling(bool on) override;
  std::vector<double> step_seconds() const override;
  std::vector<std::string> step_kernels() const override;
  std::vector<float> tensor(int32_t id) const override;

 private:
  ShapeBinding& current() const;
  size_t input_bytes() const;
  void set_slots(const void* input, const std::vector<float*>& outputs, cudaStream_t stream);
  void enqueue(cudaStream_t stream);
  void run_profiled();
  void* staged_input();
  std::vector<float*> staged_outputs();

  std::shared_ptr<const engine::Plan> plan_;
  engine::SessionOptions options_;
  std::string device_name_;
  int capability_;
  cudaStream_t stream_ = nullptr;
  cudaEvent_t done_ = nullptr;  // of the last run on another stream
  bool foreign_ = false;        // there was one
  DeviceBuffer blobs_, slots_, input_, outputs_;
  std::vector<void*> slot_values_;  // what slots_ holds
  PinnedBuffer pinned_input_, pinned_output_;
  std::shared_ptr<FloatConvs> convs_;
  std::unique_ptr<FloatDepthwise> depthwise_;
  std::list<std::unique_ptr<ShapeBinding>> shapes_;  // the front one is bound
  bool profiling_ = false;
  int64_t profiled_runs_ = 0;
  std::vector<double> seconds_;  // by step
  std::vector<cudaEvent_t> events_;
};

}  // namespace qat::cuda
