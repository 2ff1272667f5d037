// What the tests of this room share: temporary folders, image writers, random pixels, the Python judge.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/random.h"
#include "base/tensor.h"

namespace qat::data::testing {

// A folder that is removed with its content.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

// u8 [H,W,C]: noise mixed with flat areas and ramps, extremes included.
Tensor random_pixels(int64_t height, int64_t width, int64_t channels, Random& random);

// Files in memory by libjpeg and libpng. C = 1 or 3.
std::string encode_jpeg(const Tensor& pixels, int quality = 90);
std::string encode_png(const Tensor& pixels);

// Writes `content`, with its parent folders.
void put_file(const std::filesystem::path& path, const std::string& content);

// Runs src/data/pillow_judge.py with the arguments. False when the Python of the dependencies is missing (skip then);
// a failing script fails the test.
bool run_judge(const std::string& arguments);

// Asserts that both are equal, and shows the first and the worst pixel that differs.
void expect_equal_pixels(const Tensor& expected, const Tensor& got, const std::string& what);

// The message of the Error that `action` throws; fails the test when its code is another or nothing is thrown.
std::string error_of(Code code, const std::function<void()>& action);

}  // namespace qat::data::testing
