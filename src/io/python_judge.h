// For tests: runs a Python script with the judges' interpreter (torch, torchvision, numpy), once per call.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <string>

#include "base/file.h"

namespace qat::testing {

inline std::filesystem::path python() { return std::filesystem::path(QAT_DEPS_DIR) / "venv/bin/python3"; }
inline bool has_python() { return std::filesystem::exists(python()); }

// A fresh folder, removed at the end.
class TempFolder {
 public:
  TempFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "qat-io-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// Runs the script in `folder`; returns what it printed, with a last line "exit N" when it failed.
inline std::string run_python(const TempFolder& folder, const std::string& script) {
  write_file(folder / "script.py", script);
  const std::string libraries = std::string(QAT_DEPS_DIR) + "/venv/lib/python3*/site-packages/nvidia/*/lib";
  const std::string command = "cd '" + folder.path().string() + "' && LD_LIBRARY_PATH=$(echo " + libraries +
                              " | tr ' ' ':') OMP_NUM_THREADS=1 '" + python().string() + "' script.py >out.txt 2>&1";
  const int status = std::system(command.c_str());
  std::string output = read_file(folder / "out.txt");
  if (status != 0) output += "exit " + std::to_string(status);
  return output;
}

}  // namespace qat::testing
