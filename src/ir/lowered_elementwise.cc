// Lowered operators without weights in the interpreter: see lowered.h for the formulas.
#include <algorithm>

#include "ir/lowered.h"
#include "ir/lowered_eval.h"

namespace qat::ir {

namespace {

const QuantInfo& coding(const EvalContext& c, ValueId id) { return *c.graph.value(id).quant; }

// Calls store(i, a, b) for every output of a broadcasting pair.
template <class Combine>
void each_pair(EvalContext& c, const Combine& combine) {
  const Shape& shape = c.output.shape();
  const auto sa = broadcast_strides(c.inputs[0]->shape(), shape.size());
  const auto sb = broadcast_strides(c.inputs[1]->shape(), shape.size());
  const std::vector<int32_t> a = centred(c, 0), b = centred(c, 1);
  for (int64_t i = 0; i < c.output.size(); ++i) {
    int64_t rest = i, at_a = 0, at_b = 0;
    for (size_t d = shape.size(); d-- > 0;) {
      at_a += rest % shape[d] * sa[d];
      at_b += rest % shape[d] * sb[d];
      rest /= shape[d];
    }
    combine(static_cast<size_t>(i), a[static_cast<size_t>(at_a)], b[static_cast<size_t>(at_b)]);
  }
}

// A pooling window's rows and columns inside the image, and how many pixels of it lie in the padded image.
struct Inside {
  int64_t begin[2], end[2], padded = 1;
};
Inside inside(const PoolAttrs& a, const Shape& x, int64_t p, int64_t q) {
  Inside w{};
  w.padded = 1;
  const int64_t at[2] = {p, q};
  for (size_t d = 0; d < 2; ++d) {
    const int64_t first = at[d] * a.stride[d] - a.pads[d];
    const int64_t end = std::min(first + a.kernel[d], x[2 + d] + a.pads[2 + d]);
    w.padded *= end - first;
    w.begin[d] = std::max<int64_t>(first, 0);
    w.end[d] = std::min(end, x[2 + d]);
  }
  return w;
}

void average(EvalContext& c, const std::vector<int32_t>& x, const QPoolAttrs& a, bool global) {
  const Shape &in = c.inputs[0]->shape(), &out = c.output.shape();
  const Store store(c, {});
  for (int64_t i = 0; i < c.output.size(); ++i) {
    const int64_t plane = i / (out[2] * out[3]);
    Inside w = inside(a.pool, in, i / out[3] % out[2], i % out[3]);
    if (global) w = {.begin = {0, 0}, .end = {in[2], in[3]}};
    const int64_t pixels = (w.end[0] - w.begin[0]) * (w.end[1] - w.begin[1]);
    int32_t sum = 0;
    for (int64_t h = w.begin[0]; h < w.end[0]; ++h) {
      for (int64_t v = w.begin[1]; v < w.end[1]; ++v) sum += x[static_cast<size_t>((plane * in[2] + h) * in[3] + v)];
    }
    const int64_t count = !global && a.pool.count_include_pad ? w.padded : pixels;
    const auto factor = static_cast<float>(a.scale / static_cast<double>(count));
    store(static_cast<size_t>(i), static_cast<float>(sum) * factor);
  }
}

}  // namespace

void eval_quantize(EvalContext& c) {
  const QuantInfo& y = coding(c, c.node.output);
  const auto x = c.f32(0);
  for (size_t i = 0; i < x.size(); ++i) {
    c.output.data<int32_t>()[i] = quantize(x[i], y.scale, y.zero_point, y.lo, y.hi);
  }
}

void eval_dequantize(EvalContext& c) {
  const QuantInfo& x = coding(c, c.node.inputs[0]);
  const auto q = c.inputs[0]->data<int32_t>();
  for (size_t i = 0; i < q.size(); ++i) c.output.data<float>()[i] = dequantize(q[i], x.scale, x.zero_point);
}

void eval_q_add(EvalContext& c) {
  const auto& a = c.node.as<RequantAttrs>();
  const Store store(c, a.epilogue);
  each_pair(c, [&](size_t i, int32_t x, int32_t y) {
    store(i, fma_exact(static_cast<float>(y), a.scales[1], static_cast<float>(x) * a.scales[0]));
  });
}

void eval_q_mul(EvalContext& c) {
  const auto& a = c.node.as<RequantAttrs>();
  const Store store(c, a.epilogue);
  each_pair(c, [&](size_t i, int32_t x, int32_t y) { store(i, static_cast<float>(x * y) * a.scales[0]); });
}

void eval_q_max_pool(EvalContext& c) {
  const auto& a = c.node.as<PoolAttrs>();
  const Shape &in = c.inputs[0]->shape(), &out = c.output.shape();
  const auto x = c.inputs[0]->data<int32_t>();
  for (int64_t i = 0; i < c.output.size(); ++i) {
    const int64_t plane = i / (out[2] * out[3]), p = i / out[3] % out[2], q = i % out[3];
    int32_t largest = INT32_MIN;
    for (int64_t r = 0; r < a.kernel[0]; ++r) {
      for (int64_t s = 0; s < a.kernel[1]; ++s) {
        const int64_t h = p * a.stride[0] + r * a.dilation[0] - a.pads[0];
        const int64_t v = q * a.stride[1] + s * a.dilation[1] - a.pads[1];
        if (h < 0 || h >= in[2] || v < 0 || v >= in[3]) continue;
        largest = std::max(largest, x[static_cast<size_t>((plane * in[2] + h) * in[3] + v)]);
      }
    }
    c.output.data<int32_t>()[static_cast<size_t>(i)] = largest;
  }
}

void eval_q_avg_pool(EvalContext& c) { average(c, centred(c, 0), c.node.as<QPoolAttrs>(), false); }
void eval_q_global_avg_pool(EvalContext& c) { average(c, centred(c, 0), c.node.as<QPoolAttrs>(), true); }

void eval_q_concat(EvalContext& c) {
  const auto& a = c.node.as<RequantAttrs>();
  const Store store(c, a.epilogue);
  const Shape& shape = c.output.shape();
  const auto axis = static_cast<size_t>(a.axis);
  int64_t inner = 1, first = 0;
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= shape[d];
  for (size_t j = 0; j < c.inputs.size(); ++j) {
    const std::vector<int32_t> x = centred(c, j);
    const int64_t chunk = c.inputs[j]->dim(axis) * inner;
    for (int64_t i = 0; i < static_cast<int64_t>(x.size()); ++i) {
      const int64_t at = i / chunk * shape[axis] * inner + first + i % chunk;
      store(static_cast<size_t>(at), static_cast<float>(x[static_cast<size_t>(i)]) * a.scales[j]);
    }
    first += chunk;
  }
}

void eval_q_lut(EvalContext& c) {
  const QuantInfo& x = coding(c, c.node.inputs[0]);
  const auto q = c.inputs[0]->data<int32_t>();
  const auto table = c.inputs[1]->data<int32_t>();
  for (size_t i = 0; i < q.size(); ++i) {
    c.output.data<int32_t>()[i] = table[static_cast<size_t>(q[i] - x.lo)];
  }
}

}  // namespace qat::ir
