// Transforms: from a decoded image to the network's input size, with or without augmentation.
#pragma once

#include <cstdint>
#include <functional>

#include "base/random.h"
#include "base/tensor.h"
#include "config/options.h"
#include "data/resize.h"

namespace qat::data {

// u8 [H,W,C] -> u8 [h,w,C]. Training transforms draw from `random`; test transforms do not.
using Transform = std::function<Tensor(const Tensor& pixels, Random& random)>;

// DATA.AUGMENT: none (the test transform), crop or resized_crop; then DATA.FLIP. Throws Error(kUsage) on impossible
// options.
Transform train_transform(const config::DataOptions& options);

struct ImageSize {
  int64_t height = 0, width = 0;
};

// The end of a training transform, for a GPU to do while it normalizes a batch. An image draws from the Random that its
// transform would have drawn from, the same numbers in the same order.
struct Augmentation {
  bool crop = false;  // pads by `pad` zeros and cuts size x size (0: the image's own) at a random place
  int64_t size = 0, pad = 0;
  bool flip = false;  // then flips half of the images

  // Throws Error(kUsage) where the crop does not fit.
  ImageSize output(ImageSize image) const;
};

// train_transform in two parts, the second as long as a GPU can take it: all of crop where the dataset's images have
// one size, and flip where no other random part comes before it on the host.
struct SplitTransform {
  Transform transform;
  Augmentation rest;
};
SplitTransform split_train_transform(const config::DataOptions& options, bool same_size);

// The shorter side to DATA.RESIZE, then the centre DATA.SIZE x DATA.SIZE; either is left out when 0. Sizes, offsets and
// padding are torchvision's Resize and CenterCrop. With both 0 it returns the image itself.
Transform test_transform(const config::DataOptions& options);

// What they are made of. All windows are those torchvision computes.

// Shorter side = size, longer = floor(size * longer / shorter).
ImageSize resized_to_shorter(ImageSize image, int64_t size);

// Offset of the centre crop: (image - crop) / 2 rounded half to even, as Python rounds.
int64_t centre_offset(int64_t image, int64_t crop);

// The centre size x size; where the image is smaller it is padded with 0, the odd pixel at the bottom and right.
Tensor centre_crop(const Tensor& pixels, int64_t size);

// Pads all sides with `pad` zeros, then cuts size x size at a random place (size 0: the image's own).
Tensor random_crop(const Tensor& pixels, int64_t size, int64_t pad, Random& random);

// torchvision's RandomResizedCrop: area share in (0.08, 1), aspect in (3/4, 4/3), 10 tries, then the largest centre
// crop of legal aspect.
Window random_resized_window(ImageSize image, Random& random);

Tensor crop(const Tensor& pixels, const Window& window);  // must lie inside (asserted)
Tensor flip_horizontal(const Tensor& pixels);

}  // namespace qat::data
