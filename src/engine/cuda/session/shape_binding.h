// A plan bound to one input shape on the GPU: memory, steps and the graph that runs them.
#pragma once

#include <vector>

#include "engine/cuda/session/bound_step.h"

namespace qat::cuda {

// An output of the network on the GPU after a run: a tensor as it lies, or what a step writes through a slot.
struct OutputPlace {
  const std::byte* tensor = nullptr;  // null: through the slot
  size_t bytes = 0;
};

struct ShapeBinding {
  engine::InputShape shape{};
  std::vector<engine::Extents> extents;
  DeviceBuffer arena, workspace;
  std::vector<std::byte*> memory;  // by tensor
  std::vector<BoundStep> steps;
  std::vector<OutputPlace> outputs;
  cudaGraphExec_t graph = nullptr;

  ShapeBinding() = default;
  ShapeBinding(const ShapeBinding&) = delete;
  ShapeBinding& operator=(const ShapeBinding&) = delete;
  ~ShapeBinding();

  // Enqueues step i; Error(kFailure) naming it where the launch is refused.
  void launch(const engine::Plan& plan, size_t i, cudaStream_t stream) const;
};

struct BindOptions {
  const std::byte* blobs = nullptr;
  void** slots = nullptr;
  int capability = 0;
  bool keep_tensors = false;
  FloatConvs* convs = nullptr;
  FloatDepthwise* depthwise = nullptr;
  cudaStream_t stream = nullptr;  // the graph is captured on it
};

// Throws Error(kUsage) out of the profile, Error(kOutOfMemory).
std::unique_ptr<ShapeBinding> bind_shape(const engine::Plan& plan, const engine::InputShape& shape,
                                         const BindOptions& options);

}  // namespace qat::cuda
