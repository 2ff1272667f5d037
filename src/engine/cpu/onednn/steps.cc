// The float steps without weights on oneDNN.
#include "engine/cpu/onednn/onednn.h"

namespace qat::kernels::onednn {

using dnnl::algorithm;
using dnnl::memory;

namespace {

template <class Primitive, class PrimitiveDesc>
std::unique_ptr<FloatStep> step(const PrimitiveDesc& pd, const Binding& binding, int threads) {
  return std::make_unique<Step>(Primitive(pd), pd.impl_info_str(), pd.scratchpad_desc(), binding, threads);
}

// What hangs over the far edge so that the last of `out` windows fits.
int64_t pad_after(int64_t out, int64_t stride, int64_t kernel, int64_t dilation, int64_t in, int64_t before) {
  return (out - 1) * stride + dilation * (kernel - 1) + 1 - in - before;
}

algorithm algorithm_of(FloatPool kind) {
  switch (kind) {
    case FloatPool::kMax:
      return algorithm::pooling_max;
    case FloatPool::kAverage:
      return algorithm::pooling_avg_exclude_padding;
    case FloatPool::kAverageIncludePad:
      return algorithm::pooling_avg_include_padding;
  }
  return algorithm::undef;
}

memory::desc desc_of(const FloatTensor& t, FloatPlain plain) {
  if (plain == FloatPlain::kNone) return onednn::desc_of(t);
  return {{t.n, t.c, t.h, t.w}, memory::data_type::f32, memory::format_tag::nchw};
}

}  // namespace

std::unique_ptr<FloatStep> make_pool(const FloatPoolProblem& p, int threads) {
  using Pooling = dnnl::pooling_v2_forward;
  FloatTensor out = p.x;
  out.h = p.out_h, out.w = p.out_w;
  const memory::desc x = onednn::desc_of(p.x), y = onednn::desc_of(out);
  const memory::dims after{pad_after(p.out_h, p.stride_h, p.kernel_h, p.dilation_h, p.x.h, p.pad_top),
                           pad_after(p.out_w, p.stride_w, p.kernel_w, p.dilation_w, p.x.w, p.pad_left)};
  const Pooling::desc desc(dnnl::prop_kind::forward_inference, algorithm_of(p.kind), x, y, {p.stride_h, p.stride_w},
                           {p.kernel_h, p.kernel_w}, {p.dilation_h - 1, p.dilation_w - 1}, {p.pad_top, p.pad_left},
                           after);
  const Pooling::primitive_desc pd(desc, attributes({}, nullptr), cpu_engine());
  return step<Pooling>(pd, {.inputs = {{DNNL_ARG_SRC, x}}, .output = {DNNL_ARG_DST, y}}, threads);
}

std::unique_ptr<FloatStep> make_binary(const FloatBinaryProblem& p, int threads) {
  const memory::desc a = onednn::desc_of(p.a), b = onednn::desc_of(p.b);
  const auto op = p.op == FloatBinary::kAdd ? algorithm::binary_add : algorithm::binary_mul;
  const dnnl::binary::primitive_desc pd({op, a, b, a}, attributes(p.epilogue, nullptr), cpu_engine());
  const Binding binding{.inputs = {{DNNL_ARG_SRC_0, a}, {DNNL_ARG_SRC_1, b}}, .output = {DNNL_ARG_DST, a}};
  return step<dnnl::binary>(pd, binding, threads);
}

std::unique_ptr<FloatStep> make_activation(const FloatActivationProblem& p, int threads) {
  using Forward = dnnl::eltwise_forward;
  const memory::desc x = onednn::desc_of(p.x);
  const Eltwise e = eltwise_of(p.epilogue);
  const Forward::desc desc(dnnl::prop_kind::forward_inference, e.kind, x, e.alpha, e.beta);
  const Forward::primitive_desc pd(desc, attributes({}, nullptr), cpu_engine());
  return step<Forward>(pd, {.inputs = {{DNNL_ARG_SRC, x}}, .output = {DNNL_ARG_DST, x}}, threads);
}

std::unique_ptr<FloatStep> make_concat(const FloatConcatProblem& p, int threads) {
  FloatTensor out = p.inputs.at(0);
  out.c = 0;
  std::vector<memory::desc> x;
  Binding binding;
  for (size_t i = 0; i < p.inputs.size(); ++i) {
    x.push_back(onednn::desc_of(p.inputs[i]));
    binding.inputs.emplace_back(DNNL_ARG_MULTIPLE_SRC + static_cast<int>(i), x.back());
    out.c += p.inputs[i].c;
  }
  binding.output = {DNNL_ARG_DST, onednn::desc_of(out)};
  const dnnl::concat::primitive_desc pd(binding.output.second, 1, x, cpu_engine(), attributes({}, nullptr));
  return step<dnnl::concat>(pd, binding, threads);
}

std::unique_ptr<FloatStep> make_softmax(const FloatSoftmaxProblem& p, int threads) {
  using Softmax = dnnl::softmax_forward;
  const memory::desc x = onednn::desc_of(p.x);
  const Softmax::primitive_desc pd({dnnl::prop_kind::forward_inference, x, 1}, attributes({}, nullptr), cpu_engine());
  return step<Softmax>(pd, {.inputs = {{DNNL_ARG_SRC, x}}, .output = {DNNL_ARG_DST, x}}, threads);
}

std::unique_ptr<FloatStep> make_reorder(const FloatReorderProblem& p, int threads) {
  const memory::desc x = desc_of(p.from, p.from_plain), y = desc_of(p.to, p.to_plain);
  const dnnl::reorder::primitive_desc pd(cpu_engine(), x, cpu_engine(), y, attributes({}, nullptr));
  return step<dnnl::reorder>(pd, {.inputs = {{DNNL_ARG_FROM, x}}, .output = {DNNL_ARG_TO, y}}, threads);
}

}  // namespace qat::kernels::onednn
