// FloatConvs on cuDNN: see float_convs.h.
#include <algorithm>
#include <limits>
#include <map>
#include <tuple>

#include "base/error.h"
#include "engine/cuda/float_layer/cudnn_library.h"
#include "engine/cuda/float_layer/float_convs.h"
#include "engine/cuda/float_layer/repack.h"

namespace qat::cuda {

using kernels::FloatConvProblem;

namespace {

constexpr auto kAlgorithm = CUDNN_CONVOLUTION_FWD_ALGO_IMPLICIT_PRECOMP_GEMM;  // the one that fuses any epilogue

// Descriptors of one problem.
struct Descriptors {
  const CudnnLibrary& cudnn;
  cudnnTensorDescriptor_t x = nullptr, y = nullptr, bias = nullptr;
  cudnnFilterDescriptor_t w = nullptr;
  cudnnConvolutionDescriptor_t conv = nullptr;
  cudnnActivationDescriptor_t activation = nullptr;

  explicit Descriptors(const CudnnLibrary& library) : cudnn(library) {
    cudnn.cudnnCreateTensorDescriptor(&x), cudnn.cudnnCreateTensorDescriptor(&y);
    cudnn.cudnnCreateTensorDescriptor(&bias), cudnn.cudnnCreateFilterDescriptor(&w);
    cudnn.cudnnCreateConvolutionDescriptor(&conv), cudnn.cudnnCreateActivationDescriptor(&activation);
  }
  ~Descriptors() {
    cudnn.cudnnDestroyTensorDescriptor(x), cudnn.cudnnDestroyTensorDescriptor(y);
    cudnn.cudnnDestroyTensorDescriptor(bias), cudnn.cudnnDestroyFilterDescriptor(w);
    cudnn.cudnnDestroyConvolutionDescriptor(conv), cudnn.cudnnDestroyActivationDescriptor(activation);
  }
  Descriptors(const Descriptors&) = delete;
  Descriptors& operator=(const Descriptors&) = delete;

  bool set(const FloatConvProblem& p, FloatKind kind, int64_t c, int64_t k, bool relu) {
    const auto i32 = [](int64_t n) { return static_cast<int>(n); };
    const bool half = kind == FloatKind::kF16;
    const cudnnDataType_t type = half ? CUDNN_DATA_HALF : CUDNN_DATA_FLOAT;
    const cudnnStatus_t statuses[] = {
        cudnn.cudnnSetTensor4dDescriptor(x, CUDNN_TENSOR_NHWC, type, i32(p.x.n), i32(c), i32(p.x.h), i32(p.x.w)),
        cudnn.cudnnSetTensor4dDescriptor(y, CUDNN_TENSOR_NHWC, type, i32(p.x.n), i32(k), i32(p.out_h()),
                                         i32(p.out_w())),
        cudnn.cudnnSetTensor4dDescriptor(bias, CUDNN_TENSOR_NHWC, type, 1, i32(k), 1, 1),
        cudnn.cudnnSetFilter4dDescriptor(w, type, CUDNN_TENSOR_NHWC, i32(k), i32(c / p.groups), i32(p.kernel_h),
                                         i32(p.kernel_w)),
        cudnn.cudnnSetConvolution2dDescriptor(conv, i32(p.pad_top), i32(p.pad_left), i32(p.stride_h), i32(p.stride_w),
                                              i32(p.dilation_h), i32(p.dilation_w), CUDNN_CROSS_CORRELATION,
                                              CUDNN_DATA_FLOAT),
        cudnn.cudnnSetConvolutionGroupCount(conv, i32(p.groups)),
        cudnn.cudnnSetConvolutionMathType(conv, half ? CUDNN_TENSOR_OP_MATH : CUDNN_FMA_MATH),
        cudnn.cudnnSetActivationDescriptor(activation, relu ? CUDNN_ACTIVATION_RELU : CUDNN_ACTIVATION_IDENTITY,
                                           CUDNN_PROPAGATE_NAN, 0.0),
    };
    return std::all_of(std::begin(statuses), std::end(statuses),
                       [](cudnnStatus_t status) { return status == CUDNN_STATUS_SUCCESS; });
  }
};

struct Packed {
  DeviceBuffer weights, bias;
};

class CudnnConvs : public FloatConvs {
 public:
  explicit CudnnConvs(const CudnnLibrary& library) : cudnn_(library) {
    if (cudnn_.cudnnCreate(&handle_) != CUDNN_STATUS_SUCCESS) fail(Code::kFailure, "cuDNN does not start on this GPU");
  }
  ~CudnnConvs() override { cudnn_.cudnnDestroy(handle_); }

  std::optional<BoundStep> bind(const FloatConvProblem& p, FloatKind kind, const FloatConvArgs& args) override {
    const int64_t c = float_pitch(kind, p.x.c), k = float_pitch(kind, p.out_channels);
    const bool even = p.pad_top == p.pad_bottom && p.pad_left == p.pad_right;
    const bool grouped = p.groups > 1, whole = c == p.x.c && k == p.out_channels && (c / p.groups) % 8 == 0;
    if (!even || (grouped && !whole)) return std::nullopt;
    const kernels::FloatEpilogue& e = p.epilogue;
    const bool relu = e.activation == Activation::kClip && e.p0 == 0.0f && std::isinf(e.p1);
    const auto descriptors = std::make_shared<Descriptors>(cudnn_);
    size_t bytes = 0;
    if (!descriptors->set(p, kind, c, k, relu) ||
        cudnn_.cudnnGetConvolutionForwardWorkspaceSize(handle_, descriptors->x, descriptors->w, descriptors->conv,
                                                       descriptors->y, kAlgorithm, &bytes) != CUDNN_STATUS_SUCCESS) {
      return std::nullopt;
    }
    const std::shared_ptr<Packed> packed = packed_for(p, kind, c, k, args);
    void* scratch = scratch_of(bytes);
    // What cuDNN's epilogue lacks runs over y once more.
    const bool after = !relu && e.activation != Activation::kNone;
    const int64_t elements = p.x.n * p.out_h() * p.out_w() * k;
    const FloatUnaryOp unary{.function = function_of(e.activation),
                             .p0 = e.p0,
                             .p1 = e.p1,
                             .kind = kind,
                             .x = args.y,
                             .y = args.y,
                             .elements = elements};
    return BoundStep{.kernel = kind == FloatKind::kF16 ? "cudnn_f16" : "cudnn_f32",
                     .launch = [=, this, d = descriptors](void*, cudaStream_t stream) {
                       const float one = 1.0f, z = args.skip ? 1.0f : 0.0f;
                       cudnn_.cudnnSetStream(handle_, stream);
                       const cudnnStatus_t status = cudnn_.cudnnConvolutionBiasActivationForward(
                           handle_, &one, d->x, args.x, d->w, packed->weights.data(), d->conv, kAlgorithm, scratch,
                           bytes, &z, d->y, args.skip ? args.skip : args.y, d->bias, packed->bias.data(), d->activation,
                           d->y, args.y);
                       if (status != CUDNN_STATUS_SUCCESS) return cudaErrorLaunchFailure;
                       return after ? float_unary(unary, stream) : cudaSuccess;
                     }};
  }

 private:
  // The plan's units are the plain ones: SiLU and HardSwish take no parameters.
  static engine::FloatFunction function_of(Activation activation) {
    return activation == Activation::kHardSwish ? engine::FloatFunction::kHardSwish
           : activation == Activation::kSilu    ? engine::FloatFunction::kSilu
                                                : engine::FloatFunction::kClip;
  }

  std::shared_ptr<Packed> packed_for(const FloatConvProblem& p, FloatKind kind, int64_t c, int64_t k,
                                     const FloatConvArgs& args) {
    std::shared_ptr<Packed>& packed = packed_[args.weights];
    if (packed) return packed;
    const size_t size = kind == FloatKind::kF16 ? 2 : 4;
    const Repack r{.k = p.out_channels,
                   .c = p.x.c / p.groups,
                   .taps = p.kernel_h * p.kernel_w,
                   .stored_k = k,
                   .stored_c = c / p.groups};
    auto made = std::make_shared<Packed>(Packed{DeviceBuffer(static_cast<size_t>(k * r.taps * r.stored_c) * size + 256),
                                                DeviceBuffer(static_cast<size_t>(k) * size + 256)});
    check(repack_weights(r, kind, args.weights, made->weights.data()), "weights");
    check(repack_bias(r, kind, args.bias, made->bias.data()), "weights");
    check(cudaStreamSynchronize(nullptr), "weights");
    return packed = std::move(made);
  }

  // Steps run one after another and share the largest; graphs keep what they captured.
  void* scratch_of(size_t bytes) {
    if (scratch_.empty() || scratch_.back().size() < bytes) scratch_.emplace_back(bytes);
    return scratch_.back().data();
  }

  const CudnnLibrary& cudnn_;
  cudnnHandle_t handle_ = nullptr;
  std::map<const float*, std::shared_ptr<Packed>> packed_;
  std::vector<DeviceBuffer> scratch_;
};

bool has_float_layers(const engine::Plan& plan) {
  return std::any_of(plan.steps.begin(), plan.steps.end(), [](const engine::Step& s) {
    return s.op == engine::StepOp::kFloatConv || s.op == engine::StepOp::kFloatGemm;
  });
}

}  // namespace

std::shared_ptr<FloatConvs> open_float_convs(const engine::Plan& plan) {
  const CudnnLibrary* library = has_float_layers(plan) ? cudnn_library() : nullptr;
  return library == nullptr ? nullptr : std::make_shared<CudnnConvs>(*library);
}

}  // namespace qat::cuda
