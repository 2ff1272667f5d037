// Throughput of decoding, resizing and loading 500 x 375 JPEGs, one core.
#include <benchmark/benchmark.h>

#include <cstdlib>

#include "base/random.h"
#include "data/data.h"
#include "data/libjpeg.h"

namespace qat::data {

namespace {

// Smooth shapes and noise, so that the file is as large as a photograph's (the label says how large).
Tensor picture(uint64_t seed) {
  Random random(seed);
  Tensor pixels(DType::kU8, {375, 500, 3});
  uint8_t* at = pixels.data<uint8_t>().data();
  for (int64_t y = 0; y < 375; ++y)
    for (int64_t x = 0; x < 500; ++x)
      for (int64_t c = 0; c < 3; ++c)
        *at++ = static_cast<uint8_t>(((x * x / 97 + y * (c + 3) / 4) % 200) + random.below(24));
  return pixels;
}

std::string jpeg(const Tensor& pixels) {
  jpeg_compress_struct info;
  jpeg_error_mgr errors;
  info.err = jpeg_std_error(&errors);
  jpeg_create_compress(&info);
  unsigned char* memory = nullptr;
  unsigned long size = 0;
  jpeg_mem_dest(&info, &memory, &size);
  info.image_height = static_cast<JDIMENSION>(pixels.dim(0));
  info.image_width = static_cast<JDIMENSION>(pixels.dim(1));
  info.input_components = 3;
  info.in_color_space = JCS_RGB;
  jpeg_set_defaults(&info);
  jpeg_set_quality(&info, 90, TRUE);
  jpeg_start_compress(&info, TRUE);
  while (info.next_scanline < info.image_height) {
    auto* row = const_cast<JSAMPLE*>(pixels.data<uint8_t>().data()) + info.next_scanline * 500 * 3;
    jpeg_write_scanlines(&info, &row, 1);
  }
  jpeg_finish_compress(&info);
  jpeg_destroy_compress(&info);
  std::string file(reinterpret_cast<char*>(memory), size);
  std::free(memory);
  return file;
}

// One JPEG in memory, decoded at each get().
class Jpegs final : public Dataset {
 public:
  int64_t size() const override { return 1024; }
  int64_t channels() const override { return 3; }
  int64_t classes() const override { return 1; }
  std::string class_name(int64_t) const override { return "picture"; }
  std::string name(int64_t) const override { return "picture.jpg"; }
  Image get(int64_t) const override {
    return {.pixels = decode_image(std::as_bytes(std::span(file_)), "picture.jpg", Color::kRgb)};
  }
  size_t bytes() const { return file_.size(); }

 private:
  std::string file_ = jpeg(picture(1));
};

void decode(benchmark::State& state) {
  const Jpegs jpegs;
  while (state.KeepRunning()) benchmark::DoNotOptimize(jpegs.get(0));
  state.SetItemsProcessed(state.iterations());
  state.SetLabel(cat(jpegs.bytes() / 1024, " KiB"));
}
BENCHMARK(decode)->Unit(benchmark::kMicrosecond);

void transform(benchmark::State& state, const Transform& transform) {
  const Tensor pixels = picture(1);
  Random random(3);
  while (state.KeepRunning()) benchmark::DoNotOptimize(transform(pixels, random));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK_CAPTURE(transform, resize_256_crop_224, test_transform({.size = 224, .resize = 256}))
    ->Unit(benchmark::kMicrosecond);
BENCHMARK_CAPTURE(transform, random_resized_224,
                  train_transform({.size = 224, .augment = "resized_crop", .flip = true}))
    ->Unit(benchmark::kMicrosecond);

void load(benchmark::State& state) {
  Loader loader(std::make_shared<Jpegs>(), test_transform({.size = 224, .resize = 256}),
                {.batch = 32, .workers = state.range(0)});
  int64_t images = 0;
  while (state.KeepRunning()) {
    std::optional<Batch> batch = loader.next();
    if (!batch) {
      loader.start(0);
      batch = loader.next();
    }
    images += batch->size();
  }
  state.SetItemsProcessed(images);
}
BENCHMARK(load)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMillisecond);

// The training images of Fashion-MNIST, padded, cropped and flipped: what a loader costs beside a small network.
void load_small(benchmark::State& state) {
  config::DataOptions options;
  options.path = "/usr/share/datasets/fashion-mnist";
  options.augment = "crop";
  options.pad = 2;
  options.flip = true;
  Loader loader(open_dataset(options, Split::kTrain), train_transform(options),
                {.batch = 128, .shuffle = true, .drop_last = true, .workers = state.range(0)});
  int64_t epoch = 0;
  while (state.KeepRunning()) {
    if (!loader.next()) loader.start(++epoch);
  }
  state.SetItemsProcessed(state.iterations() * 128);
}
BENCHMARK(load_small)->Arg(0)->Arg(1)->UseRealTime()->Unit(benchmark::kMicrosecond);

void normalize(benchmark::State& state) {
  Tensor images(DType::kU8, {32, 224, 224, 3});
  const NormalizationTable table = normalization_table(3, {0.485, 0.456, 0.406}, {0.229, 0.224, 0.225});
  while (state.KeepRunning()) benchmark::DoNotOptimize(normalize_nchw(images, table));
  state.SetItemsProcessed(state.iterations() * images.dim(0));
}
BENCHMARK(normalize)->Unit(benchmark::kMillisecond);

}  // namespace

}  // namespace qat::data
