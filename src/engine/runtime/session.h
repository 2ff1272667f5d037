// Runs a plan: memory and kernels bound to an input shape, threads, and a run that allocates nothing.
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
};

// One Session serves one thread at a time; several sessions may share a plan.
class Session {
 public:
  explicit Session(std::shared_ptr<const Plan> plan, SessionOptions options = {});
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  const Plan& plan() const;
  int threads() const;

  // Prepares kernels and memory for inputs of this shape [N,C,H,W]. Throws Error(kUsage), naming the extent, when it
  // lies outside the profile; Error(kOutOfMemory). Cheap for a shape seen lately.
  void bind(const InputShape& shape);
  const InputShape& bound() const;  // of the last bind

  // Shape of an output for the bound input shape: [N,C] or [N,C,H,W].
  std::vector<int64_t> output_shape(size_t index) const;

  // input: f32 [N,C,H,W] or u8 [N,H,W,C] as the plan's input_mode says; outputs: f32, one pointer an output. No
  // allocation.
  void run(const void* input, const std::vector<float*>& outputs);

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
