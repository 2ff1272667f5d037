// Slices of one scale run on the kernels where they lie together; other layouts go through LibTorch's own operators.
#include "train/libtorch/fake_quant_step.h"

#include <cmath>

#include "base/qmath.h"
#include "train/kernels/kernels.h"
#include "train/libtorch/parallel.h"

namespace qat::train {

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// A tensor as slices of one scale each: [count, size], slice k has scale k.
struct Slices {
  int64_t count, size;
  Slices(const Quantizer& quant, const at::Tensor& x)
      : count(quant.axis < 0 ? 1 : quant.channels), size(count == 0 ? 0 : x.numel() / count) {}
};

// Channels first, so that slices are contiguous: what axis 1 (ConvTranspose) and channels_last need.
at::Tensor to_slices(const Quantizer& quant, const at::Tensor& x) {
  return quant.axis > 0 ? x.transpose(0, quant.axis).contiguous() : x.contiguous();
}

at::Tensor from_slices(const Quantizer& quant, const at::Tensor& x) {
  return quant.axis > 0 ? x.transpose(0, quant.axis) : x;
}

// Pieces of at most 32768 elements, in order: enough for two threads also when there is one slice.
template <class Body>
void for_pieces(const Slices& slices, const Body& body) {
  constexpr int64_t kPiece = 32768;  // a multiple of 8: masks of pieces do not share bytes
  const int64_t per_slice = (slices.size + kPiece - 1) / kPiece;
  at::parallel_for(0, slices.count * per_slice, std::max<int64_t>(1, kPiece / std::max<int64_t>(1, slices.size)),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t i = begin; i < end; ++i) {
                       const int64_t slice = i / per_slice, from = i % per_slice * kPiece;
                       body(i, slice, slice * slices.size + from, std::min(kPiece, slices.size - from));
                     }
                   });
}

int64_t piece_count(const Slices& slices) { return slices.count * ((slices.size + 32767) / 32768); }

struct Quantized {
  at::Tensor y, mask;  // slices; mask: [pieces, 4096] bytes at most, undefined when not wanted
};

Quantized quantize_slices(const Quantizer& quant, const at::Tensor& x, bool want_mask) {
  const Slices slices(quant, x);
  Quantized out{at::empty_like(x), {}};
  const int64_t pitch = mask_pitch(std::min<int64_t>(slices.size, 32768));
  if (want_mask) out.mask = at::empty({piece_count(slices), pitch}, x.options().dtype(at::kByte));
  const float* in = x.const_data_ptr<float>();
  float* y = out.y.mutable_data_ptr<float>();
  uint8_t* mask = want_mask ? out.mask.mutable_data_ptr<uint8_t>() : nullptr;
  for_pieces(slices, [&](int64_t piece, int64_t slice, int64_t from, int64_t size) {
    kernels().norm_act({.rows = 1,
                        .channels = size,
                        .x = in + from,
                        .scale = quant.scale(slice),
                        .quant_lo = quant.lo,
                        .quant_hi = quant.hi,
                        .y = y + from,
                        .mask = mask == nullptr ? nullptr : mask + piece * pitch});
  });
  return out;
}

at::Tensor pass_gradient(const Quantizer& quant, const at::Tensor& g, const at::Tensor& mask) {
  const Slices slices(quant, g);
  at::Tensor dx = at::empty_like(g);
  const float* in = g.const_data_ptr<float>();
  float* out = dx.mutable_data_ptr<float>();
  const uint8_t* bits = mask.const_data_ptr<uint8_t>();
  const int64_t pitch = mask.size(1);
  for_pieces(slices, [&](int64_t piece, int64_t, int64_t from, int64_t size) {
    kernels().backward_apply(
        {.rows = 1, .channels = size, .gradient = in + from, .mask = bits + piece * pitch, .dx = out + from});
  });
  return dx;
}

// LSQ's gradient of the range, per slice.
at::Tensor range_gradient(const FakeQuantStep& step, const at::Tensor& g, const at::Tensor& x, int64_t n) {
  const Quantizer& quant = step.quant;
  const Slices slices(quant, x);
  std::vector<double> parts(static_cast<size_t>(piece_count(slices)));
  std::vector<double> sums(static_cast<size_t>(slices.count), 0.0);
  const float *grad = g.const_data_ptr<float>(), *in = x.const_data_ptr<float>();
  std::vector<int64_t> owner(parts.size());
  for_pieces(slices, [&](int64_t piece, int64_t slice, int64_t from, int64_t size) {
    owner[static_cast<size_t>(piece)] = slice;
    parts[static_cast<size_t>(piece)] = kernels().scale_gradient({.size = size,
                                                                  .gradient = grad + from,
                                                                  .x = in + from,
                                                                  .scale = quant.scale(slice),
                                                                  .quant_lo = quant.lo,
                                                                  .quant_hi = quant.hi});
  });
  for (size_t i = 0; i < parts.size(); ++i) sums[static_cast<size_t>(owner[i])] += parts[i];
  const double unit = quant.kind == ir::RangeKind::kAmax ? 127.0 : 1.0;
  const double factor = unit / std::sqrt(static_cast<double>(n) * quant.hi);
  at::Tensor result = at::empty({slices.count}, g.options());
  for (int64_t k = 0; k < slices.count; ++k) {
    result.mutable_data_ptr<float>()[k] = static_cast<float>(factor * sums[static_cast<size_t>(k)]);
  }
  return result;
}

class FakeQuantFunction : public torch::autograd::Function<FakeQuantFunction> {
 public:
  static at::Tensor forward(AutogradContext* ctx, const at::Tensor& x, const at::Tensor& range,
                            const FakeQuantStep* step) {
    const at::Tensor slices = to_slices(step->quant, x);
    // A range that follows its tensor clamps nothing: the gradient passes whole, no mask.
    Quantized out = quantize_slices(step->quant, slices, !step->follow);
    ctx->save_for_backward({out.mask, step->learned ? slices : at::Tensor(), range});
    ctx->saved_data["step"] = reinterpret_cast<int64_t>(step);
    ctx->saved_data["n"] = Slices(step->quant, x).size / (step->per_sample ? std::max<int64_t>(1, x.size(0)) : 1);
    return from_slices(step->quant, out.y);
  }

  static variable_list backward(AutogradContext* ctx, variable_list gradients) {
    const auto* step = reinterpret_cast<const FakeQuantStep*>(ctx->saved_data["step"].toInt());
    const auto saved = ctx->get_saved_variables();
    if (!saved[0].defined()) return {gradients[0], {}, {}};
    const at::Tensor g = to_slices(step->quant, gradients[0]);
    at::Tensor dx = from_slices(step->quant, pass_gradient(step->quant, g, saved[0]));
    at::Tensor dr;
    if (step->learned) {
      dr = range_gradient(*step, g, saved[1], ctx->saved_data["n"].toInt()).view(saved[2].sizes());
    }
    return {dx, dr, {}};
  }
};

// Zero points come with other toolkits' files only: evaluation, no gradient.
at::Tensor run_with_zero_point(const FakeQuantStep& step, const at::Tensor& x) {
  const Quantizer& quant = step.quant;
  const at::Tensor slices = to_slices(quant, x);
  const Slices parts(quant, x);
  at::Tensor y = at::empty_like(slices);
  const float* in = slices.const_data_ptr<float>();
  float* out = y.mutable_data_ptr<float>();
  for_pieces(parts, [&](int64_t, int64_t slice, int64_t from, int64_t size) {
    const float scale = quant.scale(slice);
    const int zero = static_cast<int>(step.zero_point[static_cast<size_t>(slice)]);
    for (int64_t i = from; i < from + size; ++i) {
      out[i] = dequantize(quantize(in[i], scale, zero, quant.lo, quant.hi), scale, zero);
    }
  });
  return from_slices(quant, y);
}

}  // namespace

at::Tensor FakeQuantStep::run(const at::Tensor& x, const at::Tensor& range) const {
  if (!x.is_cpu()) return run(x.cpu(), range.cpu()).to(x.device());  // evaluation on a GPU: weights, zero points
  if (follow) measure_range(quant, x);
  if (!zero_point.empty()) return run_with_zero_point(*this, x);
  if (at::GradMode::is_enabled()) return FakeQuantFunction::apply(x, range, this);
  return from_slices(quant, quantize_slices(quant, to_slices(quant, x), false).y);
}

void measure_range(const Quantizer& quant, const at::Tensor& w) {
  const at::Tensor x = to_slices(quant, w.detach());
  const Slices slices(quant, x);
  const float* in = x.const_data_ptr<float>();
  std::vector<float> peaks(static_cast<size_t>(piece_count(slices)), 0.0f);
  for_pieces(slices, [&](int64_t piece, int64_t, int64_t from, int64_t size) {
    peaks[static_cast<size_t>(piece)] = kernels().amax(in + from, size);
  });
  const int64_t per_slice = slices.count == 0 ? 0 : piece_count(slices) / slices.count;
  for (int64_t k = 0; k < slices.count; ++k) {
    const float* begin = peaks.data() + k * per_slice;
    const float peak = per_slice == 0 ? 0.0f : *std::max_element(begin, begin + per_slice);
    quant.range[k] = quant.kind == ir::RangeKind::kAmax ? peak : peak / 127.0f;
  }
}

}  // namespace qat::train
