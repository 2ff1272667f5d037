// The CUDA engine as the tools see it: the interface of the plugin libqat_cuda.so. No CUDA header is needed to include
// this.
//
// The plugin runs the same Plan as the CPU runtime, by the same arithmetic (base/qmath.h), so its int8 results are the
// CPU's bit for bit. This release ships no such plugin: loading it fails with one line.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/plugin.h"
#include "engine/plan/plan.h"

namespace qat::engine {

struct CudaDevice {
  std::string name;            // "NVIDIA H200"
  int compute_capability = 0;  // 90 for sm_90
  int64_t memory_bytes = 0;
};

// One shape bound at a time; not thread-safe. Pointers are device memory, `stream` a cudaStream_t.
class CudaSession {
 public:
  virtual ~CudaSession() = default;
  virtual void bind(const InputShape& shape) = 0;  // throws Error(kUsage) out of the profile, Error(kOutOfMemory)
  virtual void run(const void* input, const std::vector<float*>& outputs, void* stream) = 0;
};

class CudaBackend {
 public:
  virtual ~CudaBackend() = default;
  virtual std::vector<CudaDevice> devices() const = 0;
  // Throws Error(kWrongMachine), with the command to rebuild, for a plan of another architecture.
  virtual std::unique_ptr<CudaSession> open(std::shared_ptr<const Plan> plan, int device) = 0;
};

inline CudaBackend& cuda_backend() {
  return plugin<CudaBackend>("qat_cuda", "this release has no GPU engine; leave out --device cuda");
}

}  // namespace qat::engine
