// Records of what was measured: stages, damaged lines, places that cannot be written, full disks.
#include "cli/results.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace qat::cli {
namespace {

namespace fs = std::filesystem;

TEST(Results, StagesByMetadataThenByName) {
  EXPECT_EQ(stage_of({{"stage", "calibrate"}}, "x.onnx"), "calibrated");
  EXPECT_EQ(stage_of({{"checkpoint", "checkpoint_quant_train_best.pth"}}, "x.onnx"), "QAT");
  EXPECT_EQ(stage_of({}, "outputs/checkpoint_normal_train_best.pth"), "original");
  EXPECT_EQ(stage_of({}, "outputs/x.pth"), "");
}

TEST(Results, RecordsAppendAndDamagedLinesAreSkipped) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_test_", getpid());
  config::Options options{.outputs = (folder / "deeper").string()};
  append_record(options, new_record("eval", "none.pth"));
  std::ofstream(folder / "deeper" / "results.jsonl", std::ios::app) << "{\"model\": \"x\", \"tru\n[1]\n\n";
  append_record(options, new_record("bench", "none.engine"));
  const std::vector<Json> records = read_records(options.outputs);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[0]["command"], "eval");
  EXPECT_EQ(records[1]["model"], "none.engine");
  EXPECT_EQ(records[0]["hash"], "");
  fs::remove_all(folder);
}

// Asked before the work; the question leaves nothing.
TEST(Results, WhatCannotBeRecordedIsKnownBefore) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_before_", getpid());
  fs::create_directories(folder / "a" / "results.jsonl");
  std::ofstream(folder / "file") << "x";
  for (const char* outputs : {"a", "file"}) {
    try {
      check_record({.outputs = (folder / outputs).string()});
      ADD_FAILURE() << outputs << " passed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kIo) << error.what();
    }
  }
  EXPECT_NO_THROW(check_record({.outputs = (folder / "new").string()}));
  EXPECT_FALSE(fs::exists(folder / "new"));
  fs::remove_all(folder);
}

TEST(Results, AFieldOfAnotherTypeNamesItsLine) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_types_", getpid());
  const config::Options options{.outputs = folder.string()};
  for (const char* fields : {R"("top1": "high")", R"("hash": 5)", R"("placeholder": 1)", R"("shape": [1])"}) {
    append_record(options, new_record("eval", "first.pth"));
    std::ofstream(folder / "results.jsonl", std::ios::app) << "{\"model\": \"x\", " << fields << "}\n";
    try {
      read_records(folder);
      ADD_FAILURE() << fields << " passed";
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::kBadFile);
      EXPECT_NE(std::string(error.what()).find("results.jsonl:2: "), std::string::npos) << error.what();
    }
    fs::remove_all(folder);
  }
}

// The disk fills up in the middle of a line: nothing of it stays, and the next record is whole. A line torn by a power
// failure spoils itself only.
TEST(Results, AFullDiskLeavesNoTornLine) {
  const fs::path folder = fs::temp_directory_path() / cat("qat_cli_full_", getpid());
  const fs::path file = folder / "results.jsonl";
  const config::Options options{.outputs = folder.string()};
  append_record(options, new_record("eval", "first.pth"));
  const auto size = fs::file_size(file);
  rlimit before{};
  getrlimit(RLIMIT_FSIZE, &before);
  const auto handler = std::signal(SIGXFSZ, SIG_IGN);
  const rlimit full{.rlim_cur = size + 20, .rlim_max = before.rlim_max};
  setrlimit(RLIMIT_FSIZE, &full);
  EXPECT_THROW(append_record(options, new_record("eval", "second.pth")), Error);
  setrlimit(RLIMIT_FSIZE, &before);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(fs::file_size(file), size);
  std::ofstream(file, std::ios::app) << "{\"model\": \"torn";
  append_record(options, new_record("eval", "third.pth"));
  const std::vector<Json> records = read_records(options.outputs);
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1]["model"], "third.pth");
  fs::remove_all(folder);
}

}  // namespace
}  // namespace qat::cli
