// Crops, flips and their composition from options: see transform.h.
#include "data/transform.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "data/decode.h"

namespace qat::data {

namespace {

ImageSize size_of(const Tensor& pixels) { return {.height = pixels.dim(0), .width = pixels.dim(1)}; }

Window whole(ImageSize image) { return {.height = image.height, .width = image.width}; }

// Python's round(): halves to even. The operand is not negative.
int64_t python_round(double x) { return static_cast<int64_t>(std::nearbyint(x)); }

// Copies the part of `from` that a window of `into`'s size placed at (top, left) covers; the rest of `into` stays 0.
// The window may reach outside on all sides.
Tensor cut(const Tensor& from, const Window& window) {
  const int64_t channels = from.dim(2);
  Tensor into(DType::kU8, {window.height, window.width, channels});
  const int64_t left = std::max<int64_t>(window.left, 0), right = std::min(window.left + window.width, from.dim(1));
  const int64_t top = std::max<int64_t>(window.top, 0), bottom = std::min(window.top + window.height, from.dim(0));
  if (right <= left) return into;
  const uint8_t* source = from.data<uint8_t>().data();
  uint8_t* target = into.data<uint8_t>().data();
  for (int64_t y = top; y < bottom; ++y)
    std::memcpy(target + ((y - window.top) * window.width + left - window.left) * channels,
                source + (y * from.dim(1) + left) * channels, static_cast<size_t>((right - left) * channels));
  return into;
}

// torchvision pads by floor(missing / 2) on the left and then rounds what is left over; both in one offset.
int64_t padded_offset(int64_t image, int64_t crop) {
  if (crop > image) return -((crop - image) / 2);
  return centre_offset(image, crop);
}

Tensor resize_and_crop(const Tensor& pixels, int64_t resize, int64_t size) {
  const ImageSize image = size_of(pixels);
  const ImageSize resized = resize > 0 ? resized_to_shorter(image, resize) : image;
  const bool same = resized.height == image.height && resized.width == image.width;
  if (same) return size > 0 ? centre_crop(pixels, size) : pixels;
  if (size > 0 && size <= resized.height && size <= resized.width)
    return resize_bilinear(pixels, {.source = whole(image),
                                    .height = resized.height,
                                    .width = resized.width,
                                    .target = {.top = centre_offset(resized.height, size),
                                               .left = centre_offset(resized.width, size),
                                               .height = size,
                                               .width = size}});
  if (resized.height > kMaxPixels / resized.width)
    fail(Code::kBadFile, "image of ", image.width, "x", image.height, " pixels becomes ", resized.width, "x",
         resized.height, " by DATA.RESIZE ", resize, ", more than ", kMaxPixels, " pixels; crop it");
  const Tensor all = resize_bilinear(pixels, resized.height, resized.width);
  return size > 0 ? centre_crop(all, size) : all;
}

Tensor resized_crop(const Tensor& pixels, int64_t size, Random& random) {
  return resize_bilinear(pixels, {.source = random_resized_window(size_of(pixels), random),
                                  .height = size,
                                  .width = size,
                                  .target = {.height = size, .width = size}});
}

Transform augmentation(const config::DataOptions& options) {
  const int64_t size = options.size, resize = options.resize, pad = options.pad;
  if (options.augment == "none") return test_transform(options);
  if (options.augment == "crop") {
    return [=](const Tensor& pixels, Random& random) {
      return random_crop(resize_and_crop(pixels, resize, 0), size, pad, random);
    };
  }
  if (options.augment != "resized_crop")
    fail(Code::kUsage, "[DATA.AUGMENT] expected none, crop or resized_crop, got \"", options.augment, "\"");
  if (size == 0) fail(Code::kUsage, "[DATA.SIZE] DATA.AUGMENT resized_crop needs a size; set DATA.SIZE, e.g. 224");
  return [=](const Tensor& pixels, Random& random) { return resized_crop(pixels, size, random); };
}

}  // namespace

ImageSize resized_to_shorter(ImageSize image, int64_t size) {
  if (image.width <= image.height) return {.height = size * image.height / image.width, .width = size};
  return {.height = size, .width = size * image.width / image.height};
}

int64_t centre_offset(int64_t image, int64_t crop) { return python_round(static_cast<double>(image - crop) / 2); }

Tensor crop(const Tensor& pixels, const Window& window) {
  QAT_ASSERT(window.top >= 0 && window.left >= 0 && window.top + window.height <= pixels.dim(0) &&
             window.left + window.width <= pixels.dim(1));
  return cut(pixels, window);
}

Tensor centre_crop(const Tensor& pixels, int64_t size) {
  if (pixels.dim(0) == size && pixels.dim(1) == size) return pixels;
  return cut(pixels, {.top = padded_offset(pixels.dim(0), size),
                      .left = padded_offset(pixels.dim(1), size),
                      .height = size,
                      .width = size});
}

ImageSize Augmentation::output(ImageSize image) const {
  if (!crop) return image;
  const ImageSize out{.height = size > 0 ? size : image.height, .width = size > 0 ? size : image.width};
  if (image.height + 2 * pad < out.height || image.width + 2 * pad < out.width)
    fail(Code::kUsage, "[DATA.SIZE] a crop of ", out.width, "x", out.height, " does not fit an image of ", image.width,
         "x", image.height, " padded by ", pad, "; lower DATA.SIZE, or raise DATA.PAD or DATA.RESIZE");
  return out;
}

Tensor random_crop(const Tensor& pixels, int64_t size, int64_t pad, Random& random) {
  const ImageSize image = size_of(pixels);
  const ImageSize out = Augmentation{.crop = true, .size = size, .pad = pad}.output(image);
  const int64_t top = random.below(image.height + 2 * pad - out.height + 1) - pad;
  const int64_t left = random.below(image.width + 2 * pad - out.width + 1) - pad;
  return cut(pixels, {.top = top, .left = left, .height = out.height, .width = out.width});
}

Window random_resized_window(ImageSize image, Random& random) {
  constexpr double kMinRatio = 3.0 / 4.0, kMaxRatio = 4.0 / 3.0, kMinScale = 0.08, kMaxScale = 1.0;
  const auto height = static_cast<double>(image.height), width = static_cast<double>(image.width);
  for (int attempt = 0; attempt < 10; ++attempt) {
    const double area = height * width * random.uniform(kMinScale, kMaxScale);
    const double ratio = std::exp(random.uniform(std::log(kMinRatio), std::log(kMaxRatio)));
    const int64_t w = python_round(std::sqrt(area * ratio)), h = python_round(std::sqrt(area / ratio));
    if (w < 1 || h < 1 || w > image.width || h > image.height) continue;
    const int64_t top = random.below(image.height - h + 1);
    const int64_t left = random.below(image.width - w + 1);
    return {.top = top, .left = left, .height = h, .width = w};
  }
  Window window = whole(image);
  if (width / height < kMinRatio) window.height = std::min(image.height, python_round(width / kMinRatio));
  if (width / height > kMaxRatio) window.width = std::min(image.width, python_round(height * kMaxRatio));
  window.top = (image.height - window.height) / 2;
  window.left = (image.width - window.width) / 2;
  return window;
}

Tensor flip_horizontal(const Tensor& pixels) {
  const int64_t width = pixels.dim(1), channels = pixels.dim(2);
  Tensor flipped(DType::kU8, pixels.shape());
  const uint8_t* from = pixels.data<uint8_t>().data();
  uint8_t* into = flipped.data<uint8_t>().data();
  for (int64_t y = 0; y < pixels.dim(0); ++y, from += width * channels, into += width * channels)
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c) into[x * channels + c] = from[(width - 1 - x) * channels + c];
  return flipped;
}

Transform test_transform(const config::DataOptions& options) {
  const int64_t size = options.size, resize = options.resize;
  if (size < 0 || resize < 0)
    fail(Code::kUsage, "[DATA.SIZE, DATA.RESIZE] expected 0 or more, got ", size, ", ", resize);
  return [=](const Tensor& pixels, Random&) { return resize_and_crop(pixels, resize, size); };
}

Transform train_transform(const config::DataOptions& options) {
  if (options.size < 0 || options.resize < 0 || options.pad < 0)
    fail(Code::kUsage, "[DATA.SIZE, DATA.RESIZE, DATA.PAD] expected 0 or more, got ", options.size, ", ",
         options.resize, ", ", options.pad);
  Transform augment = augmentation(options);
  if (!options.flip) return augment;
  return [augment](const Tensor& pixels, Random& random) {
    const Tensor augmented = augment(pixels, random);
    return random.below(2) == 1 ? flip_horizontal(augmented) : augmented;
  };
}

SplitTransform split_train_transform(const config::DataOptions& options, bool same_size) {
  const int64_t resize = options.resize;
  Transform whole = train_transform(options);
  if (options.augment == "none") return {.transform = test_transform(options), .rest = {.flip = options.flip}};
  if (options.augment != "crop" || !same_size) return {.transform = std::move(whole), .rest = {}};
  return {.transform = [=](const Tensor& pixels, Random&) { return resize_and_crop(pixels, resize, 0); },
          .rest = {.crop = true, .size = options.size, .pad = options.pad, .flip = options.flip}};
}

}  // namespace qat::data
