// Convolutions of the reference interpreter: one output row at a time, sums in double.
#include <algorithm>

#include "ir/evaluate.h"
#include "ir/operands.h"
#include "ir/quant_range.h"

namespace qat::ir {

namespace {

const Node* fake_quant(const EvalContext& c, size_t input) {
  const Node* producer = c.producers[input];
  return producer != nullptr && producer->op == Op::kFakeQuant ? producer : nullptr;
}

// (q - z) of a FakeQuant's output y = (q - z) s: y / s is within 2^-23 of it, so rounding finds it.
std::vector<float> integers(const Tensor& y, const QuantRange& range) {
  std::vector<float> c(y.data<float>().begin(), y.data<float>().end());
  int64_t inner = 1, channels = 1;
  if (range.axis >= 0) {
    channels = y.dim(static_cast<size_t>(range.axis));
    for (size_t d = static_cast<size_t>(range.axis) + 1; d < y.shape().size(); ++d) inner *= y.dim(d);
  }
  for (size_t i = 0; i < c.size(); ++i) {
    const size_t channel = channels == 1 ? 0 : static_cast<size_t>(static_cast<int64_t>(i) / inner % channels);
    c[i] = std::rint(c[i] / range.scale[channel]);
  }
  return c;
}

}  // namespace

Operands operands(const EvalContext& c, int64_t outputs) {
  Operands o{.x = c.f32(0), .weight = c.f32(1), .scale = std::vector<double>(static_cast<size_t>(outputs), 1.0)};
  const Node *fake_x = fake_quant(c, 0), *fake_weight = fake_quant(c, 1);
  if (fake_x == nullptr || fake_weight == nullptr) return o;
  const QuantRange x = quant_range(c.graph, *fake_x), weight = quant_range(c.graph, *fake_weight);
  const int output_axis = c.node.op == Op::kConvTranspose ? 1 : 0;
  if (x.axis >= 0 || (weight.axis >= 0 && weight.axis != output_axis)) return o;
  if (c.node.op == Op::kConvTranspose && weight.axis >= 0 && c.node.as<ConvAttrs>().groups > 1) return o;
  o.owned_x = integers(*c.inputs[0], x);
  o.owned_weight = integers(*c.inputs[1], weight);
  o.x = o.owned_x;
  o.weight = o.owned_weight;
  for (size_t k = 0; k < o.scale.size(); ++k)
    o.scale[k] = static_cast<double>(x.scale[0]) * weight.scale[weight.axis >= 0 ? k : 0];
  return o;
}

namespace {

// Outputs q whose input column q stride + offset lies inside [0, width).
struct Columns {
  int64_t begin, end;
};
Columns inside(int64_t offset, int64_t stride, int64_t width, int64_t outputs) {
  const int64_t begin = offset >= 0 ? 0 : (-offset + stride - 1) / stride;
  const int64_t end = width - offset <= 0 ? 0 : (width - offset + stride - 1) / stride;
  return {std::min(begin, outputs), std::min(end, outputs)};
}

// row[q] += x_row[q stride + s dilation - left] * w[s]
void add_row(const Convolution& p, const float* x_row, const float* w, std::span<double> row) {
  const int64_t stride = p.attrs.stride[1], width = p.x[3];
  for (int64_t s = 0; s < p.weight[3]; ++s) {
    const int64_t offset = s * p.attrs.dilation[1] - p.attrs.pads[1];
    const Columns columns = inside(offset, stride, width, static_cast<int64_t>(row.size()));
    const double factor = w[s];
    for (int64_t q = columns.begin; q < columns.end; ++q)
      row[static_cast<size_t>(q)] += factor * static_cast<double>(x_row[q * stride + offset]);
  }
}

void sum_row(const Convolution& p, const float* x_image, const float* w, int64_t out_row, std::span<double> row) {
  std::fill(row.begin(), row.end(), 0.0);
  const int64_t height = p.x[2], width = p.x[3], kernel_h = p.weight[2], kernel_w = p.weight[3];
  for (int64_t c = 0; c < p.weight[1]; ++c) {
    for (int64_t r = 0; r < kernel_h; ++r) {
      const int64_t y = out_row * p.attrs.stride[0] + r * p.attrs.dilation[0] - p.attrs.pads[0];
      if (y < 0 || y >= height) continue;
      add_row(p, x_image + (c * height + y) * width, w + (c * kernel_h + r) * kernel_w, row);
    }
  }
}

}  // namespace

void convolve(const Convolution& p, std::span<const float> x, std::span<const float> weight, ThreadPool& pool,
              const EmitRow& emit) {
  const int64_t outputs = p.y[1], rows = p.y[2], group_outputs = outputs / p.attrs.groups;
  const int64_t image = p.x[2] * p.x[3], filter = p.weight[1] * p.weight[2] * p.weight[3];
  pool.parallel_for(p.y[0] * outputs * rows, [&](int64_t begin, int64_t end, int) {
    std::vector<double> row(static_cast<size_t>(p.y[3]));
    for (int64_t i = begin; i < end; ++i) {
      const int64_t n = i / (outputs * rows), k = i / rows % outputs, out_row = i % rows;
      const int64_t first_channel = k / group_outputs * p.weight[1];
      sum_row(p, x.data() + (n * p.x[1] + first_channel) * image, weight.data() + k * filter, out_row, row);
      emit(n, k, out_row, row);
    }
  });
}

void eval_conv(EvalContext& c) {
  const Convolution problem{.x = c.inputs[0]->shape(),
                            .weight = c.inputs[1]->shape(),
                            .y = c.output.shape(),
                            .attrs = c.node.as<ConvAttrs>()};
  const Operands o = operands(c, problem.y[1]);
  const auto y = c.output.data<float>();
  convolve(problem, o.x, o.weight, c.pool, [&](int64_t n, int64_t k, int64_t p, std::span<const double> row) {
    const double bias = c.has(2) ? static_cast<double>(c.f32(2)[static_cast<size_t>(k)]) : 0.0;
    const double scale = o.scale[static_cast<size_t>(k)];
    const int64_t at = ((n * problem.y[1] + k) * problem.y[2] + p) * problem.y[3];
    for (size_t q = 0; q < row.size(); ++q) y[static_cast<size_t>(at) + q] = static_cast<float>(row[q] * scale + bias);
  });
}

}  // namespace qat::ir
