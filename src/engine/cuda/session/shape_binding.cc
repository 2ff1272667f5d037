// Binding: extents, memory, steps, then the graph: see shape_binding.h.
#include "engine/cuda/session/shape_binding.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "engine/cuda/session/left_clips.h"
#include "engine/runtime/memory.h"

namespace qat::cuda {

using engine::Plan;

namespace {

void place_tensors(ShapeBinding& b, const Plan& plan, const BindOptions& options) {
  const auto bytes_of = [&](size_t id) { return tensor_bytes(plan.tensors[id], b.extents[id]); };
  const engine::MemoryPlan memory = plan_memory(plan, b.extents, options.keep_tensors, bytes_of);
  b.arena = DeviceBuffer(memory.bytes);
  for (size_t i = 0; i < plan.tensors.size(); ++i) {
    const engine::Blob& constant = plan.tensors[i].constant;
    b.memory.push_back(constant.size == 0 ? b.arena.data() + memory.offsets[i]
                                          : const_cast<std::byte*>(options.blobs) + constant.offset);
  }
}

void place_outputs(ShapeBinding& b, const Plan& plan) {
  for (size_t i = plan.steps.size() - plan.outputs.size(); i < plan.steps.size(); ++i) {
    const engine::StepView write{plan, plan.steps[i], b.extents};
    const auto id = static_cast<size_t>(write.step.inputs[0]);
    const auto bytes = static_cast<size_t>(b.extents[id].pixels() * write.in(0).channels) * sizeof(float);
    b.outputs.push_back({written_as_it_lies(write) ? b.memory[id] : nullptr, bytes});
  }
}

void capture(ShapeBinding& b, const Plan& plan, cudaStream_t stream) {
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "graph");
  cudaGraph_t graph = nullptr;
  try {
    for (size_t i = 0; i < plan.steps.size(); ++i) b.launch(plan, i, stream);
  } catch (...) {
    cudaStreamEndCapture(stream, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
    throw;
  }
  check(cudaStreamEndCapture(stream, &graph), "graph");
  const cudaError_t status = cudaGraphInstantiate(&b.graph, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "graph");
  check(cudaGraphUpload(b.graph, stream), "graph");
}

}  // namespace

ShapeBinding::~ShapeBinding() {
  if (graph != nullptr) cudaGraphExecDestroy(graph);
}

void ShapeBinding::launch(const Plan& plan, size_t i, cudaStream_t stream) const {
  if (!steps[i].launch) return;
  const cudaError_t status = steps[i].launch(workspace.data(), stream);
  if (status == cudaSuccess) return;
  const engine::Step& s = plan.steps[i];
  fail(Code::kFailure, "[", name_of(s.op), " ", s.name, "] kernel ", steps[i].kernel, ": ", cudaGetErrorString(status));
}

std::unique_ptr<ShapeBinding> bind_shape(const Plan& plan, const engine::InputShape& shape,
                                         const BindOptions& options) {
  check_profile(plan, shape);
  auto b = std::make_unique<ShapeBinding>();
  b->shape = shape;
  b->extents = infer_extents(plan, shape);
  place_tensors(*b, plan, options);
  // Kept tensors hold what the plan says.
  const std::vector<float> clips = options.keep_tensors || options.depthwise == nullptr
                                       ? std::vector<float>(plan.tensors.size(), std::numeric_limits<float>::infinity())
                                       : left_clips(plan, b->extents);
  size_t workspace = 0;
  for (const engine::Step& step : plan.steps) {
    b->steps.push_back(bind_step({.view = {plan, step, b->extents},
                                  .memory = b->memory,
                                  .blobs = options.blobs,
                                  .slots = options.slots,
                                  .capability = options.capability,
                                  .convs = options.convs,
                                  .depthwise = options.depthwise,
                                  .clips = &clips}));
    workspace = std::max(workspace, b->steps.back().workspace_bytes);
  }
  b->workspace = DeviceBuffer(workspace);
  if (workspace > 0) check(cudaMemsetAsync(b->workspace.data(), 0, workspace, options.stream), "workspace");
  place_outputs(*b, plan);
  capture(*b, plan, options.stream);
  return b;
}

}  // namespace qat::cuda
