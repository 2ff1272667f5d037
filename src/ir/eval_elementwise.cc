// Elementwise operators and Softmax of the reference interpreter: in double, rounded once.
#include <algorithm>
#include <cmath>

#include "ir/evaluate.h"
#include "ir/shape_functions.h"

namespace qat::ir {

namespace {

double sigmoid(double x) { return 1.0 / (1.0 + std::exp(-x)); }

// NaN passes through every clamp, as in PyTorch.
double clamp(double x, double lo, double hi) { return x < lo ? lo : (x > hi ? hi : x); }

double unary(const Node& node, double x) {
  switch (node.op) {
    case Op::kRelu:
      return x < 0 ? 0 : x;
    case Op::kClip:
      return clamp(x, node.as<ClipAttrs>().lo, node.as<ClipAttrs>().hi);
    case Op::kSigmoid:
      return sigmoid(x);
    case Op::kHardSigmoid:
      return clamp(node.as<AlphaBetaAttrs>().alpha * x + node.as<AlphaBetaAttrs>().beta, 0, 1);
    case Op::kHardSwish:
      return x * clamp(x / 6 + 0.5, 0, 1);
    case Op::kSilu:
      return x * sigmoid(x);
    case Op::kLeakyRelu:
      return x < 0 ? node.as<AlphaBetaAttrs>().alpha * x : x;
    case Op::kTanh:
      return std::tanh(x);
    default:
      QAT_ASSERT(!"a unary operator");
      return x;
  }
}

double binary(Op op, double a, double b) {
  switch (op) {
    case Op::kAdd:
      return a + b;
    case Op::kSub:
      return a - b;
    case Op::kMul:
      return a * b;
    case Op::kDiv:
      return a / b;
    default:
      QAT_ASSERT(!"a binary operator");
      return a;
  }
}

}  // namespace

std::vector<int64_t> broadcast_strides(const Shape& shape, size_t rank) {
  std::vector<int64_t> strides(rank, 0);
  int64_t stride = 1;
  for (size_t i = 0; i < shape.size(); ++i) {  // from the last axis
    const int64_t extent = shape[shape.size() - 1 - i];
    if (extent != 1) strides[rank - 1 - i] = stride;
    stride *= extent;
  }
  return strides;
}

void eval_unary(EvalContext& c) {
  const auto x = c.f32(0);
  const auto y = c.output.data<float>();
  c.pool.parallel_for(c.output.size(), [&](int64_t begin, int64_t end, int) {
    for (auto i = static_cast<size_t>(begin); i < static_cast<size_t>(end); ++i)
      y[i] = static_cast<float>(unary(c.node, static_cast<double>(x[i])));
  });
}

void eval_binary(EvalContext& c) {
  const Shape& shape = c.output.shape();
  const auto a_strides = broadcast_strides(c.inputs[0]->shape(), shape.size());
  const auto b_strides = broadcast_strides(c.inputs[1]->shape(), shape.size());
  const auto a = c.f32(0), b = c.f32(1);
  const auto y = c.output.data<float>();
  c.pool.parallel_for(c.output.size(), [&](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) {
      int64_t rest = i, at_a = 0, at_b = 0;
      for (size_t d = shape.size(); d-- > 0;) {
        at_a += rest % shape[d] * a_strides[d];
        at_b += rest % shape[d] * b_strides[d];
        rest /= shape[d];
      }
      y[static_cast<size_t>(i)] = static_cast<float>(
          binary(c.node.op, a[static_cast<size_t>(at_a)], static_cast<double>(b[static_cast<size_t>(at_b)])));
    }
  });
}

void eval_softmax(EvalContext& c) {
  const Shape& shape = c.output.shape();
  const size_t axis = resolve_axis(c.node, c.node.as<AxisAttrs>().axis, shape.size());
  const auto extent = static_cast<size_t>(shape[axis]);
  size_t inner = 1;
  for (size_t d = axis + 1; d < shape.size(); ++d) inner *= static_cast<size_t>(shape[d]);
  const auto x = c.f32(0);
  const auto y = c.output.data<float>();
  for (size_t i = 0; i < x.size() / extent; ++i) {
    const size_t first = i / inner * inner * extent + i % inner;
    double largest = x[first], sum = 0;
    for (size_t j = 0; j < extent; ++j) largest = std::max<double>(largest, x[first + j * inner]);
    for (size_t j = 0; j < extent; ++j) sum += std::exp(x[first + j * inner] - largest);
    for (size_t j = 0; j < extent; ++j)
      y[first + j * inner] = static_cast<float>(std::exp(x[first + j * inner] - largest) / sum);
  }
}

}  // namespace qat::ir
