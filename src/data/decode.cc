// Recognizes an image file by its first bytes and hands it to its decoder: see decode.h.
#include "data/decode.h"

#include <cstdlib>
#include <string_view>

namespace qat::data {

namespace {

using namespace std::string_view_literals;

struct Signature {
  std::string_view bytes;
  const char* format;
};

constexpr Signature kOtherFormats[] = {
    {"GIF8"sv, "GIF"},   {"BM"sv, "BMP"},     {"RIFF"sv, "WebP"},
    {"II*\0"sv, "TIFF"}, {"MM\0*"sv, "TIFF"}, {"\0\0\0\x0cjP"sv, "JPEG 2000"},
    {"P5"sv, "PGM"},     {"P6"sv, "PPM"},
};

}  // namespace

Tensor pixel_buffer(int64_t height, int64_t width, int64_t channels, const std::string& name) {
  if (height < 1 || width < 1) fail(Code::kBadFile, "[", name, "] image of ", width, "x", height, " pixels");
  if (width > kMaxPixels / height)
    fail(Code::kBadFile, "[", name, "] image of ", width, "x", height, " pixels, at most ", kMaxPixels,
         " are decoded; scale it down");
  // calloc maps large blocks that take memory only when written. The slack is that of every Tensor.
  void* memory = std::calloc(static_cast<size_t>(height * width * channels) + 64, 1);
  if (memory == nullptr)
    fail(Code::kOutOfMemory, "[", name, "] no memory for ", width, "x", height, " pixels; lower DATA.WORKERS");
  return Tensor(DType::kU8, {height, width, channels}, std::shared_ptr<void>(memory, std::free), memory);
}

Tensor decode_image(std::span<const std::byte> file, const std::string& name, Color color) {
  const std::string_view bytes(reinterpret_cast<const char*>(file.data()), file.size());
  if (bytes.empty()) fail(Code::kBadFile, "[", name, "] the file is empty; replace it, or set DATA.BROKEN skip");
  if (bytes.starts_with("\xff\xd8\xff"sv)) return decode_jpeg(file, name, color);
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) return decode_png(file, name, color);
  for (const Signature& other : kOtherFormats)
    if (bytes.starts_with(other.bytes))
      fail(Code::kBadFile, "[", name, "] expected JPEG or PNG, got ", other.format, "; convert it");
  fail(Code::kBadFile, "[", name, "] expected JPEG or PNG, got neither; replace it, or set DATA.BROKEN skip");
}

}  // namespace qat::data
