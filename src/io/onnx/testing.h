// Helpers of this folder's tests: a temporary folder, Python's judges, and comparisons that print the worst element.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/tensor.h"
#include "io/onnx/onnx.h"
#include "ir/interpret.h"

extern "C" void* qat_plugin();

namespace qat::onnxio::testing {

inline io::OnnxIo& onnx() { return *static_cast<io::OnnxIo*>(qat_plugin()); }

// Removed with everything in it.
class TempFolder {
 public:
  TempFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "qat_onnx_XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  std::string operator/(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

inline std::string python() { return std::string(QAT_DEPS_DIR) + "/venv/bin/python3"; }
inline bool has_python() { return std::filesystem::exists(python()); }
inline bool slow_tests() { return std::getenv("QAT_SLOW_TESTS") != nullptr; }

// Runs judge.py; a failure prints what it said.
inline bool judge(const std::string& arguments, std::string* said = nullptr) {
  TempFolder folder;
  const std::string packages = std::string(QAT_DEPS_DIR) + "/venv/lib/python3.11/site-packages/nvidia";
  const std::string command = "LD_LIBRARY_PATH=" + packages + "/cu13/lib:" + packages + "/nvshmem/lib " + python() +
                              " " + QAT_SOURCE_DIR + "/src/io/onnx/judge.py " + arguments + " > " + (folder / "log") +
                              " 2>&1";
  const int status = std::system(command.c_str());
  std::ifstream log(folder / "log");
  const std::string text((std::istreambuf_iterator<char>(log)), std::istreambuf_iterator<char>());
  if (said != nullptr) *said = text;
  EXPECT_EQ(status, 0) << text.substr(text.size() - std::min<size_t>(text.size(), 2000));
  return status == 0;
}

inline Tensor random_images(const Shape& shape, uint64_t seed = 5) {
  Tensor x(DType::kF32, shape);
  Random random(seed);
  for (float& v : x.data<float>()) v = static_cast<float>(random.normal());
  return x;
}

inline void write_raw(const std::string& path, const Tensor& x) {
  std::ofstream(path, std::ios::binary).write(static_cast<const char*>(x.raw()), static_cast<int64_t>(x.bytes()));
}

inline std::vector<float> read_raw(const std::string& path) {
  std::vector<float> y(std::filesystem::file_size(path) / sizeof(float));
  std::ifstream(path, std::ios::binary)
      .read(reinterpret_cast<char*>(y.data()), static_cast<int64_t>(y.size() * sizeof(float)));
  return y;
}

inline std::vector<float> logits(const ir::Graph& graph, const Tensor& x) {
  const Tensor y = ir::interpret(graph, {x}, {.threads = 1}).outputs.at(0);
  return {y.data<float>().begin(), y.data<float>().end()};
}

// max |a - b| / max |b|
inline void expect_close(const std::vector<float>& a, const std::vector<float>& b, double tolerance) {
  ASSERT_EQ(a.size(), b.size());
  ASSERT_FALSE(b.empty());
  double largest = 0, worst = 0;
  size_t at = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    if (!(difference <= worst)) worst = difference, at = i;
  }
  EXPECT_LE(worst / largest, tolerance) << "worst at " << at << ": " << a[at] << " and " << b[at];
  EXPECT_GT(largest, 0);
}

inline double cosine(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double ab = 0, aa = 0, bb = 0;
  for (size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
    ab += static_cast<double>(a[i]) * b[i];
    aa += static_cast<double>(a[i]) * a[i];
    bb += static_cast<double>(b[i]) * b[i];
  }
  return ab / std::sqrt(aa * bb);
}

}  // namespace qat::onnxio::testing
