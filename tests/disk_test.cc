// A disk that is full: exit code 7, one line that says what to do, and whatever was there stays as it was.
#include "base/file.h"
#include "process.h"
#include "small_model.h"

namespace qat::e2e {
namespace {

namespace fs = std::filesystem;

// `qat` in a name space of its own, where `place` is a disk of 64 KiB on which `prepare` ran; prints what is left
// there.
Outcome on_a_small_disk(const fs::path& place, const std::string& prepare, const std::string& words) {
  const std::string disk = place.string();
  return run({"unshare", "--mount", "bash", "-c",
              "mount -t tmpfs -o size=64k none " + disk + " && cd " + disk + " && " + prepare + " && { " + QAT_BINARY +
                  " " + words + "; code=$?; ls -A; exit $code; }"});
}

bool may_mount() {
  const Folder folder;
  return run({"unshare", "--mount", "mount", "-t", "tmpfs", "none", folder.path}).code == 0;
}

TEST(FullDisk, ARealOne) {
  if (!may_mount()) GTEST_SKIP() << "mounting is not allowed here";
  const Folder folder, disk;
  const fs::path onnx = folder.path / "small.onnx", large = folder.path / "large.onnx";
  write_small_model(onnx, {.channels = 4});
  write_small_model(large, {.channels = 200});
  const std::string build = "build --int8 --onnx=" + large.string() + " --saveEngine=a.engine";
  const Outcome engine = on_a_small_disk(disk.path, "touch old", build);
  EXPECT_TRUE(fails_with(engine, 7, "a.engine: No space left on device; free disk space or choose another folder"));
  EXPECT_EQ(engine.out, "old\n") << "something half-written is left";
  // No room for the timing cache, but the engine lies elsewhere.
  const fs::path elsewhere = folder.path / "ok.engine";
  const Outcome cache = on_a_small_disk(
      disk.path, "{ head -c 65536 /dev/zero > filler; true; }",
      "build --int8 --onnx=" + onnx.string() + " --saveEngine=" + elsewhere.string() + " --timingCacheFile=cache");
  EXPECT_EQ(cache.code, 0) << cache.err;
  EXPECT_NE(cache.err.find("what this build measures, if anything, is not kept: cannot write cache: No space left"),
            std::string::npos)
      << cache.err;
  EXPECT_TRUE(fs::exists(elsewhere));
}

// The same by a limit on the size of files, which needs no rights.
TEST(FullDisk, EveryCommandThatWrites) {
  const Folder folder;
  write_small_model(folder.path / "small.onnx", {.channels = 64});
  const RunOptions there{.folder = folder.path};
  ASSERT_EQ(qat({"build", "--int8", "--onnx=small.onnx", "--saveEngine=a.engine"}, there).code, 0);
  const std::string before = read_file(folder.path / "a.engine");
  RunOptions full = there;
  full.file_bytes = 10;
  const std::string remedy = "; free disk space";
  EXPECT_TRUE(fails_with(qat({"build", "--int8", "--onnx=small.onnx", "--saveEngine=a.engine"}, full), 7, remedy));
  EXPECT_EQ(read_file(folder.path / "a.engine"), before);
  const std::vector<std::string> bench{"bench", "a.engine", "--duration=0.01", "--warmUp=0", "--iterations=2"};
  EXPECT_TRUE(fails_with(qat(bench, full), 7, "results.jsonl"));
  EXPECT_EQ(fs::file_size(folder.path / "outputs/results.jsonl"), 0u) << "a torn line";
  ASSERT_EQ(qat(bench, there).code, 0);
  EXPECT_TRUE(fails_with(qat({"report"}, full), 7, "report.md"));
  EXPECT_FALSE(fs::exists(folder.path / "outputs/report.md"));
  for (const char* flag : {"--exportTimes=x.json", "--exportProfile=x.json", "--exportLayerInfo=x.json"}) {
    std::vector<std::string> words = bench;
    words.emplace_back(flag);
    EXPECT_TRUE(fails_with(qat(words, full), 7, "x.json")) << flag;
    EXPECT_FALSE(fs::exists(folder.path / "x.json")) << flag;
  }
}

}  // namespace
}  // namespace qat::e2e
