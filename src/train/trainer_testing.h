// For tests: a data set that is learned in seconds, and the options to train on it.
#pragma once

#include <filesystem>
#include <string>

#include "base/file.h"
#include "base/random.h"
#include "io/checkpoint.h"
#include "io/python_judge.h"
#include "train/train.h"

namespace qat::train {

inline std::string big_endian(uint32_t value) {
  std::string text(4, '\0');
  for (size_t i = 0; i < 4; ++i) text[i] = static_cast<char>(value >> (24 - 8 * i));
  return text;
}

// 10 x 10 pixels: the quadrant of a bright spot is the class.
inline void write_split(const std::filesystem::path& folder, const std::string& stem, uint32_t count) {
  std::string images = big_endian(0x803) + big_endian(count) + big_endian(10) + big_endian(10);
  std::string labels = big_endian(0x801) + big_endian(count);
  Random random(count);
  for (uint32_t i = 0; i < count; ++i) {
    const auto label = static_cast<size_t>(random.below(4));
    std::string image(100, '\0');
    for (char& pixel : image) pixel = static_cast<char>(random.below(60));
    const size_t row = (label / 2) * 5 + static_cast<size_t>(random.below(4));
    const size_t column = (label % 2) * 5 + static_cast<size_t>(random.below(4));
    image[row * 10 + column] = image[(row + 1) * 10 + column] = static_cast<char>(255);
    images += image;
    labels += static_cast<char>(label);
  }
  write_file(folder / (stem + "-images-idx3-ubyte"), images);
  write_file(folder / (stem + "-labels-idx1-ubyte"), labels);
}

inline config::Options options_in(const qat::testing::TempFolder& folder) {
  if (!std::filesystem::exists(folder / "train-images-idx3-ubyte")) {
    write_split(folder.path(), "train", 200);
    write_split(folder.path(), "t10k", 40);
  }
  config::Options o;
  o.outputs = (folder / "outputs").string();
  o.model = {.net = "resnet8", .in_channels = 1, .classes = 4};
  o.data = {.format = "idx", .path = folder.path().string(), .augment = "crop", .pad = 1, .flip = false};
  o.data.mean = {0.2}, o.data.std = {0.2}, o.data.validation = 40;
  o.train.epochs = 3, o.train.batch = 16, o.train.lr = 0.05, o.train.threads = 2, o.train.warmup = 0.5;
  o.quant.images = 64, o.quant.batch = 16;
  return o;
}

// All weights, ranges and statistics of a checkpoint, as bytes.
inline std::string weights(const std::filesystem::path& path) {
  std::string bytes;
  const ir::Graph graph = io::load_checkpoint(path).graph;
  for (const ir::Value& value : graph.values) {
    if (value.role == ir::Role::kActivation) continue;
    bytes.append(static_cast<const char*>(value.data.raw()), value.data.bytes());
  }
  return bytes;
}

inline Report stop_after(int* steps) {
  return {.info = {}, .progress = {}, .interrupted = [steps] { return --*steps == 0; }};
}

}  // namespace qat::train
