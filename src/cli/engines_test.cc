// Building from the command line: names, shapes, what trtexec gets, and that no input is written over.
#include "cli/engines.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "cli/parse.h"
#include "cli/trtexec.h"

namespace qat::cli {
namespace {

namespace fs = std::filesystem;

std::vector<Command> commands() { return {build_command(), bench_command()}; }

std::optional<Parsed> parse_words(const std::vector<Command>& all, std::vector<const char*> words) {
  words.insert(words.begin(), "qat");
  return parse(all, static_cast<int>(words.size()), words.data());
}

TEST(Engines, DefaultNamesFollowTheOnnxFile) {
  config::Options options;
  EXPECT_EQ(engine_path(options), "outputs/save_engine/engine_quant_True_dynamic_input_True.engine");
  options.build.onnx = "x/net.onnx";
  EXPECT_EQ(engine_path(options), "outputs/save_engine/engine_net.engine");
  options.build.engine = "y.engine";
  EXPECT_EQ(engine_path(options), "y.engine");
}

TEST(Engines, ShapesNameTheNetworksInput) {
  EXPECT_EQ(shape_for("input:1x3x64x65", "input"), (engine::InputShape{1, 3, 64, 65}));
  EXPECT_EQ(shape_for("a:0:1x3x64x65", "a:0"), (engine::InputShape{1, 3, 64, 65}));
  EXPECT_EQ(shape_for("1x3x64x65", "input"), (engine::InputShape{1, 3, 64, 65}));
  EXPECT_THROW(shape_for("in:1x3x64x65", "input"), Error);
}

engine::Roof roof(double amx_operations) {
  return {.threads = 2,
          .int8_operations = 1e12,
          .float_operations = 2e11,
          .amx_operations = amx_operations,
          .near_bytes = 1e11,
          .far_bytes = 1e10,
          .near_size = 1e6};
}

// 2 ms at the peak of vpdpbusd, 0.25 at one of 8e12; and 1 ms at that of vpdpbusd.
std::vector<engine::StepProfile> two_steps() {
  return {
      {.name = "a", .kernel = "conv_s8_16x32_amx", .precision = "int8", .milliseconds = 1, .operations = 2e9},
      {.name = "b", .kernel = "conv_s8_14x32_avx512vnni", .precision = "int8", .milliseconds = 3, .operations = 1e9}};
}

std::string last_lines(const std::string& text) { return text.substr(text.find("peaks of")); }

TEST(Engines, RooflineNamesBothPeaksWhereBothApply) {
  EXPECT_EQ(
      last_lines(roofline_table(two_steps(), roof(8e12))),
      "peaks of 2 threads: int8 1000 Gop/s, int8 by AMX 8000 Gop/s, fp32 200 Gop/s, L2 100 GB/s, behind it 10 GB/s\n"
      "all layers: 4.000 ms, at their bounds 1.250 ms; int8 750 Gop/s, 31.2 % of the peaks\n");
  const Json json = roofline_json(two_steps(), roof(8e12));
  EXPECT_EQ(json["int8_operations_per_s"], 1e12);
  EXPECT_EQ(json["int8_amx_operations_per_s"], 8e12);
  EXPECT_DOUBLE_EQ(json["layers"][0]["reached"], 0.25);
  EXPECT_DOUBLE_EQ(json["layers"][1]["reached"], 1.0 / 3);
}

TEST(Engines, RooflineWithoutAmxHasOnePeak) {
  const std::vector<engine::StepProfile> steps{two_steps()[1]};
  EXPECT_EQ(last_lines(roofline_table(steps, roof(0))),
            "peaks of 2 threads: int8 1000 Gop/s, fp32 200 Gop/s, L2 100 GB/s, behind it 10 GB/s\n"
            "all layers: 3.000 ms, at their bounds 1.000 ms; int8 333 Gop/s, 33.3 % of the peak\n");
  EXPECT_FALSE(roofline_json(steps, roof(0)).contains("int8_amx_operations_per_s"));
}

TEST(Engines, RooflineOfFloatLayersGivesTheirRate) {
  std::vector<engine::StepProfile> steps{
      {.name = "a", .kernel = "onednn", .precision = "fp32", .milliseconds = 4, .operations = 4e8}};
  const auto tail = [&steps] {
    const std::string text = roofline_table(steps, roof(8e12));
    return text.substr(text.rfind("ms; "));
  };
  EXPECT_EQ(tail(), "ms; fp32 100 Gop/s, 50.0 % of the peak\n");
  steps[0].precision = "bf16";
  EXPECT_EQ(tail(), "ms; bf16 100 Gop/s\n");
  steps[0].operations = 0;
  const std::string text = roofline_table(steps, roof(0));
  EXPECT_TRUE(text.ends_with("ms, at their bounds 0.000 ms\n")) << text;
}

TEST(Engines, RooflineSaysWhichPeakIsNone) {
  using engine::Peak;
  EXPECT_EQ(roofline_note(two_steps(), roof(8e12)), "");
  engine::Roof busy = roof(8e12);
  busy.spread_of(Peak::kInt8) = 0.14;
  // No layer of these is bound by memory or of float.
  busy.spread_of(Peak::kFar) = busy.spread_of(Peak::kNear) = busy.spread_of(Peak::kFloat) = 0.9;
  EXPECT_EQ(roofline_note(two_steps(), busy), "");
  busy.spread_of(Peak::kAmx) = 0.32;
  EXPECT_EQ(
      roofline_note(two_steps(), busy),
      "readings of the same peak differ (AMX int8 by 32 %): the machine was busy, shares of such peaks say little; "
      "repeat it on an idle machine");
  EXPECT_EQ(roofline_json(two_steps(), busy)["spread"],
            (Json{{"int8", 0.14}, {"fp32", 0.9}, {"l2", 0.9}, {"far", 0.9}, {"int8_amx", 0.32}}));
  std::vector<engine::StepProfile> steps = two_steps();
  steps[1].bytes = 1e8;
  EXPECT_NE(roofline_note(steps, busy).find("differ (AMX int8 by 32 %, memory by 90 %): "), std::string::npos);
}

TEST(Engines, RooflineTellsLayersThatAreTooFast) {
  std::vector<engine::StepProfile> steps = two_steps();
  const auto note = [&steps](size_t step, const char* kernel, double share) {
    std::vector<engine::StepProfile> list = steps;
    list[step].kernel = kernel;
    list[step].milliseconds = engine::reached(list[step], roof(8e12), 0).milliseconds / share;
    return roofline_note(list, roof(8e12));
  };
  constexpr const char *kPlain = "conv_s8_14x32_avx512vnni", *kAmx = "conv_s8_16x32_amx",
                       *kWinograd = "conv_s8_winograd_avx512vnni";
  EXPECT_EQ(note(1, kPlain, 1.25),
            "b reached 125 % of its bound, more than docs/roofline.md explains; repeat it on an idle machine");
  EXPECT_EQ(note(1, kPlain, 1.04), "");
  // A quarter more of AMX on zeros; Winograd does in a time what others do in two.
  EXPECT_EQ(note(0, kAmx, 1.25), "");
  EXPECT_NE(note(0, kAmx, 1.4), "");
  EXPECT_EQ(note(1, kWinograd, 1.9), "");
  EXPECT_NE(note(1, kWinograd, 2.2).find("b reached 220 % of its bound"), std::string::npos);
  // Bytes that are near all the same: 1e11 a second, not 1e10.
  steps[1].bytes = 1e8;
  EXPECT_EQ(note(1, kPlain, 8), "");
  EXPECT_NE(note(1, kPlain, 12), "");
}

TEST(Engines, TacticsSayWhichPeakTheyReach) {
  engine::LayerReport layer{.layer = "a", .precision = "int8", .kernel = "conv_s8_16x32_amx", .candidates = 3};
  EXPECT_EQ(tactic_text(layer, roof(8e12)), "tactic: a: conv_s8_16x32_amx (int8)");
  layer.milliseconds = 1, layer.operations = 2e9;
  EXPECT_EQ(tactic_text(layer, roof(8e12)),
            "tactic: a: conv_s8_16x32_amx (int8), 1 ms, best of 3, 25 % of AMX's int8 peak");
  EXPECT_EQ(tactic_text(layer, {}), "tactic: a: conv_s8_16x32_amx (int8), 1 ms, best of 3");
  layer.kernel = "conv_s8_14x32_avx512vnni", layer.milliseconds = 4;
  EXPECT_EQ(tactic_text(layer, roof(8e12)),
            "tactic: a: conv_s8_14x32_avx512vnni (int8), 4 ms, best of 3, 50 % of the int8 peak");
  // One figure for both peaks: the kernel tells which is its own.
  EXPECT_EQ(tactic_text(layer, roof(1e12)),
            "tactic: a: conv_s8_14x32_avx512vnni (int8), 4 ms, best of 3, 50 % of the int8 peak");
  layer.kernel = "onednn", layer.precision = "fp32";
  EXPECT_EQ(tactic_text(layer, roof(8e12)), "tactic: a: onednn (fp32), 4 ms, best of 3");
}

TEST(Engines, TrtexecGetsTheSameFlags) {
  const std::vector<Command> all = commands();
  const auto parsed = parse_words(all, {"build", "--onnx=a.onnx", "--saveEngine=b.engine", "--best", "--verbose",
                                        "--maxShapes=input:256x3x224x224"});
  EXPECT_EQ(trtexec_command(parsed->context),
            (std::vector<std::string>{"trtexec", "--onnx=a.onnx", "--saveEngine=b.engine",
                                      "--maxShapes=input:256x3x224x224", "--best", "--verbose"}));
}

TEST(Engines, TrtexecGetsOnlyWhatIsSaid) {
  const std::vector<Command> all = commands();
  const auto command = [&all](std::vector<const char*> words) {
    words.insert(words.begin(), {"build", "--onnx=a.onnx", "--saveEngine=b.engine"});
    const std::vector<std::string> whole = trtexec_command(parse_words(all, words)->context);
    return join(std::vector(whole.begin() + 3, whole.end()), " ");
  };
  EXPECT_EQ(command({}), "");
  EXPECT_EQ(command({"--fp32"}), "");
  EXPECT_EQ(command({"--int8", "--fp16"}), "--int8 --fp16");
  EXPECT_EQ(command({"BUILD.PRECISION=int8"}), "--int8");
  for (const char* word : {"--threads=2", "--disable-pass=fuse_adds", "BUILD.INPUT=u8_nhwc", "--json", "--quiet"}) {
    EXPECT_THROW(command({word}), Error) << word;
  }
}

TEST(Engines, TrtexecsFailureIsOurs) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_trtexec_", getpid());
  fs::create_directories(folder);
  std::ofstream(folder / "trtexec") << "#!/bin/sh\nexit 3\n";
  fs::permissions(folder / "trtexec", fs::perms::owner_all);
  const char* const before = std::getenv("PATH");
  ASSERT_NE(before, nullptr);
  const std::string path = before;
  setenv("PATH", (folder.string() + ":" + path).c_str(), 1);
  const std::vector<Command> all = commands();
  try {
    const std::string save = "--saveEngine=" + (folder / "new" / "a.engine").string();
    run_trtexec(parse_words(all, {"build", save.c_str()})->context);
    ADD_FAILURE() << "exit code 3 was a success";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kFailure);
    EXPECT_NE(std::string(error.what()).find("exit code 3"), std::string::npos) << error.what();
  }
  EXPECT_TRUE(fs::is_directory(folder / "new")) << "trtexec makes no folder for its engine";
  setenv("PATH", path.c_str(), 1);
  fs::remove_all(folder);
}

// By whatever path: the file that is read is never written over.
TEST(Engines, NoCommandWritesOverItsInput) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_input_", getpid());
  fs::create_directories(folder);
  std::ofstream(folder / "a.onnx") << "model";
  fs::create_symlink("a.onnx", folder / "link.onnx");
  const std::string file = (folder / "a.onnx").string(), onnx = "--onnx=" + file;
  const std::vector<Command> all = commands();
  for (const char* other : {"a.onnx", "./a.onnx", "link.onnx"}) {
    const std::string path = folder.string() + "/" + other, save = "--saveEngine=" + path;
    for (const std::vector<const char*>& words : {std::vector{"build", onnx.c_str(), save.c_str()},
                                                  {"bench", onnx.c_str(), save.c_str()},
                                                  {"bench", onnx.c_str(), "--exportProfile", path.c_str()},
                                                  {"bench", file.c_str(), "--exportTimes", path.c_str()},
                                                  {"build", onnx.c_str(), "--timingCacheFile", path.c_str()}}) {
      auto parsed = parse_words(all, words);
      try {
        parsed->command->run(parsed->context);
        ADD_FAILURE() << join(words, " ") << " wrote over its input";
      } catch (const Error& error) {
        EXPECT_NE(std::string(error.what()).find("is the input itself"), std::string::npos) << error.what();
      }
      EXPECT_EQ(read_file(file), "model");
    }
  }
  fs::remove_all(folder);
}

TEST(Engines, TheRebuildCommandRepeatsEveryOptionOfTheBuild) {
  const std::vector<Command> all = commands();
  const auto parsed =
      parse_words(all, {"build", "--onnx=my net's.onnx", "--saveEngine=b.engine", "--optShapes=input:4x3x8x8",
                        "--threads=3", "--disable-pass=fuse_adds,fuse_activations", "BUILD.INPUT=u8_nhwc"});
  const std::string command = rebuild_command(parsed->context, "fp32");
  EXPECT_EQ(command,
            "qat build --onnx='my net'\\''s.onnx' --saveEngine=b.engine --optShapes=input:4x3x8x8 BUILD.PRECISION=fp32 "
            "BUILD.INPUT=u8_nhwc --threads=3 --disable-pass=fuse_adds,fuse_activations");
  const auto plain = parse_words(all, {"build", "--onnx=a.onnx", "--saveEngine=b.engine"});
  EXPECT_EQ(rebuild_command(plain->context, "best"),
            "qat build --onnx=a.onnx --saveEngine=b.engine BUILD.PRECISION=best");
}

}  // namespace
}  // namespace qat::cli
