// A step bound to one input shape: its kernel, problem and pointers. Built by the binders, run by the session.
#pragma once

#include <memory>
#include <string>

#include "engine/runtime/problems.h"

namespace qat::engine {

class BoundStep {
 public:
  virtual ~BoundStep() = default;
  virtual int64_t units() const = 0;         // independent pieces of work
  virtual size_t scratch_bytes() const = 0;  // per thread, 64-byte aligned
  virtual void run(int64_t begin, int64_t end, void* scratch) = 0;
  virtual std::string kernel() const = 0;
  // Memory of the caller, for steps that read or write it; set before each run.
  virtual void set_external(const void* input, void* output) { (void)input, (void)output; }
};

// What a binder sees.
struct BindContext {
  StepView view;
  const std::vector<std::byte*>& memory;                      // by tensor
  kernels::FloatBackend* floats = nullptr;                    // null: the plain kernels of float_plain.h
  kernels::FloatLayout layout = kernels::FloatLayout::kNhwc;  // of all float tensors
  int threads = 1;
  int members = 1;  // that share the step's units

  const Step& step() const { return view.step; }
  const std::byte* in(size_t i) const { return memory.at(static_cast<size_t>(view.step.inputs.at(i))); }
  std::byte* out() const { return memory.at(static_cast<size_t>(view.step.output)); }
  // A blob of exactly `bytes` bytes.
  const std::byte* blob(size_t index, size_t bytes) const;
  const float* floats_blob(size_t index, int64_t count) const {
    return reinterpret_cast<const float*>(blob(index, static_cast<size_t>(count) * sizeof(float)));
  }
};

// Throws Error(kBadFile) naming the step when the plan does not hold together, Error(kWrongMachine) for a kernel that
// this build or machine lacks.
std::unique_ptr<BoundStep> bind_step(const BindContext& context);

// The families behind bind_step's table.
std::unique_ptr<BoundStep> bind_conv(const BindContext& c);
std::unique_ptr<BoundStep> bind_gemm(const BindContext& c);
std::unique_ptr<BoundStep> bind_add(const BindContext& c);
std::unique_ptr<BoundStep> bind_mul(const BindContext& c);
std::unique_ptr<BoundStep> bind_pool(const BindContext& c);
std::unique_ptr<BoundStep> bind_concat(const BindContext& c);
std::unique_ptr<BoundStep> bind_lut(const BindContext& c);
std::unique_ptr<BoundStep> bind_read(const BindContext& c);
std::unique_ptr<BoundStep> bind_write(const BindContext& c);
std::unique_ptr<BoundStep> bind_quantize(const BindContext& c);
std::unique_ptr<BoundStep> bind_dequantize(const BindContext& c);
std::unique_ptr<BoundStep> bind_flatten(const BindContext& c);
std::unique_ptr<BoundStep> bind_float_layer(const BindContext& c);
std::unique_ptr<BoundStep> bind_float_conv_transpose(const BindContext& c);
std::unique_ptr<BoundStep> bind_float_pool(const BindContext& c);
std::unique_ptr<BoundStep> bind_float_concat(const BindContext& c);
std::unique_ptr<BoundStep> bind_float_binary(const BindContext& c);
std::unique_ptr<BoundStep> bind_float_unary(const BindContext& c);
std::unique_ptr<BoundStep> bind_float_softmax(const BindContext& c);
std::unique_ptr<BoundStep> bind_float_pad(const BindContext& c);

}  // namespace qat::engine
