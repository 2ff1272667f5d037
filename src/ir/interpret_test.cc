// The interpreter against PyTorch, operator by operator; exact integers, threads and errors.
#include "ir/interpret.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <set>

#include "io/pth/pth.h"
#include "io/python_judge.h"
#include "ir/quant_range.h"
#include "ir/random_graph.h"

namespace qat::ir {
namespace {

struct Case {
  std::string name;
  Graph graph;
  std::string torch;  // the same in PyTorch, of the values' names
};

// One operator with parameters p0, p1, ... behind the input x.
Case one(const std::string& name, Op op, const Shape& x, const std::vector<Shape>& parameters, Attrs attrs,
         const std::string& torch) {
  Case c{.name = name, .graph = {.name = name}, .torch = torch};
  std::vector<ValueId> inputs{c.graph.add_input("x", Dims(x.size(), kDynamic))};
  c.graph.value(inputs[0]).dims = x;
  for (size_t i = 0; i < parameters.size(); ++i) {
    // Variances must be positive: every parameter of a BatchNorm is.
    const double lo = op == Op::kBatchNorm ? 0.1 : -1;
    inputs.push_back(c.graph.add_parameter(cat("p", i), random_tensor(parameters[i], i + 1, lo)));
  }
  c.graph.outputs = {c.graph.add_node(op, "node", inputs, std::move(attrs))};
  return c;
}

std::vector<Case> layers() {
  std::vector<Case> cases;
  cases.push_back(one("conv", Op::kConv, {2, 5, 9, 7}, {{6, 5, 3, 2}, {6}},
                      ConvAttrs{.stride = {2, 1}, .pads = {1, 2, 1, 2}}, "F.conv2d(x,p0,p1,(2,1),(1,2))"));
  cases.push_back(one("conv_dilated", Op::kConv, {1, 4, 11, 13}, {{4, 4, 3, 3}},
                      ConvAttrs{.pads = {2, 3, 2, 3}, .dilation = {2, 3}}, "F.conv2d(x,p0,None,1,(2,3),(2,3))"));
  cases.push_back(one("conv_groups", Op::kConv, {2, 6, 5, 5}, {{9, 2, 3, 3}, {9}},
                      ConvAttrs{.pads = {1, 1, 1, 1}, .groups = 3}, "F.conv2d(x,p0,p1,1,1,1,3)"));
  cases.push_back(one("conv_depthwise", Op::kConv, {1, 7, 6, 6}, {{7, 1, 5, 5}},
                      ConvAttrs{.stride = {2, 2}, .pads = {2, 2, 2, 2}, .groups = 7}, "F.conv2d(x,p0,None,2,2,1,7)"));
  cases.push_back(one("conv_asymmetric", Op::kConv, {1, 3, 6, 6}, {{2, 3, 3, 3}},
                      ConvAttrs{.stride = {2, 2}, .pads = {0, 0, 1, 1}}, "F.conv2d(F.pad(x,(0,1,0,1)),p0,None,2)"));
  cases.push_back(one("conv_wide_pad", Op::kConv, {1, 2, 2, 2}, {{3, 2, 1, 1}},
                      ConvAttrs{.stride = {3, 3}, .pads = {4, 4, 4, 4}}, "F.conv2d(x,p0,None,3,4)"));
  cases.push_back(one("conv_transpose", Op::kConvTranspose, {2, 4, 5, 3}, {{4, 3, 3, 4}, {6}},
                      ConvAttrs{.stride = {2, 3}, .pads = {1, 2, 1, 2}, .groups = 2, .output_padding = {1, 0}},
                      "F.conv_transpose2d(x,p0,p1,(2,3),(1,2),(1,0),2)"));
  cases.push_back(one("conv_transpose_dilated", Op::kConvTranspose, {1, 2, 4, 4}, {{2, 3, 3, 3}},
                      ConvAttrs{.dilation = {2, 2}}, "F.conv_transpose2d(x,p0,None,1,0,0,1,2)"));
  cases.push_back(one("gemm", Op::kGemm, {3, 17}, {{5, 17}, {5}}, {}, "F.linear(x,p0,p1)"));
  cases.push_back(one("batch_norm", Op::kBatchNorm, {2, 5, 3, 3}, {{5}, {5}, {5}, {5}}, BatchNormAttrs{.eps = 1e-3f},
                      "F.batch_norm(x,p2,p3,p0,p1,False,0.1,1e-3)"));
  cases.push_back(one("batch_norm_2d", Op::kBatchNorm, {4, 5}, {{5}, {5}, {5}, {5}}, BatchNormAttrs{},
                      "F.batch_norm(x,p2,p3,p0,p1)"));
  return cases;
}

std::vector<Case> pools() {
  const Shape x{2, 3, 10, 7};
  std::vector<Case> cases;
  const PoolAttrs window{.kernel = {3, 2}, .stride = {2, 2}, .pads = {1, 1, 1, 1}};
  PoolAttrs ceil = window;
  ceil.ceil_mode = true;
  PoolAttrs include = ceil;
  include.count_include_pad = true;
  const PoolAttrs dilated{.kernel = {3, 3}, .pads = {1, 1, 1, 1}, .dilation = {2, 2}};
  cases.push_back(one("max", Op::kMaxPool, x, {}, window, "F.max_pool2d(x,(3,2),2,1)"));
  cases.push_back(one("max_ceil", Op::kMaxPool, x, {}, ceil, "F.max_pool2d(x,(3,2),2,1,1,True)"));
  cases.push_back(one("max_dilated", Op::kMaxPool, x, {}, dilated, "F.max_pool2d(x,3,1,1,2)"));
  cases.push_back(one("avg", Op::kAvgPool, x, {}, window, "F.avg_pool2d(x,(3,2),2,1,False,False)"));
  cases.push_back(one("avg_ceil", Op::kAvgPool, x, {}, ceil, "F.avg_pool2d(x,(3,2),2,1,True,False)"));
  cases.push_back(one("avg_include", Op::kAvgPool, x, {}, include, "F.avg_pool2d(x,(3,2),2,1,True,True)"));
  cases.push_back(one("global", Op::kGlobalAvgPool, x, {}, {}, "x.mean((2,3),keepdim=True)"));
  cases.push_back(
      one("mean", Op::kReduceMean, x, {}, ListAttrs{.values = {1, -1}, .keep_dims = false}, "x.mean((1,3))"));
  return cases;
}

std::vector<Case> pointwise() {
  const Shape x{3, 4, 5, 6};
  const AlphaBetaAttrs hard{};
  std::vector<Case> cases;
  cases.push_back(one("relu", Op::kRelu, x, {}, {}, "F.relu(x)"));
  cases.push_back(one("clip", Op::kClip, x, {}, ClipAttrs{.lo = -0.5f, .hi = 0.25f}, "x.clamp(-0.5,0.25)"));
  cases.push_back(one("sigmoid", Op::kSigmoid, x, {}, {}, "x.sigmoid()"));
  cases.push_back(one("hard_sigmoid", Op::kHardSigmoid, x, {}, hard, "F.hardsigmoid(x)"));
  cases.push_back(one("hard_swish", Op::kHardSwish, x, {}, {}, "F.hardswish(x)"));
  cases.push_back(one("silu", Op::kSilu, x, {}, {}, "F.silu(x)"));
  cases.push_back(one("leaky", Op::kLeakyRelu, x, {}, AlphaBetaAttrs{.alpha = 0.2f}, "F.leaky_relu(x,0.2)"));
  cases.push_back(one("tanh", Op::kTanh, x, {}, {}, "x.tanh()"));
  cases.push_back(one("add", Op::kAdd, x, {{4, 1, 6}}, {}, "x+p0"));
  cases.push_back(one("sub", Op::kSub, x, {{3, 4, 5, 6}}, {}, "x-p0"));
  cases.push_back(one("mul", Op::kMul, x, {{3, 4, 1, 1}}, {}, "x*p0"));
  cases.push_back(one("div", Op::kDiv, x, {{2, 3, 4, 5, 6}}, {}, "x/p0"));
  cases.push_back(one("softmax", Op::kSoftmax, x, {}, AxisAttrs{.axis = 1}, "x.softmax(1)"));
  cases.push_back(one("softmax_last", Op::kSoftmax, x, {}, AxisAttrs{.axis = -1}, "x.softmax(-1)"));
  // A power of two and a multiple of it: PyTorch multiplies by 1 / s, which is then the same as dividing.
  cases.push_back(one("fake_quant", Op::kFakeQuant, x, {},
                      FakeQuantAttrs{.range = RangeKind::kScale, .lo = -8, .hi = 7},
                      "torch.fake_quantize_per_tensor_affine(x,0.125,1,-8,7)"));
  Graph& g = cases.back().graph;
  const ValueId scale = g.add_buffer("scale", Tensor::from<float>({0.125f}, {}));
  const ValueId zero_point = g.add_buffer("zero_point", Tensor::from<float>({1.0f}, {}));
  g.nodes[0].inputs = {0, scale, zero_point};
  return cases;
}

std::vector<Case> views() {
  const Shape x{2, 6, 3, 4};
  std::vector<Case> cases;
  cases.push_back(one("concat", Op::kConcat, x, {{2, 1, 3, 4}, {2, 5, 3, 4}}, AxisAttrs{}, "torch.cat((x,p0,p1),1)"));
  cases.push_back(one("concat_last", Op::kConcat, x, {{2, 6, 3, 1}}, AxisAttrs{.axis = -1}, "torch.cat((x,p0),3)"));
  cases.push_back(one("flatten", Op::kFlatten, x, {}, AxisAttrs{.axis = 1}, "x.flatten(1)"));
  cases.push_back(one("reshape", Op::kReshape, x, {}, ListAttrs{.values = {0, 2, 3, -1}}, "x.reshape(2,2,3,12)"));
  cases.push_back(one("transpose", Op::kTranspose, x, {}, ListAttrs{.values = {0, 2, 3, 1}}, "x.permute(0,2,3,1)"));
  cases.push_back(one("pad", Op::kPad, x, {}, ListAttrs{.values = {0, 0, 1, 2, 0, 0, 0, -1}, .value = 0.5f},
                      "F.pad(x,(2,-1,1,0),value=0.5)"));
  cases.push_back(one("identity", Op::kIdentity, x, {}, {}, "x"));
  cases.push_back(one("dropout", Op::kDropout, x, {}, DropoutAttrs{}, "F.dropout(x,0.5,False)"));
  return cases;
}

constexpr const char* kJudge = R"(
import torch, torch.nn.functional as F
for name, c in torch.load("cases.pth").items():
    v = {k: t.double() for k, t in c["values"].items()}
    want = eval(c["torch"], {"torch": torch, "F": F}, v)
    got = c["y"]
    if tuple(want.shape) != tuple(got.shape):
        print(name, "shape", tuple(got.shape), "expected", tuple(want.shape))
        continue
    worst = ((want - got).abs() / want.abs().clamp(min=1.0)).max().item()
    if not worst <= 1e-6: print(name, "worst", worst)
)";

TEST(Interpret, EveryOperatorEqualsPyTorch) {
  if (!testing::has_python()) GTEST_SKIP() << "no " << testing::python();
  const testing::TempFolder folder;
  io::PyDict file;
  std::set<std::string> names;
  for (const auto& family : {layers(), pools(), pointwise(), views()}) {
    for (const Case& c : family) {
      EXPECT_TRUE(names.insert(c.name).second) << c.name << ": a second case would hide the first";
      const Tensor x = random_tensor(c.graph.value(c.graph.inputs[0]).dims, 99, -4, 4);
      io::PyDict values{{"x", {x}}};
      for (const Value& v : c.graph.values) {
        if (v.role != Role::kActivation) values.emplace_back(v.name, io::PyValue{v.data});
      }
      const Tensor y = interpret(c.graph, {x}).outputs.at(0);
      file.emplace_back(c.name,
                        io::PyValue{io::PyDict{{"values", {std::move(values)}}, {"torch", {c.torch}}, {"y", {y}}}});
    }
  }
  ASSERT_GE(file.size(), 40u);
  io::write_pth(folder / "cases.pth", {std::move(file)});
  EXPECT_EQ(testing::run_python(folder, kJudge), "");
}

// Both operands FakeQuant: sums are integers, so extreme values lose nothing.
TEST(Interpret, QuantizedConvolutionIsExact) {
  Graph g{.name = "exact"};
  const int64_t channels = 1024;
  const ValueId x = g.add_input("x", {1, channels, 3, 3});
  const ValueId w = g.add_parameter("w", Tensor(DType::kF32, {2, channels, 3, 3}));
  const ValueId x_range = g.add_buffer("x_range", Tensor::from<float>({0.7f}, {}));
  const ValueId w_range = g.add_buffer("w_range", Tensor::from<float>({0.3f, 1.1f}, {2}));
  const float s_x = 0.7f / 127.0f, s_w[2] = {0.3f / 127.0f, 1.1f / 127.0f};
  Tensor image(DType::kF32, {1, channels, 3, 3});
  int64_t sums[2] = {0, 0};
  Random random(3);
  for (size_t i = 0; i < image.data<float>().size(); ++i) {
    // Clipped from far outside to -128 and 127, weights to -127 and 127, and what lies between.
    const int q = i % 7 == 0 ? -128 : (i % 3 == 0 ? 127 : static_cast<int>(random.below(256)) - 128);
    image.data<float>()[i] = q == -128 ? -9.0f : (q == 127 ? 9.0f : static_cast<float>(q) * s_x);
    for (size_t k = 0; k < 2; ++k) {
      const int q_w = i % 5 == k ? 127 : static_cast<int>(random.below(255)) - 127;
      g.value(w).data.data<float>()[k * image.data<float>().size() + i] = static_cast<float>(q_w) * s_w[k];
      sums[k] += q * q_w;
    }
  }
  const ValueId fake_x = g.add_node(Op::kFakeQuant, "fx", {x, x_range}, FakeQuantAttrs{});
  const ValueId fake_w =
      g.add_node(Op::kFakeQuant, "fw", {w, w_range}, FakeQuantAttrs{.axis = 0, .lo = -127, .hi = 127});
  g.outputs = {g.add_node(Op::kConv, "conv", {fake_x, fake_w}, ConvAttrs{})};
  const Tensor y = interpret(g, {image}).outputs[0];
  for (size_t k = 0; k < 2; ++k) {
    const double scale = static_cast<double>(s_x) * s_w[k];
    EXPECT_EQ(y.data<float>()[k], static_cast<float>(static_cast<double>(sums[k]) * scale)) << k;
  }
}

TEST(Interpret, ThreadsChangeNoBit) {
  Graph g{.name = "threads"};
  ValueId y = g.add_input("x", {kDynamic, 5, kDynamic, kDynamic});
  const ValueId w = g.add_parameter("w", random_tensor({7, 5, 3, 3}, 1));
  y = g.add_node(Op::kConv, "conv", {y, w}, ConvAttrs{.pads = {1, 1, 1, 1}});
  y = g.add_node(Op::kSilu, "silu", {y});
  g.outputs = {g.add_node(Op::kMaxPool, "pool", {y}, PoolAttrs{.kernel = {3, 3}, .stride = {2, 2}})};
  const Tensor x = random_tensor({3, 5, 13, 11}, 2);
  const Tensor one_thread = interpret(g, {x}, {.threads = 1}).outputs[0];
  for (const int threads : {2, 3, 8}) {
    const Tensor many = interpret(g, {x}, {.threads = threads}).outputs[0];
    EXPECT_EQ(std::memcmp(many.raw(), one_thread.raw(), many.bytes()), 0) << threads;
  }
}

TEST(Interpret, KeepAllHoldsEveryActivation) {
  Graph g{.name = "keep"};
  const ValueId x = g.add_input("x", {2});
  const ValueId r = g.add_node(Op::kRelu, "relu", {x});
  g.outputs = {g.add_node(Op::kAdd, "add", {r, x})};
  const auto result = interpret(g, {Tensor::from<float>({-1, 2}, {2})}, {.keep_all = true});
  EXPECT_EQ(result.activations.size(), 3u);
  EXPECT_EQ(result.activations.at(r).data<float>()[1], 2);
  EXPECT_EQ(result.outputs[0].data<float>()[0], -1);
}

TEST(Interpret, InputsMustFit) {
  Graph g{.name = "fit"};
  g.outputs = {g.add_node(Op::kRelu, "relu", {g.add_input("x", {kDynamic, 3})})};
  const auto message = [&](const std::vector<Tensor>& inputs) -> std::string {
    try {
      interpret(g, inputs);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  EXPECT_EQ(message({}), "[graph fit] expected 1 inputs, got 0");
  EXPECT_EQ(message({Tensor(DType::kF32, {2, 4})}), "[input x] expected ?x3, got 2x4");
  EXPECT_EQ(message({Tensor(DType::kI32, {2, 3})}), "[input x] expected f32, got i32");
}

TEST(QuantRange, ScalesAndTheirErrors) {
  Graph g{.name = "range"};
  const ValueId x = g.add_input("x", {1, 2});
  const ValueId range = g.add_buffer("range", Tensor::from<float>({1.27f, 0}, {2}));
  g.outputs = {g.add_node(Op::kFakeQuant, "fq", {x, range}, FakeQuantAttrs{.axis = 1})};
  const QuantRange found = quant_range(g, g.nodes[0]);
  EXPECT_EQ(found.scale[0], 1.27f / 127.0f);
  EXPECT_EQ(found.scale[1], 1.0f) << "an all-zero channel";
  for (const float bad : {-1.0f, INFINITY, NAN}) {
    g.value(range).data.data<float>()[1] = bad;
    EXPECT_THROW(quant_range(g, g.nodes[0]), Error) << bad;
  }
  g.value(range).data.data<float>()[1] = 0;
  g.nodes[0].as<FakeQuantAttrs>().range = RangeKind::kScale;
  EXPECT_THROW(quant_range(g, g.nodes[0]), Error) << "a scale of 0";
}

}  // namespace
}  // namespace qat::ir
