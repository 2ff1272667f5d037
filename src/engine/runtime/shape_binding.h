// A plan bound to one input shape: extents, memory and bound steps, ready to run.
#pragma once

#include <memory>
#include <vector>

#include "engine/runtime/bound_step.h"
#include "engine/runtime/memory.h"

namespace qat::engine {

struct BindOptions {
  int threads = 1;
  bool keep_tensors = false;
  kernels::FloatBackend* floats = nullptr;  // null: plain float code
  kernels::FloatLayout layout = kernels::FloatLayout::kNhwc;
};

struct ShapeBinding {
  InputShape shape{};
  std::vector<Extents> extents;
  AlignedBuffer arena;
  std::vector<std::byte*> memory;  // by tensor
  std::vector<std::unique_ptr<BoundStep>> steps;
  size_t scratch_bytes = 0;  // largest of the steps, per thread
};

std::unique_ptr<ShapeBinding> bind_shape(const Plan& plan, const InputShape& shape, const BindOptions& options);

// The float library's preferred layout when every step of the plan has a form in it; NHWC elsewhere.
kernels::FloatLayout float_layout(const Plan& plan, kernels::FloatBackend* floats);

// Whether every step has a form in the float library (and so may run in its layouts and types).
bool all_in_float_library(const Plan& plan);

// Whether any step computes in float with a form in the float library.
bool wants_float_library(const Plan& plan);

}  // namespace qat::engine
