// The timing cache: what is kept, what is ignored, and that nothing of it ends a build.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>

#include "base/file.h"
#include "engine/compile/tactics.h"
#include "engine/compile/test_networks.h"

namespace qat::engine {
namespace {

namespace fs = std::filesystem;

class Cache : public testing::Test {
 protected:
  Cache() { fs::create_directories(folder_); }
  ~Cache() override { fs::remove_all(folder_); }

  const fs::path folder_ = fs::path(testing::TempDir()) / cat("qat_cache_", getpid());
  const fs::path file_ = folder_ / "timing.cache";
};

TEST_F(Cache, KeepsWhatWasMeasured) {
  TimingCache cache(file_);
  cache.add("cpu | conv | a", 12.5);
  EXPECT_EQ(cache.save(), "");
  const TimingCache again(file_);
  EXPECT_EQ(again.find("cpu | conv | a"), 12.5);
  EXPECT_FALSE(again.find("cpu | conv | b").has_value());
}

// So that a build compares the numbers that the next one from its cache will.
TEST_F(Cache, FindsWhatItsFileKeeps) {
  constexpr double kTimes[] = {0.12345678, 5.55555555, 99.9999999, 12345.678, 1234567.8, 1e-7, 1.0 / 3};
  TimingCache cache(file_);
  for (const double time : kTimes) cache.add(cat("key ", time), time);
  EXPECT_EQ(cache.save(), "");
  const TimingCache again(file_);
  for (const double time : kTimes) {
    const std::optional<double> found = cache.find(cat("key ", time));
    ASSERT_TRUE(found.has_value());
    EXPECT_EQ(again.find(cat("key ", time)), found) << time;
    EXPECT_NEAR(*found, time, 1e-5 * time);
  }
}

TEST_F(Cache, DamagedLinesAndOtherVersionsAreIgnored) {
  write_file(file_, "qat timing cache 3\nno tab\n-5\tnegative\nx\tno number\n7\tgood\n3");
  const TimingCache damaged(file_);
  EXPECT_EQ(damaged.find("good"), 7.0);
  EXPECT_FALSE(damaged.find("negative").has_value());
  EXPECT_FALSE(damaged.find("no number").has_value());
  for (const char* content : {"", "qat timing cache 99\n7\tgood\n", "qat timing cache 3x"}) {
    write_file(file_, content);
    TimingCache other(file_);
    EXPECT_FALSE(other.find("good").has_value()) << content;
    other.add("new", 1);
    EXPECT_EQ(other.save(), "") << content;
    EXPECT_EQ(TimingCache(file_).find("new"), 1.0) << content;
  }
}

TEST_F(Cache, AFileOfAnotherKindStaysAsItIs) {
  for (const char* content : {"precious: 1\n", "\nqat timing cache 3\n", "qat timing\n"}) {
    write_file(file_, content);
    TimingCache cache(file_);
    cache.add("new", 1);
    EXPECT_NE(cache.save().find("is no timing cache"), std::string::npos) << content;
    EXPECT_EQ(read_file(file_), content);
  }
}

// Neither ends a build; one that nobody may write is not replaced.
TEST_F(Cache, AFileThatCannotBeReadOrWrittenStaysAsItIs) {
  write_file(file_, "qat timing cache 3\n7\tgood\n");
  fs::permissions(file_, fs::perms::owner_read | fs::perms::group_read | fs::perms::others_read);
  TimingCache read_only(file_);
  EXPECT_EQ(read_only.find("good"), 7.0);
  read_only.add("new", 1);
  EXPECT_NE(read_only.save().find("is read-only"), std::string::npos);
  EXPECT_EQ(read_file(file_), "qat timing cache 3\n7\tgood\n");
  TimingCache folder(folder_);
  folder.add("new", 1);
  EXPECT_NE(folder.save().find(folder_.string()), std::string::npos);
  for (const fs::path& path : {file_, folder_})
    EXPECT_NE(timing_cache_note(path).find("is not kept"), std::string::npos);
}

// Known before the build, in the same words.
TEST_F(Cache, WhatItWillNotKeepIsKnownBefore) {
  EXPECT_EQ(timing_cache_note(""), "");
  EXPECT_EQ(timing_cache_note(file_), "");
  EXPECT_TRUE(fs::is_empty(folder_));
  write_file(file_, "precious: 1\n");
  for (const fs::path& path : {file_, folder_ / "none" / "timing.cache"}) {
    TimingCache cache(path);
    cache.add("new", 1);
    EXPECT_NE(timing_cache_note(path), "");
    EXPECT_EQ(timing_cache_note(path), cache.save());
  }
}

// No room for the cache's file: the engine is there all the same, with a note.
TEST_F(Cache, AFullDiskCostsNoBuild) {
  BuildRequest request{.graph = test::quantized_network("resnet8"),
                       .profile = {{1, 3, 32, 32}, {1, 3, 32, 32}, {1, 3, 32, 32}}};
  request.precision = "int8";
  request.tactic_seconds = 0.05;
  request.timing_cache = file_;
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{.rlim_cur = 8, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  const BuildResult result = build(std::move(request));
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(result.plan.steps.empty());
  ASSERT_FALSE(result.report.notes.empty());
  EXPECT_NE(result.report.notes.back().find(file_.string()), std::string::npos) << result.report.notes.back();
  EXPECT_TRUE(fs::is_empty(folder_));
}

}  // namespace
}  // namespace qat::engine
