// JPEG through libjpeg-turbo, with its accurate DCT and smooth upsampling (its defaults, and Pillow's).
#include <csetjmp>
#include <cstdio>

#include "data/decode.h"
#include "data/libjpeg.h"

namespace qat::data {

namespace {

// Scans of a progressive file: honest ones have about ten; each costs a pass over all blocks, so that a small file of
// thousands would take hours.
constexpr int kMaxScans = 200;

// libjpeg reports errors by a call that must not return: it jumps back to the step that was entered last. Steps hold
// only trivial locals, so nothing is skipped; this struct, outside of them, owns everything.
struct Reader {
  jpeg_decompress_struct info{};
  jpeg_error_mgr errors{};
  jpeg_source_mgr source{};
  jpeg_progress_mgr progress{};
  std::jmp_buf jump{};
  char message[JMSG_LENGTH_MAX] = "";

  Reader() = default;
  Reader(const Reader&) = delete;
  Reader& operator=(const Reader&) = delete;
  ~Reader() { jpeg_destroy_decompress(&info); }
};

Reader& reader_of(j_common_ptr info) { return *static_cast<Reader*>(info->client_data); }

[[noreturn]] void jump_out(j_common_ptr info) {
  Reader& reader = reader_of(info);
  if (reader.message[0] == '\0') info->err->format_message(info, reader.message);
  std::longjmp(reader.jump, 1);
}

[[noreturn]] void jump_with(j_common_ptr info, const char* message) {
  std::snprintf(reader_of(info).message, JMSG_LENGTH_MAX, "%s", message);
  jump_out(info);
}

// Warnings (corrupt data, extraneous bytes) are ignored, as Pillow does.
void ignore_message(j_common_ptr, int) {}
void ignore_output(j_common_ptr) {}
void ignore_source(j_decompress_ptr) {}

boolean end_of_input(j_decompress_ptr info) {
  jump_with(reinterpret_cast<j_common_ptr>(info), "the file is truncated");
}

void skip_input(j_decompress_ptr info, long count) {
  if (count <= 0) return;
  jpeg_source_mgr& source = *info->src;
  if (static_cast<size_t>(count) > source.bytes_in_buffer) end_of_input(info);
  source.next_input_byte += count;
  source.bytes_in_buffer -= static_cast<size_t>(count);
}

void limit_scans(j_common_ptr info) {
  if (reinterpret_cast<j_decompress_ptr>(info)->input_scan_number > kMaxScans) jump_with(info, "it has too many scans");
}

// Steps: each returns false when libjpeg gave up, with the reason in reader.message.

bool read_header(Reader& reader, std::span<const std::byte> file) {
  if (setjmp(reader.jump)) return false;
  jpeg_decompress_struct& info = reader.info;
  info.err = jpeg_std_error(&reader.errors);
  info.client_data = &reader;
  reader.errors.error_exit = jump_out;
  reader.errors.emit_message = ignore_message;
  reader.errors.output_message = ignore_output;
  jpeg_create_decompress(&info);
  reader.source.next_input_byte = reinterpret_cast<const JOCTET*>(file.data());
  reader.source.bytes_in_buffer = file.size();
  reader.source.init_source = ignore_source;
  reader.source.fill_input_buffer = end_of_input;
  reader.source.skip_input_data = skip_input;
  reader.source.resync_to_restart = jpeg_resync_to_restart;
  reader.source.term_source = ignore_source;
  info.src = &reader.source;
  reader.progress.progress_monitor = limit_scans;
  info.progress = &reader.progress;
  jpeg_read_header(&info, TRUE);
  return true;
}

// Fills `rows` rows of `stride` bytes.
bool read_rows(Reader& reader, uint8_t* out, size_t stride) {
  if (setjmp(reader.jump)) return false;
  jpeg_decompress_struct& info = reader.info;
  jpeg_start_decompress(&info);
  while (info.output_scanline < info.output_height) {
    JSAMPROW row = out + info.output_scanline * stride;
    jpeg_read_scanlines(&info, &row, 1);
  }
  jpeg_finish_decompress(&info);
  return true;
}

[[noreturn]] void refuse(const std::string& name, const char* what) {
  fail(Code::kBadFile, "[", name, "] broken JPEG: ", what, "; replace the file, or set DATA.BROKEN skip");
}

// One pixel of inverted CMYK, as Adobe writes it, to RGB by Pillow's rule: (255 - k) * (1 - c / 255), rounded.
void cmyk_to_rgb(const uint8_t* cmyk, uint8_t* rgb) {
  const int light = cmyk[3];  // 255 - k
  for (int c = 0; c < 3; ++c) {
    const int product = (255 - cmyk[c]) * light + 128;
    rgb[c] = static_cast<uint8_t>(light - ((product >> 8) + product) / 256);
  }
}

Tensor cmyk_image_to_rgb(const Tensor& cmyk, const std::string& name) {
  Tensor rgb = pixel_buffer(cmyk.dim(0), cmyk.dim(1), 3, name);
  const uint8_t* from = cmyk.data<uint8_t>().data();
  uint8_t* into = rgb.data<uint8_t>().data();
  for (int64_t i = 0; i < cmyk.dim(0) * cmyk.dim(1); ++i) cmyk_to_rgb(from + 4 * i, into + 3 * i);
  return rgb;
}

}  // namespace

Tensor decode_jpeg(std::span<const std::byte> file, const std::string& name, Color color) {
  Reader reader;
  if (!read_header(reader, file)) refuse(name, reader.message);
  jpeg_decompress_struct& info = reader.info;
  if (info.num_components != 1 && info.num_components != 3 && info.num_components != 4)
    refuse(name, cat("it has ", info.num_components, " components, expected 1, 3 or 4").c_str());
  if (color == Color::kGrey && info.num_components != 1)
    fail(Code::kBadFile, "[", name, "] expected a grey image, got a colour one; convert it, or use 3 input channels");
  const bool cmyk = info.num_components == 4;
  info.out_color_space = color == Color::kGrey ? JCS_GRAYSCALE : cmyk ? JCS_CMYK : JCS_RGB;
  const int64_t channels = color == Color::kGrey ? 1 : cmyk ? 4 : 3;
  Tensor pixels = pixel_buffer(info.image_height, info.image_width, channels, name);
  if (!read_rows(reader, pixels.data<uint8_t>().data(), static_cast<size_t>(info.image_width * channels)))
    refuse(name, reader.message);
  return cmyk ? cmyk_image_to_rgb(pixels, name) : pixels;
}

}  // namespace qat::data
