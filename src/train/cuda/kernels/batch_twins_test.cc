// The input step's twin against the loader's own transforms.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "base/random.h"
#include "data/loader.h"
#include "data/normalize.h"
#include "data/transform.h"
#include "train/cuda/kernels/kernels.h"

namespace qat::train::cuda {
namespace {

TEST(Batch, DrawsWhatTheLoaderDraws) {
  const int64_t n = 5, height = 14, width = 12, channels = 3, pad = 2;
  const config::DataOptions options = [&] {
    config::DataOptions o;
    o.augment = "crop", o.pad = pad, o.flip = true, o.size = 0, o.resize = 0;
    return o;
  }();
  const data::Transform transform = data::train_transform(options);
  Random random(8);
  std::vector<uint8_t> images(static_cast<size_t>(n * height * width * channels));
  for (uint8_t& v : images) v = static_cast<uint8_t>(random.below(256));
  const auto rows = data::normalization_table(channels, {0.4, 0.5, 0.6}, {0.2, 0.3, 0.4});
  std::vector<float> table;
  for (const auto& row : rows) table.insert(table.end(), row.begin(), row.end());
  const std::vector<int64_t> index = {0, 59999, 3, 17, 1234567890123};
  const AugmentState state{.seed = data::augment_seed(77), .epoch = 4};
  std::vector<float> y(images.size());
  twin_kernels().make_batch({.n = n,
                             .height = height,
                             .width = width,
                             .channels = channels,
                             .out_height = height,
                             .out_width = width,
                             .out_channels = channels,
                             .type = Type::kF32,
                             .images = images.data(),
                             .index = index.data(),
                             .state = &state,
                             .crop = true,
                             .pad = pad,
                             .flip = true,
                             .table = table.data(),
                             .y = y.data()},
                            nullptr);
  const int64_t size = height * width * channels;
  for (int64_t i = 0; i < n; ++i) {
    Tensor image(DType::kU8, {height, width, channels});
    std::copy_n(images.data() + i * size, size, image.data<uint8_t>().data());
    Random draws(data::augment_seed(77), 4, static_cast<uint64_t>(index[static_cast<size_t>(i)]));
    const Tensor expected = transform(image, draws);
    for (int64_t k = 0; k < size; ++k) {
      const uint8_t pixel = expected.data<uint8_t>()[static_cast<size_t>(k)];
      ASSERT_EQ(y[static_cast<size_t>(i * size + k)], rows[static_cast<size_t>(k % channels)][pixel]) << i << " " << k;
    }
  }
}

// What a loader leaves to the device, done by the twin, is what it would have done itself.
class TwelveImages final : public data::Dataset {
 public:
  int64_t size() const override { return 12; }
  int64_t channels() const override { return 3; }
  int64_t classes() const override { return 2; }
  std::string class_name(int64_t) const override { return ""; }
  std::string name(int64_t index) const override { return cat(index); }
  bool same_size() const override { return true; }
  data::Image get(int64_t index) const override {
    Tensor pixels(DType::kU8, {14, 11, 3});
    Random random(static_cast<uint64_t>(index));
    for (uint8_t& v : pixels.data<uint8_t>()) v = static_cast<uint8_t>(random.below(256));
    return {.pixels = pixels, .label = index % 2};
  }
};

std::vector<float> normalized(const data::Batch& batch, const std::vector<float>& table) {
  const data::ImageSize out = batch.rest.output({.height = batch.images.dim(1), .width = batch.images.dim(2)});
  std::vector<float> y(static_cast<size_t>(batch.size() * out.height * out.width * 3));
  const AugmentState state{.seed = batch.draws, .epoch = static_cast<uint64_t>(batch.epoch)};
  twin_kernels().make_batch({.n = batch.size(),
                             .height = batch.images.dim(1),
                             .width = batch.images.dim(2),
                             .channels = 3,
                             .out_height = out.height,
                             .out_width = out.width,
                             .out_channels = 3,
                             .type = Type::kF32,
                             .images = batch.images.data<uint8_t>().data(),
                             .index = batch.indices.data(),
                             .state = &state,
                             .crop = batch.rest.crop,
                             .pad = batch.rest.pad,
                             .flip = batch.rest.flip,
                             .table = table.data(),
                             .y = y.data()},
                            nullptr);
  return y;
}

TEST(Batch, WhatIsLeftToTheDeviceIsWhatTheHostWouldDo) {
  std::vector<float> table;
  for (const auto& row : data::normalization_table(3, {0.4, 0.5, 0.6}, {0.2, 0.3, 0.4}))
    table.insert(table.end(), row.begin(), row.end());
  struct Case {
    const char* augment;
    int64_t resize, size, pad;
    bool flip, left;
  };
  for (const Case& c :
       {Case{"crop", 0, 0, 2, true, true}, Case{"crop", 0, 9, 0, false, true}, Case{"crop", 20, 24, 3, true, true},
        Case{"none", 0, 10, 0, true, true}, Case{"resized_crop", 0, 8, 0, true, false}}) {
    config::DataOptions o;
    o.augment = c.augment, o.resize = c.resize, o.size = c.size, o.pad = c.pad, o.flip = c.flip;
    const auto images = std::make_shared<TwelveImages>();
    const data::SplitTransform split = data::split_train_transform(o, images->same_size());
    EXPECT_EQ(split.rest.crop || split.rest.flip, c.left) << c.augment;
    data::LoaderOptions options{.batch = 5, .shuffle = true, .workers = 2, .seed = 9};
    data::Loader host(images, data::train_transform(o), options);
    options.rest = split.rest;
    data::Loader device(images, split.transform, options);
    host.start(3), device.start(3);
    for (int64_t position = 0; position < 3; ++position) {
      const data::Batch whole = host.next().value(), left = device.next().value();
      EXPECT_EQ(whole.labels, left.labels);
      EXPECT_EQ(normalized(whole, table), normalized(left, table)) << c.augment << ", batch " << position;
    }
  }
}

}  // namespace
}  // namespace qat::train::cuda
