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
    run_trtexec(parse_words(all, {"build"})->context);
    ADD_FAILURE() << "exit code 3 was a success";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::kFailure);
    EXPECT_NE(std::string(error.what()).find("exit code 3"), std::string::npos) << error.what();
  }
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
