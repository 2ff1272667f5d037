// The table from step ops to binders, and what tensors take: see bound_step.h.
#include "engine/cuda/session/bound_step.h"

#include "base/error.h"
#include "engine/runtime/memory.h"

namespace qat::cuda {

using engine::StepOp;
using engine::Storage;

namespace {

struct Binder {
  StepOp op;
  BoundStep (*bind)(const BindContext&);
};

constexpr Binder kBinders[] = {
    {StepOp::kReadF32, bind_read},
    {StepOp::kReadU8, bind_read},
    {StepOp::kWriteF32, bind_write},
    {StepOp::kQuantize, bind_recode},
    {StepOp::kDequantize, bind_recode},
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
  const engine::Blob& b = view.step.blobs.at(index);
  if (b.size != bytes) {
    fail(Code::kBadFile, "[", name_of(step().op), " ", step().name, "] expected ", bytes, " bytes in blob ", index,
         ", got ", b.size, "; the engine is damaged: build it again");
  }
  return blobs + b.offset;
}

int64_t tensor_pitch(const engine::PlanTensor& t) {
  if (t.storage == Storage::kU8) return pitch_of(int64_t{t.channels});
  return t.storage == Storage::kF16 ? half_pitch_of(t.channels) : t.channels;
}

size_t tensor_bytes(const engine::PlanTensor& t, const engine::Extents& e) {
  return (engine::tensor_bytes(t, e, tensor_pitch(t)) + 2 * 256 - 1) / 256 * 256;
}

bool written_as_it_lies(const engine::StepView& write) {
  const engine::Extents& e = write.in_extents(0);
  return write.in(0).storage == Storage::kF32 && e.h == 1 && e.w == 1;
}

BoundStep bind_step(const BindContext& context) {
  for (const Binder& binder : kBinders) {
    if (binder.op == context.step().op) return binder.bind(context);
  }
  fail(Code::kBadFile, "[", context.step().name, "] unknown step");
}

}  // namespace qat::cuda
