// Decoding: the same pixels as Pillow for every kind of JPEG and PNG; every broken file refused by name.
#include "data/decode.h"

#include <gtest/gtest.h>
#include <png.h>

#include <algorithm>
#include <map>

#include "base/file.h"
#include "data/data_testing.h"

namespace qat::data {

namespace {

using testing::encode_jpeg;
using testing::encode_png;
using testing::error_of;
using testing::random_pixels;

Tensor decode(const std::string& file, const std::string& name = "x", Color color = Color::kRgb) {
  return decode_image(std::as_bytes(std::span(file)), name, color);
}

// "H W\n" and RGB bytes.
Tensor read_rgb(const std::filesystem::path& path) {
  const std::string file = read_file(path);
  const size_t line = file.find('\n');
  const std::vector<std::string> size = split(file.substr(0, line), ' ');
  Tensor pixels(DType::kU8, {std::stoll(size.at(0)), std::stoll(size.at(1)), 3});
  EXPECT_EQ(file.size() - line - 1, pixels.bytes());
  std::copy(file.begin() + static_cast<std::ptrdiff_t>(line) + 1, file.end(), static_cast<char*>(pixels.raw()));
  return pixels;
}

TEST(Decode, EqualsPillow) {
  const testing::TemporaryFolder folder;
  if (!testing::run_judge("images " + folder.path().string())) GTEST_SKIP() << "no Python with Pillow";
  int images = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
    const std::filesystem::path& path = entry.path();
    if (path.extension() == ".rgb") continue;
    const Tensor got = decode(read_file(path), path.string());
    testing::expect_equal_pixels(read_rgb(path.string() + ".rgb"), got, path.filename().string());
    ++images;
  }
  EXPECT_EQ(images, 160 + 65);  // PNG, JPEG
}

TEST(Decode, GreyFilesStayGreyWhenAsked) {
  Random random(1);
  const Tensor grey = random_pixels(9, 13, 1, random);
  testing::expect_equal_pixels(grey, decode(encode_png(grey), "g", Color::kGrey), "png");
  EXPECT_EQ(decode(encode_jpeg(grey), "g", Color::kGrey).shape(), (Shape{9, 13, 1}));
  const Tensor rgb = random_pixels(9, 13, 3, random);
  for (const std::string& file : {encode_png(rgb), encode_jpeg(rgb)}) {
    const std::string message = error_of(Code::kBadFile, [&] { decode(file, "a/b.x", Color::kGrey); });
    EXPECT_EQ(message.find("[a/b.x] expected a grey image"), 0) << message;
  }
}

// The upper byte, not Pillow's clipping at 255.
TEST(Decode, SixteenBitGreyTakesTheUpperByte) {
  const std::vector<uint16_t> samples = {0x0000, 0x00ff, 0x0100, 0x1234, 0x80ff, 0xffff};
  png_image image{.version = PNG_IMAGE_VERSION, .width = 3, .height = 2, .format = PNG_FORMAT_LINEAR_Y};
  std::string file(1000, '\0');
  png_alloc_size_t size = file.size();
  ASSERT_TRUE(png_image_write_to_memory(&image, file.data(), &size, 0, samples.data(), 0, nullptr));
  file.resize(size);
  ASSERT_EQ(file[24], 16);  // the header's bit depth
  const Tensor want = Tensor::from<uint8_t>({0x00, 0x00, 0x01, 0x12, 0x80, 0xff}, {2, 3, 1});
  testing::expect_equal_pixels(want, decode(file, "x", Color::kGrey), "16-bit grey");
}

TEST(Decode, EveryTruncationIsRefused) {
  Random random(2);
  const Tensor pixels = random_pixels(13, 11, 3, random);
  for (const std::string& file : {encode_jpeg(pixels), encode_png(pixels)}) {
    ASSERT_EQ(decode(file).shape(), pixels.shape());
    for (size_t size = 0; size < file.size(); ++size) {
      const std::string message = error_of(Code::kBadFile, [&] { decode(file.substr(0, size), "cut.jpg"); });
      ASSERT_EQ(message.find("[cut.jpg] "), 0) << size << " of " << file.size() << ": " << message;
    }
  }
}

TEST(Decode, FlippedBytesGiveAnErrorOrAnImage) {
  Random random(3);
  const Tensor pixels = random_pixels(24, 17, 3, random);
  for (const std::string& file : {encode_jpeg(pixels), encode_png(pixels)}) {
    int refused = 0;
    for (int repeat = 0; repeat < 3000; ++repeat) {
      std::string broken = file;
      for (int64_t i = random.below(3); i >= 0; --i)
        broken[static_cast<size_t>(random.below(static_cast<int64_t>(file.size())))] =
            static_cast<char>(random.below(256));
      try {
        decode(broken);
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), Code::kBadFile) << error.what();
        ++refused;
      }
    }
    EXPECT_GT(refused, 100);
  }
}

TEST(Decode, HugeHeadersAreRefusedBeforeAllocating) {
  Random random(4);
  std::string jpeg = encode_jpeg(random_pixels(8, 8, 3, random));
  const size_t frame = jpeg.find("\xff\xc0");
  ASSERT_NE(frame, std::string::npos);
  for (size_t i : {5, 7}) {
    jpeg[frame + i] = '\xff';  // 65,500 of height, width
    jpeg[frame + i + 1] = '\xdc';
  }
  std::string message = error_of(Code::kBadFile, [&] { decode(jpeg, "big.jpg"); });
  EXPECT_EQ(message.find("[big.jpg] image of 65500x65500 pixels"), 0) << message;

  const Tensor pixels = random_pixels(8, 8, 1, random);
  std::string png = encode_png(pixels);
  const auto put = [&](size_t at, uint32_t value) {
    for (size_t i = 0; i < 4; ++i) png[at + i] = static_cast<char>(value >> (24 - 8 * i));
  };
  const auto crc = [](const std::string& text) {
    uint32_t value = 0xffffffff;
    for (const char c : text) {
      value ^= static_cast<uint8_t>(c);
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xedb88320 : 0);
    }
    return ~value;
  };
  for (const uint32_t side : {65500u, 0x7fffffffu}) {
    put(16, side);
    put(20, side);
    put(29, crc(png.substr(12, 17)));
    message = error_of(Code::kBadFile, [&] { decode(png, "big.png"); });
    EXPECT_EQ(message.find(cat("[big.png] image of ", side, "x", side)), 0) << message;
  }
}

TEST(Decode, OtherContentIsNamed) {
  const std::map<std::string, std::string> files = {{"", "the file is empty"},   {"GIF89a...", "got GIF"},
                                                    {"BM......", "got BMP"},     {"<html>", "got neither"},
                                                    {"\xff\xd8", "got neither"}, {"RIFF....WEBPVP8", "got WebP"}};
  for (const auto& file : files) {
    const std::string message = error_of(Code::kBadFile, [&] { decode(file.first, "photo.jpg"); });
    EXPECT_NE(message.find(file.second), std::string::npos) << message;
    EXPECT_EQ(message.find("[photo.jpg] "), 0) << message;
  }
}

}  // namespace

}  // namespace qat::data
