// A step of a plan bound to one input shape on the GPU: what its launch needs, ready to be captured in a graph.
#pragma once

#include <functional>
#include <limits>
#include <memory>
#include <string>

#include "engine/cuda/device.h"
#include "engine/cuda/kernel.h"
#include "engine/runtime/problems.h"

namespace qat::cuda {

struct BoundStep {
  std::string kernel;
  size_t workspace_bytes = 0;
  std::function<cudaError_t(void* workspace, cudaStream_t stream)> launch;  // empty: there is nothing to do
};

class FloatConvs;      // cuDNN, float_convs.h
class FloatDepthwise;  // float_depthwise.h

// What a binder sees. Addresses are device memory.
struct BindContext {
  engine::StepView view;
  const std::vector<std::byte*>& memory;  // by tensor
  const std::byte* blobs;                 // the plan's
  // Where the caller's memory is found at run time: [0] the input, [1 + i] output i.
  void** slots;
  int capability = 0;
  FloatConvs* convs = nullptr;                // null: plain kernels
  FloatDepthwise* depthwise = nullptr;        // null: as above
  const std::vector<float>* clips = nullptr;  // left_clips(), where depthwise is not null

  float left_clip(int32_t tensor) const {
    return clips == nullptr || tensor < 0 ? std::numeric_limits<float>::infinity()
                                          : clips->at(static_cast<size_t>(tensor));
  }

  const engine::Step& step() const { return view.step; }
  const std::byte* in(size_t i) const { return memory.at(static_cast<size_t>(view.step.inputs.at(i))); }
  std::byte* out() const { return memory.at(static_cast<size_t>(view.step.output)); }
  // A blob of exactly `bytes` bytes; Error(kBadFile) otherwise.
  const std::byte* blob(size_t index, size_t bytes) const;
  const float* floats_blob(size_t index, int64_t count) const {
    return reinterpret_cast<const float*>(blob(index, static_cast<size_t>(count) * sizeof(float)));
  }
};

// Elements a pixel, and bytes of a whole tensor with the slack that kernel.h promises, a multiple of 256.
int64_t tensor_pitch(const engine::PlanTensor& t);
size_t tensor_bytes(const engine::PlanTensor& t, const engine::Extents& e);

// f32 [N,C] as it lies in memory is what the caller wants: such an output needs no step, only a copy.
bool written_as_it_lies(const engine::StepView& write);

// Throws Error(kBadFile) naming the step when the plan does not hold together, Error(kWrongMachine) for a kernel that
// this build or GPU lacks.
BoundStep bind_step(const BindContext& context);

// The families behind bind_step's table.
BoundStep bind_conv(const BindContext& c);
BoundStep bind_gemm(const BindContext& c);
BoundStep bind_add(const BindContext& c);
BoundStep bind_mul(const BindContext& c);
BoundStep bind_pool(const BindContext& c);
BoundStep bind_concat(const BindContext& c);
BoundStep bind_lut(const BindContext& c);
BoundStep bind_read(const BindContext& c);
BoundStep bind_write(const BindContext& c);
BoundStep bind_recode(const BindContext& c);  // quantize, dequantize
BoundStep bind_flatten(const BindContext& c);
BoundStep bind_float_layer(const BindContext& c);
BoundStep bind_float_conv_transpose(const BindContext& c);
BoundStep bind_float_pool(const BindContext& c);
BoundStep bind_float_concat(const BindContext& c);
BoundStep bind_float_binary(const BindContext& c);
BoundStep bind_float_unary(const BindContext& c);
BoundStep bind_float_softmax(const BindContext& c);
BoundStep bind_float_pad(const BindContext& c);

// A kernel of a table with its problem.
template <class KernelType>
BoundStep bound(const KernelType& kernel, const typename KernelType::Problem& problem,
                const typename KernelType::Args& args) {
  return {kernel.name, kernel.workspace_bytes(problem), [&kernel, problem, args](void* workspace, cudaStream_t stream) {
            return kernel.launch(problem, args, workspace, stream);
          }};
}

}  // namespace qat::cuda
