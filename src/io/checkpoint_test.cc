// Our checkpoints: round trip, what a plain state dict says, damaged ones, torchvision as judge of the weights.
#include "io/checkpoint.h"

#include "io/python_judge.h"
#include "ir/print.h"
#include "ir/shapes.h"

namespace qat::io {
namespace {

using qat::testing::TempFolder;

ir::Graph small_graph() {
  ir::Graph g;
  g.name = "small";
  g.metadata["mean"] = "0.5";
  const ir::ValueId x = g.add_input("input", {ir::kDynamic, 1, 8, 8});
  const ir::ValueId w =
      g.add_parameter("conv.weight", Tensor::from<float>(std::vector<float>(27, 0.25f), {3, 1, 3, 3}));
  const ir::ValueId range = g.add_buffer("conv._input_quantizer._amax", Tensor::from<float>({2}, {1}));
  g.metadata["range_aliases"] = R"({"conv._input_quantizer._amax": ["down._input_quantizer._amax"]})";
  const ir::ValueId q = g.add_node(ir::Op::kFakeQuant, "conv._input_quantizer", {x, range}, ir::FakeQuantAttrs{});
  const ir::ValueId y = g.add_node(ir::Op::kConv, "conv", {q, w}, ir::ConvAttrs{});
  std::vector<ir::ValueId> norm{y};
  for (const char* name : {"bn.weight", "bn.bias", "bn.running_mean", "bn.running_var"})
    norm.push_back(g.add_parameter(name, Tensor::from<float>({1, 2, 3}, {3})));
  g.outputs = {g.add_node(ir::Op::kBatchNorm, "bn", norm, ir::BatchNormAttrs{})};
  ir::infer_shapes(g);
  return g;
}

PyValue training() {
  PyDict dict;
  dict.emplace_back("epoch", PyValue{.data = int64_t{3}});
  dict.emplace_back("momentum", PyValue{.data = Tensor::from<float>({1, 2}, {2})});
  return PyValue{.data = dict};
}

std::string error_of(const std::filesystem::path& path) {
  try {
    load_checkpoint(path);
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kBadFile);
    return error.what();
  }
  return "accepted";
}

TEST(Checkpoint, RoundTrip) {
  const TempFolder folder;
  save_checkpoint(folder / "a.pth", {.graph = small_graph(), .training = training()});
  const Checkpoint back = load_checkpoint(folder / "a.pth");
  EXPECT_EQ(ir::to_json(back.graph), ir::to_json(small_graph()));
  EXPECT_EQ(back.graph.metadata, small_graph().metadata);
  for (const ir::Value& value : small_graph().values) {
    if (value.role == ir::Role::kActivation) continue;
    const Tensor& loaded = back.graph.value(back.graph.find_value(value.name)).data;
    ASSERT_EQ(loaded.shape(), value.data.shape()) << value.name;
    EXPECT_TRUE(std::ranges::equal(loaded.data<float>(), value.data.data<float>())) << value.name;
  }
  EXPECT_EQ(std::get<int64_t>(back.training->find("epoch")->data), 3);
  EXPECT_EQ(std::get<Tensor>(back.training->find("momentum")->data).data<float>()[1], 2);
}

TEST(Checkpoint, WithoutTraining) {
  const TempFolder folder;
  save_checkpoint(folder / "a.pth", {.graph = small_graph()});
  EXPECT_FALSE(load_checkpoint(folder / "a.pth").training.has_value());
}

TEST(Checkpoint, IsAlsoAStateDict) {
  const TempFolder folder;
  save_checkpoint(folder / "a.pth", {.graph = small_graph()});
  ir::Graph g = small_graph();
  const LoadReport report = load_state_dict(g, read_state_dict(folder / "a.pth"), true);
  EXPECT_TRUE(report.clean() && report.warnings.empty());
}

TEST(Checkpoint, APlainStateDictIsExplained) {
  const TempFolder folder;
  PyDict weights;
  weights.emplace_back("a", PyValue{.data = Tensor(DType::kF32, {1})});
  write_pth(folder / "a.pth", PyValue{.data = weights});
  EXPECT_NE(error_of(folder / "a.pth").find("MODEL.WEIGHTS"), std::string::npos);
}

TEST(Checkpoint, DamagedFieldsAreRefused) {
  const TempFolder folder;
  save_checkpoint(folder / "good.pth", {.graph = small_graph()});
  const auto refuse = [&](const std::string& key, const PyValue& replacement) {
    PyValue file = read_pth(folder / "good.pth");
    for (auto& [name, value] : std::get<PyDict>(file.data)) {
      if (name == key) value = replacement;
    }
    write_pth(folder / "bad.pth", file);
    EXPECT_NE(error_of(folder / "bad.pth"), "accepted") << key;
  };
  const PyValue number{.data = int64_t{77}};
  for (const char* key : {"state_dict", "qat_graph", "qat_version", "metadata"}) refuse(key, number);
  refuse("qat_graph", PyValue{.data = std::string("{}")});
  refuse("state_dict", PyValue{.data = PyDict{{"conv.weight", PyValue{.data = Tensor(DType::kF32, {3, 1, 3, 3})}}}});
  refuse("state_dict", PyValue{.data = PyDict{{"conv.weight", number}}});
  // A graph must not make us allocate what the file does not hold.
  std::string huge = ir::to_json(small_graph());
  huge.replace(huge.find("[3,1,3,3]"), 9, "[3,1,3,1073741824]");
  refuse("qat_graph", PyValue{.data = huge});
}

TEST(Checkpoint, TorchLoadsTheWeightsStrictly) {
  if (!qat::testing::has_python()) GTEST_SKIP() << "no " << qat::testing::python();
  const TempFolder folder;
  save_checkpoint(folder / "a.pth", {.graph = small_graph(), .training = training()});
  EXPECT_EQ(qat::testing::run_python(folder, R"(
import torch, collections
file = torch.load('a.pth', weights_only=True)
state = file['state_dict']
assert state.pop('conv._input_quantizer._amax') == 2 and state.pop('down._input_quantizer._amax') == 2
net = torch.nn.Sequential(collections.OrderedDict(conv=torch.nn.Conv2d(1, 3, 3, bias=False), bn=torch.nn.BatchNorm2d(3)))
net.load_state_dict(state, strict=True)
assert (net.conv.weight == 0.25).all() and net.bn.running_var.tolist() == [1, 2, 3]
assert file['metadata']['mean'] == '0.5' and file['training']['epoch'] == 3
print('done')
)"),
            "done\n");
}

}  // namespace
}  // namespace qat::io
