// Engine files: round trips, and refusal of every damaged, truncated or foreign one.
#include "engine/plan/file.h"

#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>

#include "base/error.h"
#include "base/file.h"
#include "base/hash.h"
#include "base/random.h"

namespace qat::engine {
namespace {

// A plan of every kind of field: read -> conv -> write.
Plan small_plan() {
  auto storage = std::make_shared<std::vector<std::byte>>(512);
  for (size_t i = 0; i < storage->size(); ++i) (*storage)[i] = static_cast<std::byte>(i * 7);
  Plan plan;
  plan.rebuild = "qat build --onnx=net.onnx --int8";
  plan.network = "net";
  plan.precision = "int8";
  plan.placeholder = true;
  plan.input = {"input", 3, 4};
  plan.outputs = {{"output", 5, 2}};
  plan.profile = {{1, 3, 8, 8}, {2, 3, 8, 16}, {4, 3, 16, 16}};
  plan.metadata = {{"mean", "0.5"}, {"std", "0.25"}};
  PlanTensor x{.name = "x", .storage = Storage::kU8, .channels = 3, .scale = 0.5f, .zero = 128};
  PlanTensor y{.name = "y", .storage = Storage::kF32, .rank = 2, .channels = 5};
  plan.tensors = {x, y};
  Step read{.op = StepOp::kReadF32, .name = "input", .inputs = {-1}, .output = 0};
  Step conv{.op = StepOp::kConv,
            .name = "conv",
            .fused = "conv + relu",
            .kernel = "conv_s8_reference",
            .inputs = {0},
            .output = 1};
  conv.attrs.kernel = {3, 3};
  conv.attrs.scales = {0.25f};
  conv.attrs.sum_bits = 21;
  conv.blobs[0] = {256, 100};
  Step write{.op = StepOp::kWriteF32, .name = "output", .inputs = {1}, .output = -1};
  plan.steps = {read, conv, write};
  plan.schedule = {{.first = 1, .last = 2, .images = 2}};
  plan.blobs = {storage->data(), storage->size()};
  plan.owner = storage;
  return plan;
}

Plan reparse(const std::string& bytes) {
  auto copy = std::make_shared<std::string>(bytes);
  return parse(std::as_bytes(std::span(copy->data(), copy->size())), copy, "test.engine");
}

Code code_of(const std::string& bytes) {
  try {
    reparse(bytes);
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    return error.code();
  }
  return Code::kOk;
}

void put32(std::string& bytes, size_t at, uint32_t value) { std::memcpy(bytes.data() + at, &value, 4); }

std::string with_checksum(std::string bytes) {
  const uint64_t sum = hash64(bytes.data() + 16, bytes.size() - 16);
  std::memcpy(bytes.data() + 8, &sum, 8);
  return bytes;
}

TEST(EngineFile, RoundTripKeepsEveryField) {
  const std::string bytes = serialize(small_plan());
  const Plan plan = reparse(bytes);
  EXPECT_EQ(serialize(plan), bytes);
  EXPECT_EQ(plan.rebuild, "qat build --onnx=net.onnx --int8");
  EXPECT_TRUE(plan.placeholder);
  EXPECT_EQ(plan.steps[1].fused, "conv + relu");
  EXPECT_EQ(plan.steps[1].attrs.kernel[1], 3);
  EXPECT_EQ(plan.steps[1].attrs.scales, std::vector<float>{0.25f});
  EXPECT_EQ(plan.steps[1].attrs.sum_bits, 21);
  EXPECT_EQ(plan.profile.opt[3], 16);
  EXPECT_EQ(plan.metadata.at("std"), "0.25");
  EXPECT_EQ(plan.bytes(plan.steps[1].blobs[0])[1], static_cast<std::byte>(257 * 7 % 256));
}

TEST(EngineFile, EveryTruncationIsRefused) {
  const std::string bytes = serialize(small_plan());
  for (size_t size = 0; size < bytes.size(); ++size) {
    ASSERT_EQ(code_of(bytes.substr(0, size)), Code::kBadFile) << size << " of " << bytes.size() << " bytes";
  }
  EXPECT_EQ(code_of(bytes + '\0'), Code::kBadFile);
}

TEST(EngineFile, EveryBitFlipIsRefused) {
  const std::string bytes = serialize(small_plan());
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    std::string damaged = bytes;
    damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
    ASSERT_EQ(code_of(damaged), Code::kBadFile) << "bit " << bit;
  }
}

// What a forger would do: any field changed and the checksum made to fit. Nothing may crash or be believed blindly.
TEST(EngineFile, ForgedFieldsAreRefusedOrHarmless) {
  const std::string bytes = serialize(small_plan());
  const uint32_t values[] = {0, 1, 0x7FFFFFFFu, 0x80000000u, 0xFFFFFFFFu};
  for (size_t at = 16; at + 4 <= bytes.size(); ++at) {
    for (const uint32_t value : values) {
      std::string forged = bytes;
      put32(forged, at, value);
      if (forged == bytes) continue;
      const Code plain = code_of(forged), fitted = code_of(with_checksum(forged));
      ASSERT_EQ(plain, Code::kBadFile) << "byte " << at;
      const bool header_field = at < 64 && at % 4 == 0 && at != 56;  // 56: the ISA, where lower ones are true too
      ASSERT_FALSE(header_field && fitted == Code::kOk) << "header byte " << at << " = " << value;
      ASSERT_TRUE(fitted == Code::kOk || fitted == Code::kBadFile || fitted == Code::kWrongMachine) << at;
    }
  }
}

TEST(EngineFile, ForeignEnginesNameTheRemedy) {
  const std::string bytes = serialize(small_plan());
  std::string version = bytes, swapped = bytes;
  put32(version, 20, kPlanVersion + 1);
  put32(swapped, 16, 0x04030201);
  EXPECT_EQ(code_of(with_checksum(version)), Code::kWrongMachine);
  EXPECT_EQ(code_of(with_checksum(swapped)), Code::kWrongMachine);
  try {
    reparse(with_checksum(version));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(std::string(error.what()).find("qat build --onnx=net.onnx --int8"), std::string::npos) << error.what();
  }
}

TEST(EngineFile, AMachineWithoutTheIsaIsRefused) {
  if (cpu().best == Isa::kAmx) GTEST_SKIP() << "this machine runs everything";
  Plan plan = small_plan();
  plan.isa = Isa::kAmx;
  EXPECT_EQ(code_of(serialize(plan)), Code::kWrongMachine);
}

TEST(EngineFile, ValidationNamesTheStep) {
  const auto message = [](void (*break_it)(Plan&)) {
    Plan plan = small_plan();
    break_it(plan);
    try {
      validate(plan);
    } catch (const Error& error) {
      return std::string(error.what());
    }
    return std::string("accepted");
  };
  EXPECT_NE(message([](Plan& p) { p.steps[1].inputs = {1}; }).find("read before it is written"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.steps[1].inputs = {7}; }).find("conv conv: input"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.steps[1].blobs[0] = {256, ~0ull}; }).find("is not inside"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.tensors[0].scale = 0; }).find("tensor x"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.tensors[0].channels = -4; }).find("channels"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.profile.max[0] = 0; }).find("profile"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.steps.pop_back(); }).find("outputs"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.schedule[0].first = 0; }).find("cannot run in tiles"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.schedule[0].last = 1; }).find("group 0 of the schedule"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.schedule[0].last = 4; }).find("group 0 of the schedule"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.schedule[0].images = 0; }).find("images"), std::string::npos);
  EXPECT_NE(message([](Plan& p) { p.schedule.push_back(p.schedule[0]); }).find("first step"), std::string::npos);
}

// What a session undoes the pictures' normalization by is as many values as it reads.
TEST(EngineFile, AnEngineOfPicturesSaysItsNormalization) {
  const auto message = [](const char* mean, const char* std) -> std::string {
    Plan plan = small_plan();
    plan.input_mode = InputMode::kU8Nhwc;
    plan.metadata.clear();
    if (mean != nullptr) plan.metadata["mean"] = mean;
    if (std != nullptr) plan.metadata["std"] = std;
    try {
      reparse(serialize(plan));
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile);
      return error.what();
    }
    return "accepted";
  };
  EXPECT_EQ(message("0.5", "0.25"), "accepted");
  EXPECT_EQ(message("0.5,0.4,0.3", "[0.25, 0.25, 0.25]"), "accepted");
  const std::string expected = ": expected a value for each of 3 channels or one for all, as input u8_nhwc needs, got ";
  EXPECT_EQ(message(nullptr, "0.25"), "test.engine: [engine] metadata: mean" + expected + "0");
  EXPECT_EQ(message("0.5", nullptr), "test.engine: [engine] metadata: std" + expected + "0");
  EXPECT_EQ(message("0.5,0.5", "0.25"), "test.engine: [engine] metadata: mean" + expected + "2");
  EXPECT_EQ(message("0.5", "1,1,1,1"), "test.engine: [engine] metadata: std" + expected + "4");
  EXPECT_EQ(message("nan", "1"), "test.engine: [engine] metadata: mean" + expected + "0");
  EXPECT_EQ(message("0.5", "1,0,1").find("test.engine: [engine] metadata: its deviation [1, 0, 1] is not above 0;"),
            0u);
  EXPECT_EQ(message("127.5", "64").find("test.engine: [engine] metadata: its mean [127.5] and deviation [64] are"), 0u);
}

// The corpus that the fuzzer starts from reaches past the version only while it has the current one.
TEST(EngineFile, TheCorpusHasThisFormat) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(QAT_SOURCE_DIR "/tests/corpus/engine")) {
    ++files;
    try {
      EXPECT_FALSE(reparse(read_file(entry.path())).steps.empty());
    } catch (const Error& error) {  // another instruction set is no fault of the file
      EXPECT_EQ(std::string(error.what()).find("engine format"), std::string::npos) << error.what();
      EXPECT_EQ(error.code(), Code::kWrongMachine) << error.what();
    }
  }
  EXPECT_GE(files, 3u);
}

}  // namespace
}  // namespace qat::engine
