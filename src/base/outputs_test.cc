// Files that are about to be written: what is known before, and folders made.
#include "base/outputs.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/error.h"

namespace qat {
namespace {

namespace fs = std::filesystem;

class Outputs : public testing::Test {
 protected:
  Outputs() { fs::create_directories(folder_); }
  ~Outputs() override { fs::remove_all(folder_); }

  template <class Question>
  static Code code_of(const Question& question) {
    try {
      question();
    } catch (const Error& error) {
      return error.code();
    }
    return Code::kOk;
  }
  Code checked(const std::string& place) const {
    return code_of([&] { check_output(folder_ / place); });
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / cat("qat_outputs_", getpid());
};

TEST_F(Outputs, TheQuestionLeavesNothing) {
  EXPECT_EQ(checked("b/c/x.onnx"), Code::kOk);
  EXPECT_EQ(checked("x.onnx"), Code::kOk);
  EXPECT_TRUE(fs::is_empty(folder_));
  make_folder_of(folder_ / "b" / "c" / "x.onnx");
  EXPECT_EQ(checked("b/c/x.onnx"), Code::kOk);
  EXPECT_TRUE(fs::is_empty(folder_ / "b" / "c"));
}

TEST_F(Outputs, WhatCannotBeWrittenIsKnownBefore) {
  std::ofstream(folder_ / "file") << "x";
  fs::create_directories(folder_ / "b");
  fs::create_symlink("nowhere", folder_ / "link");
  for (const char* place : {"file/x.onnx", "file/deep/x.onnx", "link/x.onnx", "b", "d/"}) {
    EXPECT_EQ(checked(place), Code::kIo) << place;
  }
  EXPECT_EQ(code_of([&] { make_folder_of(folder_ / "file" / "x.onnx"); }), Code::kIo);
}

}  // namespace
}  // namespace qat
