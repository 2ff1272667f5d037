// The formulas on LibTorch: see exact_ops.h.
#include "train/libtorch/exact_ops.h"

#include "ir/functions.h"
#include "train/libtorch/exact_chains.h"
#include "train/libtorch/parallel.h"

namespace qat::train {

namespace {

using ir::Op;
using ir::ValueId;

constexpr int kLargest = 255;  // |q - z| of 8 bits

// For each place along an axis of a pool's output: how many pixels of the window lie in the image, or with its pads.
std::vector<float> window_extents(const ir::PoolAttrs& a, size_t axis, int64_t in, int64_t out) {
  std::vector<float> extents;
  for (int64_t i = 0; i < out; ++i) {
    const int64_t first = i * a.stride[axis] - a.pads[axis];
    const int64_t end = std::min(first + a.kernel[axis], in + a.pads[2 + axis]);
    extents.push_back(
        static_cast<float>(a.count_include_pad ? end - first : std::min(end, in) - std::max<int64_t>(first, 0)));
  }
  return extents;
}

// f32(scale / count) by place, [P,Q], and the counts.
struct Windows {
  at::Tensor counts, factors;
  Windows(const ir::PoolAttrs& a, double scale, const at::Tensor& x, const at::Tensor& y) {
    const std::vector<float> rows = window_extents(a, 0, x.size(2), y.size(2));
    const std::vector<float> columns = window_extents(a, 1, x.size(3), y.size(3));
    counts = at::outer(at::tensor(rows), at::tensor(columns)).to(at::kDouble);
    factors = at::div(at::full_like(counts, scale), counts).to(at::kFloat).to(x.device());
    counts = counts.to(x.device());
  }
};

// All elements in the order that they lie in memory.
at::Tensor flat(const at::Tensor& dense) { return dense.as_strided({dense.numel()}, {1}); }

}  // namespace

Run exact_product(const ir::Node& mul, float scale) {
  const ValueId a = mul.inputs[0], b = mul.inputs[1];
  return [a, b, scale](const Frame& f) {
    return at::mul(f[static_cast<size_t>(a)], f[static_cast<size_t>(b)]).mul_(at::Scalar(static_cast<double>(scale)));
  };
}

Run exact_concat(const ir::Graph& graph, const ir::Node& concat, std::vector<float> scales) {
  return [inputs = concat.inputs, join = make_op(graph, concat, nullptr), scales = std::move(scales)](const Frame& f) {
    Frame scaled = f;
    for (size_t i = 0; i < inputs.size(); ++i) {
      const auto at = static_cast<size_t>(inputs[i]);
      scaled[at] = at::mul(f[at], at::Scalar(static_cast<double>(scales[i])));
    }
    return join(scaled);
  };
}

Run exact_average(const ir::Graph& graph, const ir::Node& pool, double scale) {
  const auto x = static_cast<size_t>(pool.inputs[0]);
  if (pool.op == Op::kGlobalAvgPool) {
    return [x, scale](const Frame& f) {
      const double count = static_cast<double>(f[x].size(2) * f[x].size(3));
      const at::Tensor sums = f[x].sum(at::IntArrayRef{2, 3}, true, at::kDouble).to(at::kFloat);
      return at::mul(sums, at::Scalar(static_cast<double>(static_cast<float>(scale / count))));
    };
  }
  // LibTorch divides; its means in double, times the count, are the sums to within 1e-10.
  return [x, scale, attrs = pool.as<ir::PoolAttrs>(), mean = make_op(graph, pool, nullptr)](const Frame& f) {
    Frame wide = f;
    wide[x] = f[x].to(at::kDouble);
    const at::Tensor means = mean(wide);
    const Windows windows(attrs, scale, f[x], means);
    return at::mul(at::round(at::mul(means, windows.counts)).to(at::kFloat), windows.factors);
  };
}

Run exact_table(const ir::Node& function, float scale, at::Device device) {
  const auto x = static_cast<size_t>(function.inputs[0]);
  std::vector<float> values;
  for (int q = -kLargest; q <= kLargest; ++q) {
    values.push_back(ir::apply_function(function, dequantize(q, scale, 0)));
  }
  return [x, table = at::tensor(values).to(device)](const Frame& f) {
    const at::Tensor q = dense_pixels(f[x]);
    at::Tensor y = empty_pixels(q);
    const at::Tensor places = at::add(flat(q), at::Scalar(kLargest)).to(at::kInt);
    flat(y).copy_(at::index_select(table, 0, places));
    return y;
  };
}

Run exact_function(const ir::Graph& graph, const ir::Node& function, float unit) {
  const auto id = static_cast<size_t>(function.inputs[0]);
  std::optional<ir::Epilogue> activation = ir::activation_of(function);
  if (activation) activation = ir::scaled(*activation, static_cast<double>(unit));
  return [id, function, unit, activation, own = make_op(graph, function, nullptr)](const Frame& f) {
    if (!f[id].is_cpu()) {
      if (unit == 1.0f) return own(f);
      Frame real = f;
      real[id] = at::mul(f[id], at::Scalar(static_cast<double>(unit)));
      return at::div(own(real), at::Scalar(static_cast<double>(unit)));
    }
    const at::Tensor x = dense_pixels(f[id]);
    at::Tensor y = empty_pixels(x);
    const float* from = x.const_data_ptr<float>();
    float* to = y.mutable_data_ptr<float>();
    RowChunks(x.numel(), 1).run([&](int64_t, int64_t first, int64_t count) {
      for (int64_t i = first; i < first + count; ++i) {
        to[i] = activation ? activate(from[i], activation->activation, activation->p0, activation->p1)
                           : ir::apply_function(function, from[i]);
      }
    });
    return y;
  };
}

}  // namespace qat::train
