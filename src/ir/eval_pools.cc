// Pools and means of the reference interpreter.
#include <algorithm>
#include <cmath>
#include <limits>

#include "ir/evaluate.h"
#include "ir/shape_functions.h"

namespace qat::ir {

namespace {

// Calls window(plane of x, p, q) for every output and stores what it returns.
template <class Window>
void each_window(EvalContext& c, const Window& window) {
  const Shape& shape = c.output.shape();
  const int64_t area = shape[2] * shape[3], input_area = c.inputs[0]->dim(2) * c.inputs[0]->dim(3);
  const auto x = c.f32(0);
  const auto y = c.output.data<float>();
  c.pool.parallel_for(shape[0] * shape[1], [&](int64_t begin, int64_t end, int) {
    for (int64_t plane = begin; plane < end; ++plane) {
      for (int64_t i = 0; i < area; ++i)
        y[static_cast<size_t>(plane * area + i)] = window(x.data() + plane * input_area, i / shape[3], i % shape[3]);
    }
  });
}

}  // namespace

void eval_max_pool(EvalContext& c) {
  const auto& a = c.node.as<PoolAttrs>();
  const int64_t height = c.inputs[0]->dim(2), width = c.inputs[0]->dim(3);
  each_window(c, [&](const float* x, int64_t p, int64_t q) {
    float largest = -std::numeric_limits<float>::infinity();
    for (int64_t r = 0; r < a.kernel[0]; ++r) {
      const int64_t i = p * a.stride[0] + r * a.dilation[0] - a.pads[0];
      for (int64_t s = 0; i >= 0 && i < height && s < a.kernel[1]; ++s) {
        const int64_t j = q * a.stride[1] + s * a.dilation[1] - a.pads[1];
        if (j < 0 || j >= width) continue;
        const float value = x[i * width + j];
        if (value > largest || std::isnan(value)) largest = value;
      }
    }
    return largest;
  });
}

// count_include_pad divides by the window clipped to the padded input, as PyTorch does.
void eval_avg_pool(EvalContext& c) {
  const auto& a = c.node.as<PoolAttrs>();
  const int64_t extent[2] = {c.inputs[0]->dim(2), c.inputs[0]->dim(3)};
  each_window(c, [&](const float* x, int64_t p, int64_t q) {
    const int64_t at[2] = {p, q};
    int64_t begin[2], end[2], count = 1;
    for (size_t d = 0; d < 2; ++d) {
      begin[d] = at[d] * a.stride[d] - a.pads[d];
      end[d] = std::min(begin[d] + a.kernel[d], extent[d] + a.pads[2 + d]);
      if (a.count_include_pad) count *= end[d] - begin[d];
      begin[d] = std::max<int64_t>(begin[d], 0);
      end[d] = std::min(end[d], extent[d]);
      if (!a.count_include_pad) count *= end[d] - begin[d];
    }
    double sum = 0;
    for (int64_t i = begin[0]; i < end[0]; ++i) {
      for (int64_t j = begin[1]; j < end[1]; ++j) sum += x[i * extent[1] + j];
    }
    return static_cast<float>(sum / static_cast<double>(count));
  });
}

void eval_mean(EvalContext& c) {
  const Shape& shape = c.inputs[0]->shape();
  std::vector<bool> reduced(shape.size(), false);
  if (c.node.op == Op::kGlobalAvgPool) {
    reduced[2] = reduced[3] = true;
  } else {
    const auto& axes = c.node.as<ListAttrs>().values;
    if (axes.empty()) reduced.assign(shape.size(), true);
    for (const int64_t axis : axes) reduced[resolve_axis(c.node, axis, shape.size())] = true;
  }
  // Strides of the output with a zero for every reduced axis.
  std::vector<int64_t> strides(shape.size(), 0);
  int64_t stride = 1;
  for (size_t d = shape.size(); d-- > 0;) {
    if (reduced[d]) continue;
    strides[d] = stride;
    stride *= shape[d];
  }
  std::vector<double> sums(static_cast<size_t>(c.output.size()), 0.0);
  const auto x = c.f32(0);
  for (size_t i = 0; i < x.size(); ++i) {
    auto rest = static_cast<int64_t>(i);
    int64_t at = 0;
    for (size_t d = shape.size(); d-- > 0;) {
      at += rest % shape[d] * strides[d];
      rest /= shape[d];
    }
    sums[static_cast<size_t>(at)] += x[i];
  }
  const double count = static_cast<double>(x.size()) / static_cast<double>(sums.size());
  for (size_t i = 0; i < sums.size(); ++i) c.output.data<float>()[i] = static_cast<float>(sums[i] / count);
}

}  // namespace qat::ir
