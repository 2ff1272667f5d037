// What runs a plan behind a Session: the CPU walk here, or the GPU's, from the plugin libqat_cuda.so.
#pragma once

#include <memory>

#include "engine/runtime/extents.h"
#include "engine/runtime/session.h"

namespace qat::engine {

class SessionBackend {
 public:
  virtual ~SessionBackend() = default;
  virtual int threads() const = 0;
  virtual std::string device_name() const = 0;  // "NVIDIA H200", the CPU's model
  virtual void bind(const InputShape& shape) = 0;
  // Of the last bind; Error(kUsage) before it.
  virtual const InputShape& bound() const = 0;
  virtual const std::vector<Extents>& extents() const = 0;  // by tensor
  virtual size_t arena_bytes() const = 0;
  virtual void run(const void* input, const std::vector<float*>& outputs) = 0;
  virtual void set_profiling(bool on) = 0;
  virtual std::vector<double> step_seconds() const = 0;       // by step: the mean of the profiled runs
  virtual std::vector<std::string> step_kernels() const = 0;  // by step
  virtual std::vector<float> tensor(int32_t id) const = 0;    // f32 in NCHW order (keep_tensors only)

  // GPU only; Error(kUsage) on a CPU. See session.h.
  virtual void run_device(const void* input, const std::vector<float*>& outputs, void* stream);
  virtual std::vector<double> device_milliseconds(int64_t runs);
};

std::unique_ptr<SessionBackend> open_cpu_session(std::shared_ptr<const Plan> plan, const SessionOptions& options);

}  // namespace qat::engine
