// PNG through libpng, without gamma, background or alpha: the stored colours.
#include <png.h>

#include <csetjmp>
#include <cstring>
#include <vector>

#include "data/decode.h"

namespace qat::data {

namespace {

constexpr size_t kMaxChunk = 8 << 20;  // bytes a chunk may inflate to

// libpng reports errors by longjmp to the step that was entered last. Steps hold only trivial locals; this struct,
// outside of them, owns everything.
struct Reader {
  png_structp png = nullptr;
  png_infop info = nullptr;
  const std::byte* next = nullptr;
  size_t left = 0;
  char message[256] = "";

  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { png_destroy_read_struct(&png, &info, nullptr); }
};

[[noreturn]] void jump_out(png_structp png, png_const_charp message) {
  auto& reader = *static_cast<Reader*>(png_get_error_ptr(png));
  std::strncpy(reader.message, message, sizeof(reader.message) - 1);
  png_longjmp(png, 1);
}

void ignore_warning(png_structp, png_const_charp) {}

void read_bytes(png_structp png, png_bytep into, size_t size) {
  auto& reader = *static_cast<Reader*>(png_get_io_ptr(png));
  if (size > reader.left) png_error(png, "the file is truncated");
  std::memcpy(into, reader.next, size);
  reader.next += size;
  reader.left -= size;
}

// Chunks that say nothing of the stored colours are skipped unread: profiles, texts, times, transparency.
void skip_ancillary(png_structp png) {
  static const png_byte kChunks[] =
      "bKGD\0cHRM\0eXIf\0gAMA\0hIST\0iCCP\0iTXt\0oFFs\0pCAL\0pHYs\0sBIT\0sCAL\0sPLT\0sRGB\0tEXt\0tIME\0tRNS\0zTXt";
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, kChunks, sizeof(kChunks) / 5);
  png_set_keep_unknown_chunks(png, PNG_HANDLE_CHUNK_NEVER, nullptr, 0);
}

// Steps: each returns false when libpng gave up, with the reason in reader.message.

bool read_header(Reader& reader) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_set_read_fn(reader.png, &reader, read_bytes);
  png_set_user_limits(reader.png, 0x7fffffff, 0x7fffffff);  // pixel_buffer() limits the product
  png_set_chunk_malloc_max(reader.png, kMaxChunk);
  skip_ancillary(reader.png);
  png_read_info(reader.png, reader.info);
  return true;
}

// Asks for 8 bits, palettes looked up, no alpha, and grey repeated for RGB.
bool set_format(Reader& reader, Color color) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_set_strip_16(reader.png);
  png_set_expand(reader.png);
  png_set_strip_alpha(reader.png);
  if (color == Color::kRgb) png_set_gray_to_rgb(reader.png);
  png_set_interlace_handling(reader.png);
  png_read_update_info(reader.png, reader.info);
  return true;
}

// Fills the rows, then reads to the end of the file, so that a truncated one is found.
bool read_rows(Reader& reader, png_bytepp rows) {
  if (setjmp(png_jmpbuf(reader.png))) return false;
  png_read_image(reader.png, rows);
  png_read_end(reader.png, nullptr);
  return true;
}

[[noreturn]] void refuse(const std::string& name, const char* what) {
  fail(Code::kBadFile, "[", name, "] broken PNG: ", what, "; replace the file, or set DATA.BROKEN skip");
}

}  // namespace

Tensor decode_png(std::span<const std::byte> file, const std::string& name, Color color) {
  Reader reader{};
  reader.next = file.data();
  reader.left = file.size();
  reader.png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &reader, jump_out, ignore_warning);
  if (reader.png) reader.info = png_create_info_struct(reader.png);
  if (!reader.info) fail(Code::kOutOfMemory, "[", name, "] no memory to decode a PNG; lower DATA.WORKERS");
  if (!read_header(reader)) refuse(name, reader.message);
  const bool colour = png_get_color_type(reader.png, reader.info) & PNG_COLOR_MASK_COLOR;
  if (color == Color::kGrey && colour)
    fail(Code::kBadFile, "[", name, "] expected a grey image, got a colour one; convert it, or use 3 input channels");
  const int64_t height = png_get_image_height(reader.png, reader.info);
  const int64_t width = png_get_image_width(reader.png, reader.info);
  const int64_t channels = color == Color::kGrey ? 1 : 3;
  Tensor pixels = pixel_buffer(height, width, channels, name);
  if (!set_format(reader, color)) refuse(name, reader.message);
  QAT_ASSERT(png_get_rowbytes(reader.png, reader.info) == static_cast<size_t>(width * channels));
  std::vector<png_bytep> rows(static_cast<size_t>(height));
  for (int64_t y = 0; y < height; ++y)
    rows[static_cast<size_t>(y)] = pixels.data<uint8_t>().data() + y * width * channels;
  if (!read_rows(reader, rows.data())) refuse(name, reader.message);
  return pixels;
}

}  // namespace qat::data
