// ConvTranspose, Gemm, BatchNorm and FakeQuant of the reference interpreter.
#include <cmath>

#include "ir/evaluate.h"
#include "ir/operands.h"
#include "ir/quant_range.h"

namespace qat::ir {

// y[n,k,p,q] gathers x[n,c,i,j] w[c,k,r,s] over p = i stride + r dilation - top, likewise q.
void eval_conv_transpose(EvalContext& c) {
  const auto& a = c.node.as<ConvAttrs>();
  const Shape &xs = c.inputs[0]->shape(), &ws = c.inputs[1]->shape(), &ys = c.output.shape();
  const Operands o = operands(c, ys[1]);
  const int64_t group_in = xs[1] / a.groups, group_out = ws[1];
  const auto y = c.output.data<float>();
  const auto source = [&](size_t d, int64_t out, int64_t tap) {  // kNone where the tap meets no input
    const int64_t at = out + a.pads[d] - tap * a.dilation[d];
    return at >= 0 && at % a.stride[d] == 0 && at / a.stride[d] < xs[2 + d] ? at / a.stride[d] : kNone;
  };
  const auto sum_at = [&](int64_t n, int64_t k, int64_t p, int64_t q) {
    double sum = 0;
    const int64_t first = k / group_out * group_in;
    for (int64_t r = 0; r < ws[2]; ++r) {
      const int64_t i = source(0, p, r);
      for (int64_t s = 0; i != kNone && s < ws[3]; ++s) {
        const int64_t j = source(1, q, s);
        for (int64_t ch = first; j != kNone && ch < first + group_in; ++ch) {
          sum += static_cast<double>(o.x[static_cast<size_t>(((n * xs[1] + ch) * xs[2] + i) * xs[3] + j)]) *
                 o.weight[static_cast<size_t>(((ch * group_out + k % group_out) * ws[2] + r) * ws[3] + s)];
        }
      }
    }
    return sum;
  };
  c.pool.parallel_for(ys[0] * ys[1], [&](int64_t begin, int64_t end, int) {
    for (int64_t plane = begin; plane < end; ++plane) {
      const int64_t k = plane % ys[1];
      const double bias = c.has(2) ? static_cast<double>(c.f32(2)[static_cast<size_t>(k)]) : 0.0;
      for (int64_t i = 0; i < ys[2] * ys[3]; ++i) {
        const double sum = sum_at(plane / ys[1], k, i / ys[3], i % ys[3]);
        y[static_cast<size_t>(plane * ys[2] * ys[3] + i)] =
            static_cast<float>(sum * o.scale[static_cast<size_t>(k)] + bias);
      }
    }
  });
}

void eval_gemm(EvalContext& c) {
  const int64_t outputs = c.output.dim(1);
  const auto features = static_cast<size_t>(c.inputs[0]->dim(1));
  const Operands o = operands(c, outputs);
  const auto y = c.output.data<float>();
  c.pool.parallel_for(c.output.size(), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      const auto k = static_cast<size_t>(i % outputs);
      const float* x = o.x.data() + static_cast<size_t>(i / outputs) * features;
      const float* w = o.weight.data() + k * features;
      double sum = 0;
      for (size_t f = 0; f < features; ++f) sum += static_cast<double>(x[f]) * w[f];
      const double bias = c.has(2) ? static_cast<double>(c.f32(2)[k]) : 0.0;
      y[static_cast<size_t>(i)] = static_cast<float>(sum * o.scale[k] + bias);
    }
  });
}

void eval_batch_norm(EvalContext& c) {
  const Shape& shape = c.output.shape();
  const int64_t channels = shape[1], inner = c.output.size() / (shape[0] * channels);
  const double eps = c.node.as<BatchNormAttrs>().eps;
  const auto x = c.f32(0);
  const auto y = c.output.data<float>();
  c.pool.parallel_for(shape[0] * channels, [&](int64_t begin, int64_t end, int) {
    for (int64_t plane = begin; plane < end; ++plane) {
      const auto ch = static_cast<size_t>(plane % channels);
      const double gain = c.f32(1)[ch] / std::sqrt(static_cast<double>(c.f32(4)[ch]) + eps);
      const double beta = c.f32(2)[ch], mean = c.f32(3)[ch];
      for (int64_t i = plane * inner; i < (plane + 1) * inner; ++i) {
        const auto at = static_cast<size_t>(i);
        y[at] = static_cast<float>((static_cast<double>(x[at]) - mean) * gain + beta);
      }
    }
  });
}

void eval_fake_quant(EvalContext& c) {
  const QuantRange range = quant_range(c.graph, c.node);
  const Shape& shape = c.output.shape();
  int64_t inner = c.output.size(), channels = 1;
  if (range.axis >= 0) {
    channels = shape[static_cast<size_t>(range.axis)];
    inner = 1;
    for (size_t d = static_cast<size_t>(range.axis) + 1; d < shape.size(); ++d) inner *= shape[d];
  }
  const auto x = c.f32(0);
  const auto y = c.output.data<float>();
  c.pool.parallel_for(c.output.size() / inner, [&](int64_t begin, int64_t end, int) {
    for (int64_t slice = begin; slice < end; ++slice) {
      const auto ch = static_cast<size_t>(slice % channels);
      const float scale = range.scale[ch];
      const int zero_point = range.zero_point[ch];
      for (int64_t i = slice * inner; i < (slice + 1) * inner; ++i) {
        const auto at = static_cast<size_t>(i);
        y[at] = dequantize(quantize(x[at], scale, zero_point, range.lo, range.hi), scale, zero_point);
      }
    }
  });
}

}  // namespace qat::ir
