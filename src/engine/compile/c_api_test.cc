// Builds an engine for the C programs and runs them; the runtime's libraries link nothing that a target would lack.
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>

#include "base/file.h"
#include "engine/compile/test_networks.h"
#include "engine/plan/file.h"

namespace qat::engine {
namespace {

struct Ran {
  int status;
  std::string output;
};
Ran run(const std::string& command) {
  std::string output;
  FILE* pipe = popen((command + " 2>&1").c_str(), "r");
  std::array<char, 256> buffer{};
  while (fgets(buffer.data(), buffer.size(), pipe) != nullptr) output += buffer.data();
  return {pclose(pipe), output};
}

TEST(CApi, ProgramsInCRun) {
  const std::string good = testing::TempDir() + "/c_api.engine", bad = testing::TempDir() + "/c_api_bad.engine";
  const Plan plan = test::build_int8(test::quantized_network("resnet8"), {1, 3, 32, 32}, {3, 3, 48, 40});
  save_plan(good, plan);
  write_file(bad, serialize(plan).substr(0, 1000));
  const Ran test = run(std::string(QAT_BIN_DIR) + "/c_api_program " + good + " " + bad);
  EXPECT_EQ(test.status, 0) << test.output;
  const Ran example = run(std::string(QAT_BIN_DIR) + "/example " + good);
  EXPECT_EQ(example.status, 0) << example.output;
  EXPECT_NE(example.output.find("image 0: class "), std::string::npos) << example.output;
  EXPECT_NE(run(std::string(QAT_BIN_DIR) + "/example " + bad).status, 0);
}

TEST(CApi, TheRuntimeLinksNothingHeavy) {
  const Ran needed = run("readelf -d " + std::string(QAT_BIN_DIR) + "/libqat_engine.so " + QAT_BIN_DIR +
                         "/libqat_core.so | grep NEEDED");
  ASSERT_EQ(needed.status, 0) << needed.output;
  ASSERT_NE(needed.output.find("libqat_core.so"), std::string::npos) << needed.output;
  for (const char* heavy : {"torch", "c10", "openvino", "protobuf", "onnx", "dnnl", "cuda", "gomp"}) {
    EXPECT_EQ(needed.output.find(heavy), std::string::npos) << heavy << " in\n" << needed.output;
  }
}

}  // namespace
}  // namespace qat::engine
