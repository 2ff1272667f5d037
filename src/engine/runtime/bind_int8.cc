// Int8 steps: each looks its kernel up and fills in pointers. The arithmetic is the kernels' (engine/cpu).
#include "engine/runtime/kernel_step.h"

namespace qat::engine {

using namespace kernels;  // NOLINT: this file is about them

namespace {

const uint8_t* u8(const std::byte* p) { return reinterpret_cast<const uint8_t*>(p); }

// Conv, depthwise and Gemm: packed weights, multipliers, biases, skip.
template <class KernelType>
std::unique_ptr<BoundStep> layer_step(const BindContext& c, std::span<const KernelType> table,
                                      const typename KernelType::Problem& problem) {
  const KernelType& kernel = kernel_of(c.step(), table, problem);
  const int64_t k = c.view.out().channels;
  typename KernelType::Args args;
  args.x = u8(c.in(0));
  args.weights = c.blob(0, kernel.packed_bytes(problem));
  args.multiplier = c.floats_blob(1, k);
  args.bias = c.floats_blob(2, k);
  args.skip = c.view.has_skip() ? u8(c.in(1)) : nullptr;
  args.y = c.out();
  return std::make_unique<KernelStep<KernelType>>(kernel, problem, args);
}

class ConcatStep : public KernelStep<ConcatKernel> {
 public:
  ConcatStep(const ConcatKernel& kernel, const ConcatProblem& problem, std::vector<ConcatInput> inputs,
             std::vector<const uint8_t*> x, uint8_t* y)
      : KernelStep(kernel, problem, {}), inputs_(std::move(inputs)), x_(std::move(x)) {
    problem_.inputs = inputs_;
    args_ = {.x = x_.data(), .y = y};
  }

 private:
  std::vector<ConcatInput> inputs_;
  std::vector<const uint8_t*> x_;
};

}  // namespace

std::unique_ptr<BoundStep> bind_conv(const BindContext& c) {
  if (is_depthwise(c.view)) return layer_step(c, depthwise_kernels(), depthwise_problem(c.view));
  ConvProblem problem = conv_problem(c.view);
  problem.members = c.members;
  return layer_step(c, conv_kernels(), problem);
}

std::unique_ptr<BoundStep> bind_gemm(const BindContext& c) {
  return layer_step(c, gemm_kernels(), gemm_problem(c.view));
}

std::unique_ptr<BoundStep> bind_add(const BindContext& c) {
  return kernel_step(c.step(), add_kernels(), add_problem(c.view), {.a = u8(c.in(0)), .b = u8(c.in(1)), .y = c.out()});
}

std::unique_ptr<BoundStep> bind_mul(const BindContext& c) {
  return kernel_step(c.step(), mul_kernels(), mul_problem(c.view), {.a = u8(c.in(0)), .b = u8(c.in(1)), .y = c.out()});
}

std::unique_ptr<BoundStep> bind_pool(const BindContext& c) {
  return kernel_step(c.step(), pool_kernels(), pool_problem(c.view),
                     {.x = u8(c.in(0)), .y = reinterpret_cast<uint8_t*>(c.out())});
}

std::unique_ptr<BoundStep> bind_lut(const BindContext& c) {
  return kernel_step(c.step(), lut_kernels(), lut_problem(c.view),
                     {.x = u8(c.in(0)), .table = u8(c.blob(0, 256)), .y = reinterpret_cast<uint8_t*>(c.out())});
}

std::unique_ptr<BoundStep> bind_concat(const BindContext& c) {
  std::vector<ConcatInput> inputs = concat_inputs(c.view);
  const ConcatProblem problem = concat_problem(c.view, inputs);
  std::vector<const uint8_t*> x;
  for (size_t i = 0; i < inputs.size(); ++i) x.push_back(u8(c.in(i)));
  const ConcatKernel& kernel = kernel_of(c.step(), concat_kernels(), problem);
  return std::make_unique<ConcatStep>(kernel, problem, std::move(inputs), std::move(x),
                                      reinterpret_cast<uint8_t*>(c.out()));
}

std::unique_ptr<BoundStep> bind_quantize(const BindContext& c) {
  expect(c.step(), c.view.in(0).storage == Storage::kF32 && c.layout == FloatLayout::kNhwc, "codes f32 NHWC tensors");
  return kernel_step(c.step(), quantize_kernels(),
                     quantize_problem(c.view, QuantizeSource::kF32Nhwc, c.view.in_extents(0)),
                     {.x = c.in(0), .y = reinterpret_cast<uint8_t*>(c.out())});
}

std::unique_ptr<BoundStep> bind_dequantize(const BindContext& c) {
  expect(c.step(), c.view.out().storage == Storage::kF32 && c.layout == FloatLayout::kNhwc, "writes f32 NHWC tensors");
  return kernel_step(c.step(), dequantize_kernels(), dequantize_problem(c.view, DequantizeTarget::kF32Nhwc),
                     {.x = u8(c.in(0)), .y = reinterpret_cast<float*>(c.out())});
}

}  // namespace qat::engine
