// The plugin itself, and what its steps share.
#include "engine/cpu/onednn/onednn.h"

#include <omp.h>

#include <cmath>
#include <limits>

#include "base/cpu.h"

namespace qat::kernels::onednn {

using dnnl::algorithm;
using dnnl::memory;

const dnnl::engine& cpu_engine() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

memory::data_type type_of(FloatType type) {
  return type == FloatType::kF32 ? memory::data_type::f32 : memory::data_type::bf16;
}

memory::desc desc_of(const FloatTensor& t) {
  const auto tag = t.layout == FloatLayout::kNhwc ? memory::format_tag::nhwc : memory::format_tag::nChw16c;
  return {{t.n, t.c, t.h, t.w}, type_of(t.type), tag};
}

void use_threads(int threads) {
  if (omp_get_max_threads() != threads) omp_set_num_threads(threads);
}

Eltwise eltwise_of(const FloatEpilogue& e) {
  switch (e.activation) {
    case Activation::kNone:
      break;
    case Activation::kClip:
      if (e.p0 == 0.0f && std::isinf(e.p1)) return {algorithm::eltwise_relu, 0.0f, 0.0f};
      return {algorithm::eltwise_clip, e.p0, std::fmin(e.p1, std::numeric_limits<float>::max())};
    case Activation::kHardSwish:
      return {algorithm::eltwise_hardswish, 0.0f, 0.0f};
    case Activation::kSilu:
      return {algorithm::eltwise_swish, e.p0, 0.0f};
  }
  return {algorithm::eltwise_linear, 1.0f, 0.0f};
}

dnnl::primitive_attr attributes(const FloatEpilogue& epilogue, const memory::desc* skip) {
  dnnl::primitive_attr attr;
  attr.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  dnnl::post_ops ops;
  if (skip) ops.append_binary(algorithm::binary_add, *skip);
  const Eltwise e = eltwise_of(epilogue);
  if (epilogue.activation != Activation::kNone) ops.append_eltwise(1.0f, e.kind, e.alpha, e.beta);
  attr.set_post_ops(ops);
  return attr;
}

Step::Step(dnnl::primitive primitive, std::string kernel, const memory::desc& scratch, const Binding& binding,
           int threads)
    : primitive_(std::move(primitive)),
      kernel_(std::move(kernel)),
      scratch_bytes_(scratch.get_size()),
      threads_(threads),
      stream_(cpu_engine()),
      output_(binding.output.second, cpu_engine(), nullptr),
      scratch_(scratch, cpu_engine(), nullptr) {
  for (const auto& [id, desc] : binding.inputs) {
    inputs_.emplace_back(desc, cpu_engine(), nullptr);
    args_[id] = inputs_.back();
  }
  for (const auto& [id, memory] : binding.constants) args_[id] = memory;
  if (binding.skip.first) {
    skip_ = memory(binding.skip.second, cpu_engine(), nullptr);
    args_[binding.skip.first] = skip_;
  }
  args_[binding.output.first] = output_;
  args_[DNNL_ARG_SCRATCHPAD] = scratch_;
}

void Step::run(const FloatArgs& args, void* scratch) {
  QAT_ASSERT(args.inputs.size() == inputs_.size());
  use_threads(threads_);
  for (size_t i = 0; i < inputs_.size(); ++i) inputs_[i].set_data_handle(const_cast<void*>(args.inputs[i]));
  if (skip_) skip_.set_data_handle(const_cast<void*>(args.skip));
  output_.set_data_handle(args.y);
  scratch_.set_data_handle(scratch);
  primitive_.execute(stream_, args_);
}

namespace {

class Backend final : public FloatBackend {
 public:
  std::string version() const override {
    const dnnl_version_t* v = dnnl_version();
    return cat("oneDNN ", v->major, ".", v->minor, ".", v->patch);
  }
  bool supports(FloatType type) const override {
    return type == FloatType::kF32 || cpu().best >= Isa::kAvx512;  // bf16 is emulated without AVX512_BF16
  }
  FloatLayout preferred_layout(FloatType) const override { return FloatLayout::kNhwc; }
  std::unique_ptr<FloatStep> conv(const FloatConvProblem& p, const float* weights, const float* bias,
                                  int threads) override {
    return guarded("conv", threads, [&] { return make_conv(p, weights, bias, threads); });
  }
  std::unique_ptr<FloatStep> pool(const FloatPoolProblem& p, int threads) override {
    return guarded("pool", threads, [&] { return make_pool(p, threads); });
  }
  std::unique_ptr<FloatStep> binary(const FloatBinaryProblem& p, int threads) override {
    return guarded("binary", threads, [&] { return make_binary(p, threads); });
  }
  std::unique_ptr<FloatStep> activation(const FloatActivationProblem& p, int threads) override {
    return guarded("activation", threads, [&] { return make_activation(p, threads); });
  }
  std::unique_ptr<FloatStep> concat(const FloatConcatProblem& p, int threads) override {
    return guarded("concat", threads, [&] { return make_concat(p, threads); });
  }
  std::unique_ptr<FloatStep> softmax(const FloatSoftmaxProblem& p, int threads) override {
    return guarded("softmax", threads, [&] { return make_softmax(p, threads); });
  }
  std::unique_ptr<FloatStep> reorder(const FloatReorderProblem& p, int threads) override {
    return guarded("reorder", threads, [&] { return make_reorder(p, threads); });
  }
};

}  // namespace
}  // namespace qat::kernels::onednn

// The plugin's entry (base/plugin.h): a FloatBackend.
extern "C" void* qat_plugin() {
  static qat::kernels::onednn::Backend backend;
  return static_cast<qat::kernels::FloatBackend*>(&backend);
}
