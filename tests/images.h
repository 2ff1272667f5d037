// A small folder of JPEG images, as users have them: train/<class>/*.jpg and val/<class>/*.jpg.
#pragma once

#include <cstdint>
#include <filesystem>

namespace qat::e2e {

struct ImageFolder {
  int classes = 3;
  int train_per_class = 8;
  int test_per_class = 4;
};

// Each class has a brightness of its own, so that a few steps can learn something; sizes vary between 48 and 80.
void write_image_folder(const std::filesystem::path& path, const ImageFolder& what = {});

void write_jpeg(const std::filesystem::path& path, int height, int width, uint64_t seed, int brightness);

}  // namespace qat::e2e
