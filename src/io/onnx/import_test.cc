// Files of other toolkits, read and interpreted, against ONNX Runtime on the same file.
#include "io/onnx/testing.h"
#include "ir/verify.h"

namespace qat::onnxio::testing {
namespace {

int nodes_of(const ir::Graph& graph, ir::Op op) {
  int count = 0;
  for (const auto& node : graph.nodes) count += node.op == op;
  return count;
}

void expect_like_ort(const std::string& file, const Shape& shape, double tolerance) {
  const ir::Graph graph = onnx().read(file);
  const Tensor x = random_images(shape);
  expect_close(logits(graph, x), run_judge("ort", file, x), tolerance);
}

class HandMade : public ::testing::TestWithParam<const char*> {};

TEST_P(HandMade, GivesTheLogitsOfOnnxRuntime) {
  if (!has_python()) GTEST_SKIP() << "no Python judges";
  TempFolder folder;
  const std::string file = folder / "net.onnx";
  ASSERT_TRUE(judge(std::string("script ") + GetParam() + " " + file));
  const int64_t height = std::string(GetParam()) == "padding" ? 9 : 8;
  expect_like_ort(file, {2, 3, height, 8}, 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Onnx, HandMade,
                         ::testing::Values("old_opset", "shape_chain", "slice_chain", "hard_swish_small", "matmul_add",
                                           "gemm_forms", "padding", "squeeze_excite", "qdq", "qdq_u8"));

struct Export {
  const char *net, *how;  // how: "size opset [dynamo]"
  int size;
};

class TorchExport : public ::testing::TestWithParam<Export> {};

TEST_P(TorchExport, GivesTheLogitsOfOnnxRuntime) {
  if (!has_python()) GTEST_SKIP() << "no Python judges";
  TempFolder folder;
  const std::string file = folder / "net.onnx";
  ASSERT_TRUE(judge(cat("export ", GetParam().net, " ", file, " ", GetParam().how)));
  expect_like_ort(file, {2, 3, GetParam().size, GetParam().size}, 1e-4);
}

std::string test_name(const ::testing::TestParamInfo<Export>& info) {
  std::string name = cat(info.param.net, "_", info.param.how);
  for (char& c : name) c = c == ' ' ? '_' : c;
  return name;
}

INSTANTIATE_TEST_SUITE_P(
    Narrow, TorchExport,
    ::testing::Values(Export{"resnet_narrow", "32 13", 33}, Export{"resnet_narrow", "32 18 dynamo", 32},
                      Export{"mobilenet_narrow", "32 17", 35}, Export{"mobilenet_v3_narrow", "32 12", 32},
                      Export{"mobilenet_v3_narrow", "32 18 dynamo", 32}, Export{"densenet_narrow", "32 17", 32},
                      Export{"densenet_narrow", "32 18 dynamo", 32}, Export{"efficientnet_narrow", "32 17", 31},
                      Export{"regnet_narrow", "32 11", 32}, Export{"viewnet", "8 17", 8}),
    test_name);

}  // namespace
}  // namespace qat::onnxio::testing
