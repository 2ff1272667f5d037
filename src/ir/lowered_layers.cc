// Lowered Conv and Gemm in the interpreter: exact integer sums (in double, below 2^53), then base/qmath.h.
#include "ir/lowered_eval.h"
#include "ir/operands.h"

namespace qat::ir {

namespace {

std::vector<float> weights_of(const EvalContext& c) {
  std::vector<float> values;
  for (const int8_t q : c.inputs[1]->data<int8_t>()) values.push_back(q);
  return values;
}

std::vector<float> floats(const std::vector<int32_t>& values) { return {values.begin(), values.end()}; }

// v of an exact sum: multiplier, bias, skip.
class Requantize {
 public:
  Requantize(EvalContext& c, const Epilogue& epilogue)
      : multiplier_(c.f32(2)), bias_(c.f32(3)), skip_scale_(epilogue.skip_scale), store_(c, epilogue) {
    if (c.has(4)) skip_ = centred(c, 4);
  }
  void operator()(size_t i, size_t k, double sum) const {
    float v = fma_exact(static_cast<float>(static_cast<int32_t>(sum)), multiplier_[k], bias_[k]);
    if (!skip_.empty()) v = fma_exact(static_cast<float>(skip_[i]), skip_scale_, v);
    store_(i, v);
  }

 private:
  std::span<const float> multiplier_, bias_;
  float skip_scale_;
  std::vector<int32_t> skip_;
  Store store_;
};

// Sum and bias in double; one rounding after the skip.
class FloatEnd {
 public:
  FloatEnd(EvalContext& c, const Epilogue& epilogue) : c_(c), epilogue_(epilogue) {}
  void operator()(size_t i, size_t k, double sum) const {
    if (c_.has(2)) sum += c_.f32(2)[k];
    if (c_.has(3)) sum += c_.f32(3)[i];
    c_.output.data<float>()[i] = activate(static_cast<float>(sum), epilogue_.activation, epilogue_.p0, epilogue_.p1);
  }

 private:
  EvalContext& c_;
  Epilogue epilogue_;
};

template <class End>
void conv(EvalContext& c, std::span<const float> x, std::span<const float> weight, const std::vector<double>& scale,
          const End& end) {
  const Convolution problem{.x = c.inputs[0]->shape(),
                            .weight = c.inputs[1]->shape(),
                            .y = c.output.shape(),
                            .attrs = c.node.as<FusedConvAttrs>().conv};
  convolve(problem, x, weight, c.pool, [&](int64_t n, int64_t k, int64_t p, std::span<const double> row) {
    const auto at = static_cast<size_t>(((n * problem.y[1] + k) * problem.y[2] + p) * problem.y[3]);
    for (size_t q = 0; q < row.size(); ++q) {
      end(at + q, static_cast<size_t>(k), row[q] * (scale.empty() ? 1.0 : scale[static_cast<size_t>(k)]));
    }
  });
}

template <class End>
void gemm(EvalContext& c, std::span<const float> x, std::span<const float> weight, const std::vector<double>& scale,
          const End& end) {
  const int64_t rows = c.output.dim(0), outputs = c.output.dim(1), depth = c.inputs[0]->dim(1);
  c.pool.parallel_for(rows * outputs, [&](int64_t begin, int64_t stop, int) {
    for (int64_t i = begin; i < stop; ++i) {
      const float *a = x.data() + i / outputs * depth, *w = weight.data() + i % outputs * depth;
      double sum = 0;
      for (int64_t d = 0; d < depth; ++d) sum += static_cast<double>(a[d]) * w[d];
      const auto k = static_cast<size_t>(i % outputs);
      end(static_cast<size_t>(i), k, sum * (scale.empty() ? 1.0 : scale[k]));
    }
  });
}

}  // namespace

void eval_q_conv(EvalContext& c) {
  conv(c, floats(centred(c, 0)), weights_of(c), {}, Requantize(c, c.node.as<FusedConvAttrs>().epilogue));
}

void eval_q_gemm(EvalContext& c) {
  gemm(c, floats(centred(c, 0)), weights_of(c), {}, Requantize(c, c.node.as<FusedGemmAttrs>().epilogue));
}

void eval_f_conv(EvalContext& c) {
  const Operands o = operands(c, c.output.dim(1));
  conv(c, o.x, o.weight, o.scale, FloatEnd(c, c.node.as<FusedConvAttrs>().epilogue));
}

void eval_f_gemm(EvalContext& c) {
  const Operands o = operands(c, c.output.dim(1));
  gemm(c, o.x, o.weight, o.scale, FloatEnd(c, c.node.as<FusedGemmAttrs>().epilogue));
}

}  // namespace qat::ir
