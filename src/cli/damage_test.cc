// Damaged files through the command line, in this process: every truncation of a small file of each format, and flips
// and forged header fields of an engine. Each ends with its exit code and one line that names the file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/hash.h"
#include "base/random.h"
#include "cli/run.h"
#include "engine/compile/build.h"
#include "engine/plan/file.h"
#include "io/checkpoint.h"
#include "io/onnx/onnx.h"
#include "io/safetensors/safetensors.h"

namespace qat::cli {
namespace {

namespace fs = std::filesystem;

constexpr int kBadFile = static_cast<int>(Code::kBadFile), kWrongMachine = static_cast<int>(Code::kWrongMachine);

// A quantized classifier of one convolution and one Gemm.
ir::Graph small_graph() {
  Random random(3);
  const auto values = [&random](Shape shape) {
    Tensor t(DType::kF32, std::move(shape));
    for (float& x : t.data<float>()) x = static_cast<float>(random.uniform(-0.5, 0.5));
    return t;
  };
  ir::Graph graph;
  graph.name = "small";
  const auto fake_quant = [&](const std::string& name, ir::ValueId value, int lo) {
    const auto amax = graph.add_buffer(name + "._amax", Tensor::from<float>({1.5f}, {1}));
    return graph.add_node(ir::Op::kFakeQuant, name, {value, amax}, ir::FakeQuantAttrs{.lo = lo});
  };
  const auto x = fake_quant("conv._input_quantizer", graph.add_input("input", {ir::kDynamic, 1, 4, 4}), -128);
  const auto w = fake_quant("conv._weight_quantizer", graph.add_parameter("conv.weight", values({2, 1, 3, 3})), -127);
  const auto conv = graph.add_node(ir::Op::kConv, "conv", {x, w}, ir::ConvAttrs{});
  const auto relu = graph.add_node(ir::Op::kRelu, "relu", {conv});
  const auto flat = graph.add_node(ir::Op::kFlatten, "flatten", {relu}, ir::AxisAttrs{});
  const auto fx = fake_quant("fc._input_quantizer", flat, -128);
  const auto fw = fake_quant("fc._weight_quantizer", graph.add_parameter("fc.weight", values({3, 8})), -127);
  graph.outputs = {graph.add_node(ir::Op::kGemm, "fc", {fx, fw, graph.add_parameter("fc.bias", values({3}))})};
  graph.metadata = {{"mean", "0.5"}, {"std", "0.5"}, {"stage", "calibrate"}};
  return graph;
}

// The bytes of an engine, its header's checksum made to fit.
std::string with_checksum(std::string bytes) {
  constexpr size_t kChecksum = 8, kHashedFrom = 16;
  const uint64_t sum = hash64(bytes.data() + kHashedFrom, bytes.size() - kHashedFrom);
  std::memcpy(bytes.data() + kChecksum, &sum, sizeof sum);
  return bytes;
}

struct Outcome {
  int code;
  std::string err;
};

class Damage : public testing::Test {
 protected:
  Damage() {
    fs::create_directories(folder_);
    err_ = memfd_create("stderr", 0);
  }
  ~Damage() override {
    close(err_);
    fs::remove_all(folder_);
  }

  // What the shell would see of `qat inspect FILE`.
  Outcome inspect(const fs::path& file) const {
    const std::string path = file.string();
    const char* words[] = {"qat", "inspect", path.c_str()};
    EXPECT_EQ(ftruncate(err_, 0), 0);
    EXPECT_EQ(lseek(err_, 0, SEEK_SET), 0);
    const int real = dup(STDERR_FILENO);
    dup2(err_, STDERR_FILENO);
    const int code = run(3, words);
    dup2(real, STDERR_FILENO);
    close(real);
    std::string text(static_cast<size_t>(lseek(err_, 0, SEEK_END)), '\0');
    EXPECT_EQ(pread(err_, text.data(), text.size(), 0), static_cast<ssize_t>(text.size()));
    return {code, text};
  }

  static bool one_line(const std::string& err, const fs::path& file) {
    return err.starts_with("qat: ") && err.find('\n') == err.size() - 1 && err.find(file.string()) != std::string::npos;
  }

  void expect_refused(const fs::path& file, const std::string& what) const {
    const Outcome outcome = inspect(file);
    ASSERT_EQ(outcome.code, kBadFile) << what << ": " << outcome.err;
    ASSERT_TRUE(one_line(outcome.err, file)) << what << ": " << outcome.err;
  }

  void expect_every_truncation_refused(const fs::path& file) const {
    testing::internal::CaptureStdout();
    const Outcome whole = inspect(file);
    testing::internal::GetCapturedStdout();
    ASSERT_EQ(whole.code, 0) << whole.err;
    const auto size = fs::file_size(file);
    for (auto length = size; length-- > 0;) {
      fs::resize_file(file, length);
      expect_refused(file, cat(length, " of ", size, " bytes"));
      if (HasFatalFailure()) return;
    }
  }

  // Without write_file's syncs: there are a thousand.
  static void put(const fs::path& file, const std::string& bytes) { std::ofstream(file, std::ios::binary) << bytes; }

  static std::string engine_bytes() {
    engine::BuildRequest request{.graph = small_graph(), .precision = "int8"};
    request.tactic_seconds = 0;
    return serialize(engine::build(std::move(request)).plan);
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / cat("qat_damage_", getpid());
  int err_ = -1;
};

TEST_F(Damage, EveryTruncationOfACheckpoint) {
  io::save_checkpoint(folder_ / "a.pth", {.graph = small_graph(), .training = {}});
  expect_every_truncation_refused(folder_ / "a.pth");
}

TEST_F(Damage, EveryTruncationOfASafetensorsFile) {
  io::Safetensors content;
  content.tensors.emplace_back("weight", Tensor::from<float>({1, 2, 3, 4}, {2, 2}));
  io::write_safetensors(folder_ / "a.safetensors", content);
  expect_every_truncation_refused(folder_ / "a.safetensors");
}

TEST_F(Damage, EveryTruncationOfAnOnnxFile) {
  io::onnx().write(folder_ / "a.onnx", small_graph(), {});
  expect_every_truncation_refused(folder_ / "a.onnx");
}

TEST_F(Damage, EveryTruncationOfAnEngine) {
  put(folder_ / "a.engine", engine_bytes());
  expect_every_truncation_refused(folder_ / "a.engine");
}

TEST_F(Damage, AThousandRandomFlipsOfAnEngine) {
  const fs::path file = folder_ / "a.engine";
  const std::string bytes = engine_bytes();
  Random random(17);
  for (int i = 0; i < 1000; ++i) {
    std::string damaged = bytes;
    const auto at = static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size())));
    damaged[at] = static_cast<char>(damaged[at] ^ (1 + random.below(255)));
    put(file, damaged);
    expect_refused(file, cat("byte ", at));
    if (HasFatalFailure()) return;
  }
}

// With a checksum that fits, the reader itself is what stands between the bytes and the memory they name.
TEST_F(Damage, AThousandFlipsBehindTheChecksum) {
  const fs::path file = folder_ / "a.engine";
  const std::string bytes = engine_bytes();
  Random random(19);
  int accepted = 0;
  for (int i = 0; i < 1000; ++i) {
    std::string damaged = bytes;
    for (int64_t flips = 1 + random.below(3); flips > 0; --flips) {
      damaged[static_cast<size_t>(random.below(static_cast<int64_t>(bytes.size())))] ^=
          static_cast<char>(1 + random.below(255));
    }
    put(file, with_checksum(damaged));
    testing::internal::CaptureStdout();
    const Outcome outcome = inspect(file);
    testing::internal::GetCapturedStdout();
    accepted += outcome.code == 0 ? 1 : 0;
    const bool refused = outcome.code == kBadFile || outcome.code == kWrongMachine;
    ASSERT_TRUE(outcome.code == 0 || (refused && outcome.err.starts_with("qat: "))) << i << ": " << outcome.err;
    ASSERT_LE(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  }
  EXPECT_GT(accepted, 0);  // weights may be anything
  EXPECT_LT(accepted, 1000);
}

// As they are the checksum refuses them; with the checksum made to fit, each field is judged by itself.
TEST_F(Damage, EveryForgedFieldOfAnEnginesHeader) {
  constexpr size_t kHeader = 64, kIsa = 56;
  const fs::path file = folder_ / "a.engine";
  const std::string bytes = engine_bytes();
  for (size_t at = 0; at < kHeader; at += 4) {
    for (const uint32_t value : {0u, 1u, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu}) {
      std::string forged = bytes;
      std::memcpy(forged.data() + at, &value, 4);
      if (forged == bytes) continue;
      const std::string what = cat("header byte ", at, " = ", value);
      put(file, forged);
      expect_refused(file, what);
      forged = with_checksum(forged);
      const bool lower_isa = at == kIsa && value < 2;  // true of this engine too, and allowed
      if (forged == bytes || lower_isa) continue;
      put(file, forged);
      const Outcome outcome = inspect(file);
      ASSERT_TRUE(outcome.code == kBadFile || outcome.code == kWrongMachine) << what << ": " << outcome.err;
      ASSERT_TRUE(one_line(outcome.err, file)) << what << ": " << outcome.err;
    }
  }
}

}  // namespace
}  // namespace qat::cli
