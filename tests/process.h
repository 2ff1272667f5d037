// Runs the binary as a user does, and looks at what came out.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace qat::e2e {

struct Outcome {
  int code = -1;  // the exit code; 128 + the signal when one ended it
  std::string out, err;
  double seconds = 0;
};

struct RunOptions {
  std::filesystem::path folder;            // working folder ("": the test's)
  std::map<std::string, std::string> env;  // added to the environment
  int64_t file_bytes = 0;                  // no file may grow past this (0: no limit): a full disk
  std::string stdout_to;                   // a file in place of a pipe
  // Called every few milliseconds with the child's id while it runs.
  std::function<void(int pid)> meanwhile;
};

Outcome run(const std::vector<std::string>& command, const RunOptions& options = {});
Outcome qat(std::vector<std::string> words, const RunOptions& options = {});

// Runs a Python script of the judges; its first argument is the script's text. Empty path when there is no interpreter.
std::filesystem::path judge_python();
Outcome python(const std::string& script, const std::vector<std::string>& arguments);

// The failure that users see: this code, and one line on stderr that begins with "qat: " and holds `text`.
::testing::AssertionResult fails_with(const Outcome& outcome, int code, const std::string& text);

// An empty folder of its own, removed at the end.
class Folder {
 public:
  Folder();
  ~Folder();
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path path;
};

bool can_train();   // the training plugin lies beside the binary
bool slow_tests();  // QAT_SLOW_TESTS=1

}  // namespace qat::e2e
