// Files of other toolkits, read and interpreted, against ONNX Runtime on the same file.
#include <map>

#include "io/onnx/testing.h"

namespace qat::onnxio::testing {
namespace {

struct Case {
  std::string name;  // of the test
  std::string make;  // judge.py's commands that make FILE, in the folder DIR
  Shape shape;
  double tolerance = 1e-4;  // max |difference| / max |logit|
  double cosine = 0;        // judged by this instead when over 0: a float judge rounds ties of Q/DQ otherwise
};

std::vector<Case> hand_made() {
  std::vector<Case> cases;
  for (const char* name :
       {"old_opset", "shape_chain", "slice_chain", "hard_swish_small", "matmul_add", "gemm_forms", "padding",
        "squeeze_excite", "qdq", "qdq_u8", "qdq_clip", "qdq_shared", "qdq_tied", "movement"}) {
    const Shape shape{2, 3, name == std::string("padding") ? 9 : 8, 8};
    cases.push_back({.name = name, .make = cat("script ", name, " FILE"), .shape = shape, .tolerance = 1e-5});
  }
  return cases;
}

std::vector<Case> exported() {
  const Shape square{2, 3, 32, 32}, odd{1, 3, 33, 35};
  return {
      {.name = "resnet_opset13", .make = "export resnet_narrow FILE 32 13", .shape = odd},
      {.name = "mobilenet_v2", .make = "export mobilenet_narrow FILE 32 17", .shape = odd},
      {.name = "mobilenet_v3_script", .make = "export mobilenet_v3_narrow FILE 32 17", .shape = square},
      {.name = "mobilenet_v3_opset12", .make = "export mobilenet_v3_narrow FILE 32 12", .shape = square},
      {.name = "mobilenet_v3_dynamo", .make = "export mobilenet_v3_narrow FILE 32 18 dynamo", .shape = square},
      {.name = "densenet", .make = "export densenet_narrow FILE 32 17", .shape = square},
      {.name = "efficientnet", .make = "export efficientnet_narrow FILE 32 17", .shape = odd},
      {.name = "regnet_opset11", .make = "export regnet_narrow FILE 32 11", .shape = square},
      {.name = "fake_quant_of_torch", .make = "export fakequant FILE 8 17", .shape = {2, 3, 8, 8}, .cosine = 0.9999},
      {.name = "views", .make = "export viewnet FILE 8 17", .shape = {3, 3, 8, 8}},
  };
}

// Of the exports above.
std::vector<Case> quantized() {
  std::vector<Case> cases;
  for (const char* net : {"resnet_opset13", "mobilenet_v3_script"}) {
    for (const char* kind : {"s8", "u8"}) {
      const std::string make = cat("quantize DIR/", net, ".onnx FILE ", kind);
      cases.push_back({.name = cat(net, "_", kind), .make = make, .shape = {2, 3, 32, 32}, .cosine = 0.999});
    }
  }
  return cases;
}

std::vector<Case> large() {
  std::vector<Case> cases;
  for (const char* net : {"resnet50", "mobilenet_v2", "densenet121", "squeezenet1_1", "efficientnet_b0", "vgg16_bn",
                          "regnet_x_400mf", "mobilenet_v3_large"}) {
    const int64_t size = net == std::string("vgg16_bn") ? 224 : 64;
    for (const char* how : {"17", "18 dynamo"}) {
      const std::string make = cat("export ", net, " FILE ", size, " ", how);
      cases.push_back(
          {.name = cat(net, "_", how[1] == '7' ? "script" : "dynamo"), .make = make, .shape = {1, 3, size, size}});
    }
  }
  return cases;
}

std::string put(std::string text, const std::string& word, const std::string& value) {
  for (size_t at = 0; (at = text.find(word, at)) != std::string::npos; at += value.size()) {
    text.replace(at, word.size(), value);
  }
  return text;
}

// Python starts once for all cases of a list: torch alone takes seconds to load.
class Workshop {
 public:
  explicit Workshop(std::vector<Case> cases) : cases_(std::move(cases)) {
    std::string commands;
    for (const Case& c : cases_) {
      const std::string file = folder_ / (c.name + ".onnx");
      const std::string make = put(put(c.make, "FILE", file), "DIR", folder_ / "");
      inputs_[c.name] = random_images(c.shape);
      write_raw(file + ".x", inputs_[c.name]);
      commands += cat(commands.empty() ? "" : " , ", make, " , run ", file, " ", file, ".x ", file, ".y ort ",
                      join(c.shape, ","));
    }
    ready_ = has_python() && judge(commands);
  }

  void judge_all() const {
    if (!has_python()) GTEST_SKIP() << "no Python judges";
    ASSERT_TRUE(ready_);
    for (const Case& c : cases_) {
      SCOPED_TRACE(c.name);
      const std::string file = folder_ / (c.name + ".onnx");
      const auto ours = logits(onnx().read(file), inputs_.at(c.name)), theirs = read_raw(file + ".y");
      if (c.cosine > 0) {
        EXPECT_GE(cosine(ours, theirs), c.cosine);
      } else {
        expect_close(ours, theirs, c.tolerance);
      }
    }
  }

 private:
  TempFolder folder_;
  std::vector<Case> cases_;
  std::map<std::string, Tensor> inputs_;
  bool ready_ = false;
};

TEST(Import, HandMadeModels) { Workshop(hand_made()).judge_all(); }

TEST(Import, ExportsOfTorchAndTheirQuantizationByOnnxRuntime) {
  std::vector<Case> cases = exported();
  for (const Case& c : quantized()) cases.push_back(c);
  Workshop(cases).judge_all();
}

TEST(Import, LargeNetworks) {
  if (!slow_tests()) GTEST_SKIP() << "set QAT_SLOW_TESTS=1";
  for (const Case& c : large()) Workshop({c}).judge_all();
}

}  // namespace
}  // namespace qat::onnxio::testing
