// The table from step ops to binders: see bound_step.h.
#include "engine/runtime/bound_step.h"

#include "base/error.h"

namespace qat::engine {

namespace {

struct Binder {
  StepOp op;
  std::unique_ptr<BoundStep> (*bind)(const BindContext&);
};

constexpr Binder kBinders[] = {
    {StepOp::kReadF32, bind_read},
    {StepOp::kReadU8, bind_read},
    {StepOp::kWriteF32, bind_write},
    {StepOp::kQuantize, bind_quantize},
    {StepOp::kDequantize, bind_dequantize},
    {StepOp::kConv, bind_conv},
    {StepOp::kGemm, bind_gemm},
    {StepOp::kAdd, bind_add},
    {StepOp::kMul, bind_mul},
    {StepOp::kMaxPool, bind_pool},
    {StepOp::kAvgPool, bind_pool},
    {StepOp::kGlobalAvgPool, bind_pool},
    {StepOp::kConcat, bind_concat},
    {StepOp::kLut, bind_lut},
    {StepOp::kFloatConv, bind_float_layer},
    {StepOp::kFloatGemm, bind_float_layer},
    {StepOp::kFloatConvTranspose, bind_float_conv_transpose},
    {StepOp::kFloatMaxPool, bind_float_pool},
    {StepOp::kFloatAvgPool, bind_float_pool},
    {StepOp::kFloatGlobalAvgPool, bind_float_pool},
    {StepOp::kFloatConcat, bind_float_concat},
    {StepOp::kFloatBinary, bind_float_binary},
    {StepOp::kFloatUnary, bind_float_unary},
    {StepOp::kFloatSoftmax, bind_float_softmax},
    {StepOp::kFloatPad, bind_float_pad},
    {StepOp::kFlatten, bind_flatten},
};

}  // namespace

const std::byte* BindContext::blob(size_t index, size_t bytes) const {
  const Blob& b = view.step.blobs.at(index);
  if (b.size != bytes) {
    fail(Code::kBadFile, "[", name_of(step().op), " ", step().name, "] expected ", bytes, " bytes in blob ", index,
         ", got ", b.size, "; the engine is damaged: build it again");
  }
  return view.plan.bytes(b).data();
}

std::unique_ptr<BoundStep> bind_step(const BindContext& context) {
  for (const Binder& binder : kBinders) {
    if (binder.op == context.step().op) return binder.bind(context);
  }
  fail(Code::kBadFile, "[", context.step().name, "] unknown step");
}

}  // namespace qat::engine
