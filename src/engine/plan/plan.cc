// Names and sizes of what a plan holds.
#include "engine/plan/plan.h"

namespace qat::engine {

std::string_view name_of(StepOp op) {
  static constexpr std::array<std::string_view, static_cast<size_t>(StepOp::kCount)> kNames{"read_f32",
                                                                                            "read_u8",
                                                                                            "write_f32",
                                                                                            "quantize",
                                                                                            "dequantize",
                                                                                            "conv",
                                                                                            "gemm",
                                                                                            "add",
                                                                                            "mul",
                                                                                            "max_pool",
                                                                                            "avg_pool",
                                                                                            "global_avg_pool",
                                                                                            "concat",
                                                                                            "lut",
                                                                                            "float_conv",
                                                                                            "float_gemm",
                                                                                            "float_conv_transpose",
                                                                                            "float_max_pool",
                                                                                            "float_avg_pool",
                                                                                            "float_global_avg_pool",
                                                                                            "float_concat",
                                                                                            "float_binary",
                                                                                            "float_unary",
                                                                                            "float_softmax",
                                                                                            "float_pad",
                                                                                            "flatten"};
  return kNames.at(static_cast<size_t>(op));
}

std::string_view name_of(FloatFunction f) {
  static constexpr std::array<std::string_view, static_cast<size_t>(FloatFunction::kCount)> kNames{
      "add", "sub", "mul", "div", "clip", "sigmoid", "hard_sigmoid", "hard_swish", "silu", "leaky_relu", "tanh"};
  return kNames.at(static_cast<size_t>(f));
}

std::string_view name_of(Device device) { return device == Device::kCuda ? "cuda" : "cpu"; }

bool runs_in_tiles(StepOp op) { return op >= StepOp::kConv && op <= StepOp::kLut; }

std::string_view precision_of(Storage s) {
  static constexpr std::array<std::string_view, 4> kNames{"int8", "fp32", "bf16", "fp16"};
  return kNames.at(static_cast<size_t>(s));
}

int64_t element_bytes(Storage storage) {
  switch (storage) {
    case Storage::kU8:
      return 1;
    case Storage::kBF16:
    case Storage::kF16:
      return 2;
    case Storage::kF32:
      return 4;
  }
  return 4;
}

int64_t pitch_of(const PlanTensor& tensor) {
  const int64_t c = tensor.channels;
  if (tensor.storage == Storage::kF16) return (c + 7) / 8 * 8;
  return tensor.storage == Storage::kU8 ? (c + 3) / 4 * 4 : c;
}

}  // namespace qat::engine
