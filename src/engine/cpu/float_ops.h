// The float kernels of the engine as an abstract interface, implemented by the plugin libqat_onednn.so.
//
// A step is built for one bound shape and run many times; building may allocate and take milliseconds, run() does not
// allocate. A float tensor has a type and a layout; all tensors of a step share both unless the op says otherwise:
//
//   kNhwc       [N,H,W,C], pitch C
//   kBlocked16  [N, round_up(C,16)/16, H, W, 16], pad channels are zero: what float convolutions are fastest in
//
// Activations here are in plain units: ReLU is kClip(0, inf), ReLU6 kClip(0, 6), HardSwish p0 = 1/6, SiLU p0 = 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "base/qmath.h"

namespace qat::kernels {

enum class FloatType : uint8_t { kF32, kBF16 };
enum class FloatLayout : uint8_t { kNhwc, kBlocked16 };

struct FloatTensor {
  FloatType type = FloatType::kF32;
  FloatLayout layout = FloatLayout::kNhwc;
  int64_t n = 1, c = 1, h = 1, w = 1;

  int64_t stored_channels() const { return layout == FloatLayout::kBlocked16 ? (c + 15) / 16 * 16 : c; }
  size_t bytes() const {
    return static_cast<size_t>(n * stored_channels() * h * w) * (type == FloatType::kF32 ? 4 : 2);
  }
};

struct FloatEpilogue {  // y = activate(result + bias + skip)
  Activation activation = Activation::kNone;
  float p0 = 0.0f;
  float p1 = std::numeric_limits<float>::infinity();
  bool has_skip = false;
};

// weights: f32 [K,C/G,R,S], bias: f32 [K] or null; both may go once the step is built. A Gemm is a convolution of a
// 1x1 image (of H*W positions: with a kernel of the whole image).
struct FloatConvProblem {
  FloatTensor x;
  int64_t out_channels = 1, groups = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  FloatEpilogue epilogue;

  int64_t out_h() const { return (x.h + pad_top + pad_bottom - dilation_h * (kernel_h - 1) - 1) / stride_h + 1; }
  int64_t out_w() const { return (x.w + pad_left + pad_right - dilation_w * (kernel_w - 1) - 1) / stride_w + 1; }
  FloatTensor y() const {
    return {.type = x.type, .layout = x.layout, .n = x.n, .c = out_channels, .h = out_h(), .w = out_w()};
  }
};

enum class FloatPool : uint8_t { kMax, kAverage, kAverageIncludePad };

struct FloatPoolProblem {  // a global pool has the image as its kernel
  FloatPool kind = FloatPool::kMax;
  FloatTensor x;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t pad_top = 0, pad_left = 0, pad_bottom = 0, pad_right = 0;
  int64_t out_h = 1, out_w = 1;  // ceil_mode is already in them
};

enum class FloatBinary : uint8_t { kAdd, kMul };

struct FloatBinaryProblem {  // y = activate(a op b); b has a's shape, or broadcasts where its extent is 1; y may be a
  FloatBinary op = FloatBinary::kAdd;
  FloatTensor a, b;
  FloatEpilogue epilogue;  // without skip
};

struct FloatActivationProblem {  // y = activate(x); y may be x
  FloatTensor x;
  FloatEpilogue epilogue;  // without skip
};

struct FloatConcatProblem {  // along the channels
  std::vector<FloatTensor> inputs;
};

struct FloatSoftmaxProblem {  // over the channels
  FloatTensor x;
};

// Another layout or type; kNchw as source or target is what a file's input or output declares: f32 [N,C,H,W].
enum class FloatPlain : uint8_t { kNone, kNchw };
struct FloatReorderProblem {
  FloatTensor from, to;  // the same extents
  FloatPlain from_plain = FloatPlain::kNone, to_plain = FloatPlain::kNone;
};

struct FloatArgs {
  std::vector<const void*> inputs;  // x; a, b; the inputs of a concatenation
  const void* skip = nullptr;       // when epilogue.has_skip; laid out like y, in a buffer of its own
  void* y = nullptr;
};

class FloatStep {
 public:
  virtual ~FloatStep() = default;
  virtual std::string kernel() const = 0;    // what the library chose, e.g. "brgconv:avx512_core"
  virtual size_t scratch_bytes() const = 0;  // 64-byte aligned, shared by steps that do not run at once
  virtual void run(const FloatArgs& args, void* scratch) = 0;
};

// Throws Error(kFailure) for a problem the library cannot do, naming the step. `threads`: how many the step uses; 1
// starts none.
class FloatBackend {
 public:
  virtual ~FloatBackend() = default;
  virtual std::string version() const = 0;  // "oneDNN 2.6.3"
  virtual bool supports(FloatType type) const = 0;
  virtual FloatLayout preferred_layout(FloatType type) const = 0;  // of all float tensors of a plan
  virtual std::unique_ptr<FloatStep> conv(const FloatConvProblem&, const float* weights, const float* bias,
                                          int threads) = 0;
  virtual std::unique_ptr<FloatStep> pool(const FloatPoolProblem&, int threads) = 0;
  virtual std::unique_ptr<FloatStep> binary(const FloatBinaryProblem&, int threads) = 0;
  virtual std::unique_ptr<FloatStep> activation(const FloatActivationProblem&, int threads) = 0;
  virtual std::unique_ptr<FloatStep> concat(const FloatConcatProblem&, int threads) = 0;
  virtual std::unique_ptr<FloatStep> softmax(const FloatSoftmaxProblem&, int threads) = 0;
  virtual std::unique_ptr<FloatStep> reorder(const FloatReorderProblem&, int threads) = 0;
};

// The plugin "qat_onednn" gives a FloatBackend (base/plugin.h).
constexpr const char* kFloatPlugin = "qat_onednn";
constexpr const char* kFloatPluginRemedy = "float steps need libqat_onednn.so: apt-get install libdnnl-dev, then build";

}  // namespace qat::kernels
