// Float convolution, and Gemm as a convolution, on oneDNN; weights are reordered when the step is built.
#include "engine/cpu/onednn/onednn.h"

namespace qat::kernels::onednn {
namespace {

using dnnl::memory;

memory::dims weight_dims(const FloatConvProblem& p) {
  if (p.groups == 1) return {p.out_channels, p.x.c, p.kernel_h, p.kernel_w};
  return {p.groups, p.out_channels / p.groups, p.x.c / p.groups, p.kernel_h, p.kernel_w};
}

memory packed_weights(const FloatConvProblem& p, const float* weights, const memory::desc& wanted) {
  const auto tag = p.groups == 1 ? memory::format_tag::oihw : memory::format_tag::goihw;
  memory plain({weight_dims(p), memory::data_type::f32, tag}, cpu_engine(), const_cast<float*>(weights));
  memory packed(wanted, cpu_engine());
  dnnl::stream stream(cpu_engine());
  dnnl::reorder(plain, packed).execute(stream, plain, packed);
  stream.wait();
  return packed;
}

memory copied_bias(const FloatConvProblem& p, const float* bias, const memory::desc& desc) {
  memory copy(desc, cpu_engine());
  std::copy(bias, bias + p.out_channels, static_cast<float*>(copy.get_data_handle()));
  return copy;
}

}  // namespace

std::unique_ptr<FloatStep> make_conv(const FloatConvProblem& p, const float* weights, const float* bias, int threads) {
  using Conv = dnnl::convolution_forward;
  const memory::desc x = desc_of(p.x), y = desc_of(p.y());
  const memory::desc w(weight_dims(p), type_of(p.x.type), memory::format_tag::any);
  const memory::desc b({p.out_channels}, memory::data_type::f32, memory::format_tag::a);
  const memory::dims strides{p.stride_h, p.stride_w}, dilation{p.dilation_h - 1, p.dilation_w - 1};
  const memory::dims before{p.pad_top, p.pad_left}, after{p.pad_bottom, p.pad_right};
  const auto kind = dnnl::prop_kind::forward_inference;
  const auto direct = dnnl::algorithm::convolution_direct;
  const Conv::desc desc = bias ? Conv::desc(kind, direct, x, w, b, y, strides, dilation, before, after)
                               : Conv::desc(kind, direct, x, w, y, strides, dilation, before, after);
  const Conv::primitive_desc pd(desc, attributes(p.epilogue, p.epilogue.has_skip ? &y : nullptr), cpu_engine());
  Binding binding{.inputs = {{DNNL_ARG_SRC, x}}, .output = {DNNL_ARG_DST, y}};
  binding.constants.emplace_back(DNNL_ARG_WEIGHTS, packed_weights(p, weights, pd.weights_desc()));
  if (bias) binding.constants.emplace_back(DNNL_ARG_BIAS, copied_bias(p, bias, b));
  if (p.epilogue.has_skip) binding.skip = {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, y};
  return std::make_unique<Step>(Conv(pd), pd.impl_info_str(), pd.scratchpad_desc(), binding, threads);
}

}  // namespace qat::kernels::onednn
