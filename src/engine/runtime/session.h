// Runs a plan on its device: memory and kernels bound to an input shape, and a run that allocates nothing.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/plan/plan.h"

namespace qat::engine {

struct SessionOptions {
  int threads = 0;            // 0: all that the process may use
  size_t cached_shapes = 8;   // bound shapes kept, least recently used dropped first
  bool keep_tensors = false;  // no memory is reused, so that every tensor survives the run (compare, tests)
};

struct StepProfile {
  std::string name, fused, op, kernel, precision;
  double milliseconds = 0;  // mean of the runs since profiling began
  double operations = 0;    // multiply-adds count twice
  double bytes = 0;         // inputs, weights and output, once each
  double weight_bytes = 0;  // of them: weights, multipliers, biases, tables
};

// One Session serves one thread at a time; several sessions may share a plan.
class Session {
 public:
  // Throws Error(kWrongMachine), with the command to rebuild, for a plan of another GPU or of a machine without one.
  explicit Session(std::shared_ptr<const Plan> plan, SessionOptions options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Plan& plan() const;
  int threads() const;
  std::string device_name() const;  // "NVIDIA H200", the CPU's model

  // Prepares kernels and memory for inputs of this shape [N,C,H,W]. Throws Error(kUsage), naming the extent, when it
  // lies outside the profile; Error(kOutOfMemory). Cheap for a shape seen lately.
  void bind(const InputShape& shape);
  const InputShape& bound() const;  // of the last bind

  // Shape of an output for the bound input shape: [N,C] or [N,C,H,W].
  std::vector<int64_t> output_shape(size_t index) const;

  // input: f32 [N,C,H,W] or u8 [N,H,W,C] as the plan's input_mode says; outputs: f32, one pointer an output. No
  // allocation and no system call of ours; the float library, where a step is its, allocates.
  void run(const void* input, const std::vector<float*>& outputs);

  // GPU only, Error(kUsage) elsewhere. The same with device memory, enqueued on `stream`, a cudaStream_t of the plan's
  // device; returns at once.
  void run_device(const void* input, const std::vector<float*>& outputs, void* stream);

  // GPU only. GPU time of `runs` runs queued back to back, on an input that lies on the GPU (noise, or the last run's).
  std::vector<double> device_milliseconds(int64_t runs);

  void set_profiling(bool on);  // on: clears the counters
  std::vector<StepProfile> profile() const;

  size_t arena_bytes() const;  // activations of the bound shape

  // What a tensor held after the last run, as f32 in NCHW order (keep_tensors only).
  std::vector<float> tensor(int32_t id, std::vector<int64_t>* shape) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace qat::engine
