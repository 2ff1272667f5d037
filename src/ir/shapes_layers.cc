// Shape functions of layers and pools: each checks what its operator needs of its inputs.
#include "base/checked.h"
#include "ir/op_table.h"
#include "ir/shape_functions.h"

namespace qat::ir {

namespace {

bool agree(int64_t a, int64_t b) { return a == kDynamic || b == kDynamic || a == b; }

void expect_rank(const ShapeContext& c, size_t input, size_t rank, const char* what) {
  if (c.inputs[input].size() != rank)
    fail(Code::kBadFile, place(c.node), " expected ", what, " of rank ", rank, ", got ", to_text(c.inputs[input]));
}

void expect(const ShapeContext& c, int64_t expected, int64_t got, const char* what) {
  if (!agree(expected, got)) fail(Code::kBadFile, place(c.node), " expected ", expected, " ", what, ", got ", got);
}

void expect_bias(const ShapeContext& c, int64_t outputs) {
  if (c.inputs.size() < 3 || c.node.inputs[2] == kNone) return;
  expect_rank(c, 2, 1, "a bias");
  expect(c, outputs, c.inputs[2][0], "bias values");
}

}  // namespace

Inferred conv_shape(const ShapeContext& c) {
  const auto& a = c.node.as<ConvAttrs>();
  expect_rank(c, 0, 4, "an input");
  expect_rank(c, 1, 4, "a weight");
  const Dims &x = c.inputs[0], &w = c.inputs[1];
  expect(c, checked_mul(w[1], a.groups, "channels"), x[1], "input channels");
  if (w[0] % a.groups != 0)
    fail(Code::kBadFile, place(c.node), " expected output channels divisible by ", a.groups, " groups, got ", w[0]);
  expect_bias(c, w[0]);
  Dims y{x[0], w[0]};
  for (size_t d = 0; d < 2; ++d) {
    y.push_back(output_extent({.in = x[2 + d],
                               .kernel = w[2 + d],
                               .stride = a.stride[d],
                               .pad_begin = a.pads[d],
                               .pad_end = a.pads[2 + d],
                               .dilation = a.dilation[d]}));
  }
  return {y};
}

Inferred conv_transpose_shape(const ShapeContext& c) {
  const auto& a = c.node.as<ConvAttrs>();
  expect_rank(c, 0, 4, "an input");
  expect_rank(c, 1, 4, "a weight");
  const Dims &x = c.inputs[0], &w = c.inputs[1];
  expect(c, w[0], x[1], "input channels");
  if (w[0] % a.groups != 0)
    fail(Code::kBadFile, place(c.node), " expected input channels divisible by ", a.groups, " groups, got ", w[0]);
  const int64_t outputs = checked_mul(w[1], a.groups, "channels");
  expect_bias(c, outputs);
  Dims y{x[0], outputs};
  for (size_t d = 0; d < 2; ++d) {
    if (x[2 + d] == kDynamic) {
      y.push_back(kDynamic);
      continue;
    }
    const int64_t spread = checked_mul(x[2 + d] - 1, a.stride[d], "stride");
    const int64_t reach = checked_mul(a.dilation[d], w[2 + d] - 1, "window");
    const int64_t full = checked_add(checked_add(spread, reach, "output"), a.output_padding[d] + 1, "output");
    y.push_back(full - a.pads[d] - a.pads[2 + d]);
  }
  return {y};
}

Inferred gemm_shape(const ShapeContext& c) {
  expect_rank(c, 0, 2, "an input");
  expect_rank(c, 1, 2, "a weight");
  expect(c, c.inputs[1][1], c.inputs[0][1], "input features");
  expect_bias(c, c.inputs[1][0]);
  return {{c.inputs[0][0], c.inputs[1][0]}};
}

Inferred batch_norm_shape(const ShapeContext& c) {
  const Dims& x = c.inputs[0];
  if (x.size() < 2) fail(Code::kBadFile, place(c.node), " expected an input [N,C,...], got ", to_text(x));
  for (size_t i = 1; i < 5; ++i) {
    expect_rank(c, i, 1, "parameters");
    expect(c, c.inputs[i][0], x[1], "channels");
  }
  return {x};
}

Inferred fake_quant_shape(const ShapeContext& c) {
  const auto& a = c.node.as<FakeQuantAttrs>();
  const Dims& x = c.inputs[0];
  int64_t expected = 1;
  if (a.axis >= 0) expected = x[resolve_axis(c.node, a.axis, x.size())];
  for (size_t i = 1; i < c.inputs.size(); ++i) {
    if (c.node.inputs[i] == kNone) continue;
    int64_t values = 1;
    for (const int64_t d : c.inputs[i]) values = checked_mul(values, d, "range");
    expect(c, expected, values, "values in the range");
  }
  return {x};
}

Inferred pool_shape(const ShapeContext& c) {
  const auto& a = c.node.as<PoolAttrs>();
  expect_rank(c, 0, 4, "an input");
  const Dims& x = c.inputs[0];
  Dims y{x[0], x[1]};
  for (size_t d = 0; d < 2; ++d) {
    y.push_back(output_extent({.in = x[2 + d],
                               .kernel = a.kernel[d],
                               .stride = a.stride[d],
                               .pad_begin = a.pads[d],
                               .pad_end = a.pads[2 + d],
                               .dilation = a.dilation[d],
                               .ceil = a.ceil_mode}));
  }
  return {y};
}

Inferred global_pool_shape(const ShapeContext& c) {
  expect_rank(c, 0, 4, "an input");
  return {{c.inputs[0][0], c.inputs[0][1], 1, 1}};
}

}  // namespace qat::ir
