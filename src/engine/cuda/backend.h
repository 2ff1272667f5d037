// The CUDA engine as runtime and builder see it: the interface of the plugin libqat_cuda.so. No CUDA header is needed
// to include this.
//
// The plugin runs the same Plan as the CPU runtime, by the same arithmetic (base/qmath.h), so its int8 results are the
// CPU's bit for bit.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/plugin.h"
#include "engine/runtime/problems.h"
#include "engine/runtime/session_backend.h"

namespace qat::engine {

struct CudaDevice {
  std::string name;            // "NVIDIA H200"
  int compute_capability = 0;  // 90 for 9.0
  int64_t memory_bytes = 0;
};

// A kernel that does an int8 layer.
struct CudaTactic {
  std::string name;
  uintptr_t packing = 0;  // equal for kernels that take the same packed form
  size_t packed_bytes = 0;
};

// Everything runs on the calling thread's current device, device 0 unless the program chose another.
class CudaBackend {
 public:
  virtual ~CudaBackend() = default;
  // Throws Error(kWrongMachine), saying why, where there is no GPU or its driver is too old.
  virtual CudaDevice device() const = 0;

  // For the builder. The kernels of a conv or gemm step, fastest first; none for other steps, which have one form.
  virtual std::vector<CudaTactic> tactics(const StepView& step) const = 0;
  // weights: s8 as the CPU's pack gets them; packed: packed_bytes, zeroed.
  virtual void pack(const StepView& step, const std::string& kernel, const int8_t* weights, void* packed) const = 0;
  // Seconds of one run on memory of its own, the least of a few; of fewer, once it is far above `rival` seconds. The
  // step's blob 0 has the packed form's size.
  virtual double time(const StepView& step, const std::string& kernel, const void* packed, double rival) const = 0;
  virtual void end_trials() const = 0;  // frees the memory that time() keeps for its next call

  // Throws Error(kWrongMachine), with the command to rebuild, for a plan of another architecture, Error(kOutOfMemory).
  virtual std::unique_ptr<SessionBackend> open(std::shared_ptr<const Plan> plan, const SessionOptions& options) = 0;
};

// Throws Error(kWrongMachine) where this qat was built without CUDA.
inline CudaBackend& cuda_backend() {
  try {
    return plugin<CudaBackend>(
        "qat_cuda", "GPU engines need it; build qat where nvcc 12.3 or later is installed, or leave out --device cuda");
  } catch (const Error& error) {
    fail(Code::kWrongMachine, error.what());
  }
}

}  // namespace qat::engine
