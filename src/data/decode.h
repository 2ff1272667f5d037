// Decoding of JPEG and PNG files to 8-bit pixels, with the pixels that Pillow gives.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "base/tensor.h"

namespace qat::data {

// Larger headers are refused before anything is allocated: Pillow's limit against decompression bombs.
inline constexpr int64_t kMaxPixels = 178'956'970;

enum class Color { kGrey, kRgb };  // kGrey takes grey files only: there is no silent loss of colour

// The pixels u8 [H,W,1 or 3] of a JPEG or PNG file, recognized by content, not by `name`, which is for messages.
// RGB is Pillow's convert("RGB"): grey is repeated, alpha dropped, palettes looked up, CMYK and YCCK converted,
// 16 bits cut to the upper 8 (for 16-bit grey Pillow clips at 255 instead, which gives white images).
// The EXIF orientation is not applied, as in torchvision's ImageFolder.
// Throws Error(kBadFile): "[name] what is wrong; remedy". A truncated file is an error, missing pixels are never made
// up.
Tensor decode_image(std::span<const std::byte> file, const std::string& name, Color color);

// The decoders behind it, for a file that is known to have their signature. No other difference.
Tensor decode_jpeg(std::span<const std::byte> file, const std::string& name, Color color);
Tensor decode_png(std::span<const std::byte> file, const std::string& name, Color color);

// u8 [height,width,channels] for a decoder to fill; throws Error(kBadFile) when there is no pixel or more than
// kMaxPixels. Pages are taken as rows are written, so that a lying header costs no memory.
Tensor pixel_buffer(int64_t height, int64_t width, int64_t channels, const std::string& name);

}  // namespace qat::data
