// The network by hand: see small_model.h.
#include "small_model.h"

#include "base/random.h"
#include "io/onnx/onnx.h"

namespace qat::e2e {

void write_small_model(const std::filesystem::path& path, const SmallModel& what) {
  Random random(3);
  const auto values = [&random](Shape shape) {
    Tensor t(DType::kF32, std::move(shape));
    for (float& x : t.data<float>()) x = static_cast<float>(random.uniform(-0.5, 0.5));
    return t;
  };
  ir::Graph graph;
  graph.name = "small";
  const auto fake_quant = [&](const std::string& name, ir::ValueId value, int lo) {
    const auto amax = graph.add_buffer(name + "._amax", Tensor::from<float>({0.5f}, {1}));
    return graph.add_node(ir::Op::kFakeQuant, name, {value, amax}, ir::FakeQuantAttrs{.lo = lo});
  };
  const auto weight = [&](const std::string& name, Shape shape) {
    return fake_quant(name + "._weight_quantizer", graph.add_parameter(name + ".weight", values(std::move(shape))),
                      -127);
  };
  const auto x = fake_quant("conv._input_quantizer", graph.add_input("input", {1, 3, 8, 8}), -128);
  const auto conv =
      graph.add_node(ir::Op::kConv, "conv", {x, weight("conv", {what.channels, 3, 3, 3})}, ir::ConvAttrs{});
  const auto relu = graph.add_node(ir::Op::kRelu, "relu", {conv});
  const auto flat = graph.add_node(ir::Op::kFlatten, "flatten", {relu}, ir::AxisAttrs{});
  const auto features = fake_quant("fc._input_quantizer", flat, -128);
  const auto fc = weight("fc", {3, what.channels * 36});
  graph.outputs = {graph.add_node(ir::Op::kGemm, "fc", {features, fc, graph.add_parameter("fc.bias", values({3}))})};
  graph.metadata = {{"mean", "0.5,0.5,0.5"}, {"std", "0.5,0.5,0.5"}, {"stage", "calibrate"}};
  io::onnx().write(path, graph, {.dynamic = false, .shape = {1, 3, 8, 8}});
}

}  // namespace qat::e2e
