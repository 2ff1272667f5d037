// The helpers of data_testing.h, in the test program only.
#include "data/data_testing.h"

#include <gtest/gtest.h>
#include <png.h>
#include <unistd.h>

#include <cstdlib>

#include "base/file.h"
#include "data/libjpeg.h"

namespace qat::data::testing {

TemporaryFolder::TemporaryFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "qat_data_XXXXXX").string();
  if (mkdtemp(name.data()) == nullptr) ADD_FAILURE() << "cannot make " << name;
  path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

Tensor random_pixels(int64_t height, int64_t width, int64_t channels, Random& random) {
  Tensor pixels(DType::kU8, {height, width, channels});
  uint8_t* at = pixels.data<uint8_t>().data();
  const int64_t kind = random.below(4), step = 1 + random.below(7);
  for (int64_t i = 0; i < pixels.size(); ++i) {
    const int64_t x = i / channels % width, y = i / channels / width;
    int64_t value = random.below(256);
    if (kind == 1) value = (x * step + y * 3 + value / 32) % 256;
    if (kind == 2) value = (x / step + y / step) % 2 * 255;
    if (kind == 3) value = value < 128 ? 0 : 255;
    at[i] = static_cast<uint8_t>(value);
  }
  return pixels;
}

std::string encode_jpeg(const Tensor& pixels, int quality) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_height = static_cast<JDIMENSION>(pixels.dim(0));
  info.image_width = static_cast<JDIMENSION>(pixels.dim(1));
  info.input_components = static_cast<int>(pixels.dim(2));
  info.in_color_space = pixels.dim(2) == 1 ? JCS_GRAYSCALE : JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, quality, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row =
        const_cast<JSAMPLE*>(pixels.data<uint8_t>().data()) + info.next_scanline * pixels.dim(1) * pixels.dim(2);
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<char*>(memory), size);
  std::free(memory);
  return file;
}

std::string encode_png(const Tensor& pixels) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.height = static_cast<png_uint_32>(pixels.dim(0));
  image.width = static_cast<png_uint_32>(pixels.dim(1));
  image.format = pixels.dim(2) == 1 ? PNG_FORMAT_GRAY : PNG_FORMAT_RGB;
  png_alloc_size_t size = 0;
  EXPECT_TRUE(png_image_write_to_memory(&image, nullptr, &size, 0, pixels.raw(), 0, nullptr));
  std::string file(size, '\0');
  EXPECT_TRUE(png_image_write_to_memory(&image, file.data(), &size, 0, pixels.raw(), 0, nullptr));
  file.resize(size);
  return file;
}

void put_file(const std::filesystem::path& path, const std::string& content) {
  std::filesystem::create_directories(path.parent_path());
  write_file(path, content);
}

bool run_judge(const std::string& arguments) {
  const std::string python = QAT_DEPS_DIR "/venv/bin/python3";
  if (!std::filesystem::exists(python)) return false;
  // The sanitizer's runtime of this program must not reach Python.
  const std::string command =
      "env -u LD_PRELOAD " + python + " " QAT_SOURCE_DIR "/src/data/pillow_judge.py " + arguments;
  EXPECT_EQ(std::system(command.c_str()), 0) << command;
  return true;
}

void expect_equal_pixels(const Tensor& expected, const Tensor& got, const std::string& what) {
  ASSERT_EQ(to_string(expected.shape()), to_string(got.shape())) << what;
  const auto e = expected.data<uint8_t>(), g = got.data<uint8_t>();
  int64_t first = -1, worst = -1, count = 0;
  const auto difference = [&](int64_t i) { return std::abs(e[static_cast<size_t>(i)] - g[static_cast<size_t>(i)]); };
  for (int64_t i = 0; i < got.size(); ++i) {
    if (difference(i) == 0) continue;
    ++count;
    if (first < 0) first = i;
    if (worst < 0 || difference(i) > difference(worst)) worst = i;
  }
  if (count == 0) return;
  const auto place = [&](int64_t i) {
    const int64_t c = got.dim(2), w = got.dim(1);
    return cat("[y ", i / c / w, ", x ", i / c % w, ", c ", i % c, "] expected ", int{e[static_cast<size_t>(i)]},
               " got ", int{g[static_cast<size_t>(i)]});
  };
  ADD_FAILURE() << what << " " << to_string(got.shape()) << ": " << count << " differ; first " << place(first)
                << "; worst " << place(worst);
}

std::string error_of(Code code, const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(static_cast<int>(error.code()), static_cast<int>(code)) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "expected an Error, nothing was thrown";
  return {};
}

}  // namespace qat::data::testing
