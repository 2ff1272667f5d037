// Shape inference: windows against brute force, dynamic extents, and the messages for shapes that do not fit.
#include "ir/shapes.h"

#include <gtest/gtest.h>

#include "ir/random_graph.h"
#include "ir/verify.h"

namespace qat::ir {
namespace {

// Counts windows: the last one may reach past the padded input when ceil, but must start inside input or left padding.
int64_t count_windows(const Window& w) {
  int64_t n = 0;
  const int64_t reach = w.dilation * (w.kernel - 1) + 1;
  for (int64_t start = 0;; start += w.stride) {
    const bool whole = start + reach <= w.in + w.pad_begin + w.pad_end;
    const bool partial =
        w.ceil && n > 0 && start < w.in + w.pad_begin && start - w.stride + reach < w.in + w.pad_begin + w.pad_end;
    if (!whole && !partial) return n;
    ++n;
    if (!whole) return n;
  }
}

TEST(OutputExtent, EqualsCountingWindows) {
  for (int64_t in = 1; in <= 9; ++in)
    for (int64_t kernel = 1; kernel <= 4; ++kernel)
      for (int64_t stride = 1; stride <= 3; ++stride)
        for (int64_t pad = 0; pad < kernel; ++pad)
          for (int64_t dilation = 1; dilation <= 2; ++dilation)
            for (const bool ceil : {false, true}) {
              const Window w{.in = in,
                             .kernel = kernel,
                             .stride = stride,
                             .pad_begin = pad,
                             .pad_end = pad / 2,
                             .dilation = dilation,
                             .ceil = ceil};
              EXPECT_EQ(output_extent(w), count_windows(w))
                  << in << " " << kernel << " " << stride << " " << pad << " " << dilation << " " << ceil;
            }
  EXPECT_EQ(output_extent({.in = kDynamic, .kernel = 3, .stride = 2}), kDynamic);
  EXPECT_THROW(output_extent({.in = 5, .kernel = 3, .stride = 1, .pad_begin = INT64_MAX}), Error);
  EXPECT_THROW(output_extent({.in = 5, .kernel = INT64_MAX, .stride = 1, .dilation = INT64_MAX}), Error);
}

// The shape of one operator, or the message of its error.
std::string infer(Op op, const std::vector<Dims>& inputs, Attrs attrs) {
  Graph g{.name = "one"};
  std::vector<ValueId> ids;
  for (size_t i = 0; i < inputs.size(); ++i) ids.push_back(g.add_input(cat("x", i), inputs[i]));
  g.outputs = {g.add_node(op, "n", ids, std::move(attrs))};
  try {
    infer_shapes(g);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    return error.what();
  }
  return to_text(g.value(g.outputs[0]).dims);
}

TEST(Shapes, DynamicExtentsFlowThrough) {
  const Dims image{kDynamic, 6, kDynamic, kDynamic};
  EXPECT_EQ(infer(Op::kConv, {image, {8, 3, 3, 3}}, ConvAttrs{.groups = 2}), "?x8x?x?");
  EXPECT_EQ(infer(Op::kConvTranspose, {image, {6, 4, 2, 2}}, ConvAttrs{.stride = {2, 2}}), "?x4x?x?");
  EXPECT_EQ(infer(Op::kConvTranspose, {{1, 6, 5, 5}, {6, 4, 2, 2}}, ConvAttrs{.stride = {2, 2}}), "1x4x10x10");
  EXPECT_EQ(infer(Op::kGlobalAvgPool, {image}, {}), "?x6x1x1");
  EXPECT_EQ(infer(Op::kFlatten, {{kDynamic, 6, 1, 1}}, AxisAttrs{.axis = 1}), "?x6");
  EXPECT_EQ(infer(Op::kFlatten, {{2, 3, 4}}, AxisAttrs{.axis = 3}), "24x1");
  EXPECT_EQ(infer(Op::kReshape, {{kDynamic, 6, 2, 2}}, ListAttrs{.values = {0, -1}}), "?x24");
  EXPECT_EQ(infer(Op::kReshape, {{kDynamic, 6, 2, 2}}, ListAttrs{.values = {-1, 24}}), "?x24");
}

TEST(Shapes, Broadcasting) {
  EXPECT_EQ(infer(Op::kAdd, {{2, 3, 4, 5}, {3, 1, 1}}, {}), "2x3x4x5");
  EXPECT_EQ(infer(Op::kMul, {{kDynamic, 8, kDynamic, 7}, {kDynamic, 8, 1, 1}}, {}), "?x8x?x7");
  EXPECT_EQ(infer(Op::kAdd, {{kDynamic, 3}, {4, 3}}, {}), "4x3");
  EXPECT_EQ(infer(Op::kAdd, {{1, 3}, {kDynamic, 3}}, {}), "?x3");
  EXPECT_EQ(infer(Op::kAdd, {{2, 3}, {2, 4}}, {}), "[add n] cannot broadcast 2x3 with 2x4");
}

TEST(Shapes, MessagesNamePlaceExpectedAndGot) {
  const Dims image{1, 32, 8, 8};
  EXPECT_EQ(infer(Op::kConv, {image, {8, 64, 3, 3}}, ConvAttrs{}), "[conv n] expected 64 input channels, got 32");
  EXPECT_EQ(infer(Op::kConv, {image, {9, 16, 3, 3}}, ConvAttrs{.groups = 2}),
            "[conv n] expected output channels divisible by 2 groups, got 9");
  EXPECT_EQ(infer(Op::kConv, {image, {8, 32, 3, 3}, {7}}, ConvAttrs{}), "[conv n] expected 8 bias values, got 7");
  EXPECT_EQ(infer(Op::kConv, {{1, 32}, {8, 32, 3, 3}}, ConvAttrs{}), "[conv n] expected an input of rank 4, got 1x32");
  EXPECT_EQ(infer(Op::kConv, {image, {8, 32, 9, 9}}, ConvAttrs{}),
            "[conv n] has an empty output 1x8x0x0 for an input 1x32x8x8; give a larger input");
  EXPECT_EQ(infer(Op::kGemm, {{1, 32}, {10, 33}}, {}), "[gemm n] expected 33 input features, got 32");
  EXPECT_EQ(infer(Op::kConcat, {image, {1, 4, 8, 7}}, AxisAttrs{}),
            "[concat n] cannot join 1x4x8x7 to 1x32x8x8 on axis 1");
  EXPECT_EQ(infer(Op::kConcat, {image, image}, AxisAttrs{.axis = 4}), "[concat n] expected an axis in [-4, 3], got 4");
  EXPECT_EQ(infer(Op::kReshape, {image}, ListAttrs{.values = {3, -1}}),
            "[reshape n] cannot give 1x32x8x8 the shape 3x?");
  EXPECT_EQ(infer(Op::kTranspose, {image}, ListAttrs{.values = {0, 1, 1, 2}}),
            "[transpose n] expected a permutation of 4 axes, got 0,1,1,2");
}

// ---- verification ----

Graph conv_graph() {
  Graph g{.name = "g"};
  const ValueId x = g.add_input("input", {1, 3, 8, 8});
  const ValueId w = g.add_parameter("conv.weight", random_tensor({4, 3, 3, 3}, 1));
  const ValueId y = g.add_node(Op::kConv, "conv", {x, w}, ConvAttrs{});
  g.outputs = {g.add_node(Op::kMaxPool, "pool", {y}, PoolAttrs{.kernel = {2, 2}})};
  return g;
}

template <class Break>
std::string broken(const Break& change) {
  Graph g = conv_graph();
  verify(g);
  change(g);
  try {
    verify(g);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    return error.what();
  }
  return "no error";
}

TEST(Verify, FindsEveryBreak) {
  EXPECT_EQ(broken([](Graph& g) { std::swap(g.nodes[0], g.nodes[1]); }),
            "[maxpool pool] reads \"conv\", which nothing before it makes");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[0].inputs.resize(1); }), "[conv conv] expected 2 to 3 inputs, got 1");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[0].inputs[1] = kNone; }), "[conv conv] refers to value -1 of 4");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[1].inputs[0] = 99; }), "[maxpool pool] refers to value 99 of 4");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[1].name = "conv"; }), "[maxpool conv] the name is used twice");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[1].output = g.nodes[0].output; }),
            "[maxpool pool] writes \"conv\", which exists already");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[0].attrs = PoolAttrs{}; }), "[conv conv] has attributes of another operator");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[0].as<ConvAttrs>().stride[1] = 0; }),
            "[conv conv] expected a stride over 0, got 0");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[0].as<ConvAttrs>().pads[2] = -1; }),
            "[conv conv] expected pads of 0 or more, got -1");
  EXPECT_EQ(broken([](Graph& g) { g.nodes[1].as<PoolAttrs>().pads[0] = 2; }),
            "[maxpool pool] expected pads below the kernel 2, got 2 and 0");
  EXPECT_EQ(broken([](Graph& g) { g.value(1).data = {}; }), "[value conv.weight] has no data");
  EXPECT_EQ(broken([](Graph& g) {
              g.value(1).dims = {4, 3, 3};
            }),
            "[value conv.weight] expected data 4x3x3, got 4x3x3x3");
  EXPECT_EQ(broken([](Graph& g) { g.add_parameter("conv.weight", random_tensor({1}, 1)); }),
            "[value conv.weight] the name is used twice");
  EXPECT_EQ(broken([](Graph& g) { g.outputs.clear(); }), "[graph g] has no output");
  EXPECT_EQ(broken([](Graph& g) { g.outputs = {g.add_value({.name = "y"})}; }), "[output y] is made by no node");
}

TEST(Verify, RangesOfFakeQuant) {
  const auto with_range = [](Tensor range, FakeQuantAttrs attrs) {
    return broken([&](Graph& g) {
      const ValueId id = g.add_buffer("range", std::move(range));
      g.insert_node(0, Op::kFakeQuant, "fq", {0, id}, attrs);
    });
  };
  EXPECT_EQ(with_range(Tensor::from<float>({0}, {}), {}), "no error");
  EXPECT_EQ(with_range(Tensor::from<float>({-1}, {}), {}),
            "[fakequant fq] expected a finite amax of 0 or more, got -1");
  EXPECT_EQ(with_range(Tensor::from<float>({0}, {}), {.range = RangeKind::kScale}),
            "[fakequant fq] expected a finite scale over 0, got 0");
  EXPECT_EQ(with_range(Tensor::from<float>({1}, {}), {.lo = -129}),
            "[fakequant fq] expected bounds of 8 bits, got [-129, 127]");
}

}  // namespace
}  // namespace qat::ir
