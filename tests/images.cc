// A small folder of JPEG images: see images.h.
#include "images.h"

#include <algorithm>
#include <cstdio>
#include <vector>
// libjpeg's header wants FILE declared first.
#include <jpeglib.h>

#include "base/random.h"
#include "base/text.h"

namespace qat::e2e {

namespace fs = std::filesystem;

void write_jpeg(const fs::path& path, int height, int width, uint64_t seed, int brightness) {
  Random random(seed);
  std::vector<JSAMPLE> pixels(static_cast<size_t>(height * width * 3));
  for (JSAMPLE& x : pixels) x = static_cast<JSAMPLE>(std::clamp<int64_t>(brightness + random.below(60) - 30, 0, 255));
  jpeg_compress_struct codec{};
  jpeg_error_mgr errors{};
  codec.err = jpeg_std_error(&errors);
  jpeg_create_compress(&codec);
  FILE* file = std::fopen(path.c_str(), "wb");
  jpeg_stdio_dest(&codec, file);
  codec.image_width = static_cast<JDIMENSION>(width);
  codec.image_height = static_cast<JDIMENSION>(height);
  codec.input_components = 3;
  codec.in_color_space = JCS_RGB;
  jpeg_set_defaults(&codec);
  jpeg_start_compress(&codec, TRUE);
  while (codec.next_scanline < codec.image_height) {
    JSAMPROW row = pixels.data() + static_cast<size_t>(codec.next_scanline) * static_cast<size_t>(width) * 3;
    jpeg_write_scanlines(&codec, &row, 1);
  }
  jpeg_finish_compress(&codec);
  jpeg_destroy_compress(&codec);
  std::fclose(file);
}

void write_image_folder(const fs::path& path, const ImageFolder& what) {
  Random random(1);
  for (int label = 0; label < what.classes; ++label) {
    const int brightness = 40 + 170 * label / std::max(1, what.classes - 1);
    for (const bool train : {true, false}) {
      const fs::path folder = path / (train ? "train" : "val") / cat("class", label);
      fs::create_directories(folder);
      for (int i = 0; i < (train ? what.train_per_class : what.test_per_class); ++i) {
        const int height = static_cast<int>(48 + random.below(33)), width = static_cast<int>(48 + random.below(33));
        write_jpeg(folder / cat(i, ".jpg"), height, width, random.bits(), brightness);
      }
    }
  }
}

}  // namespace qat::e2e
