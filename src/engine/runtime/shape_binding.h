// A plan bound to one input shape: extents, memory and bound steps, ready to run.
#pragma once

#include <memory>
#include <vector>

#include "engine/runtime/bound_step.h"
#include "engine/runtime/memory.h"

namespace qat::engine {

struct BindOptions {
  int threads = 1;
  int members = 1;  // of the team that runs int8 steps
  bool keep_tensors = false;
  kernels::FloatBackend* floats = nullptr;  // null: plain float code
  kernels::FloatLayout layout = kernels::FloatLayout::kNhwc;
};

// A piece of a step, ready to run.
struct Link {
  size_t step = 0;
  std::unique_ptr<BoundStep> bound;
};

// What a team does before it moves on together: chains of pieces that depend on nothing but what came before them in
// their chain and part. A step of the whole batch is a part with one chain of one link.
struct Part {
  std::vector<std::vector<Link>> chains;
  size_t alone =
      0;  // so many first chains are shared out, each member runs its own; the team shares the others' pieces
};

struct ShapeBinding {
  InputShape shape{};
  std::vector<Extents> extents;
  AlignedBuffer arena;
  std::vector<std::byte*> memory;  // by tensor
  std::vector<Part> parts;
  size_t scratch_bytes = 0;  // largest of the links, per thread
};

std::unique_ptr<ShapeBinding> bind_shape(const Plan& plan, const InputShape& shape, const BindOptions& options);

// The float library's preferred layout when every step of the plan has a form in it; NHWC elsewhere.
kernels::FloatLayout float_layout(const Plan& plan, kernels::FloatBackend* floats);

// Whether every step has a form in the float library (and so may run in its layouts and types).
bool all_in_float_library(const Plan& plan);

// Whether any step computes in float with a form in the float library.
bool wants_float_library(const Plan& plan);

}  // namespace qat::engine
