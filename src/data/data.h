// Images from disk to batches: u8 [N,H,W,C], shuffled, augmented, prefetched; no LibTorch.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "base/tensor.h"
#include "config/options.h"

namespace qat::data {

// One decoded image: u8 [H,W,C].
struct Image {
  Tensor pixels;
  int64_t label = 0;
};

// Random access to the images of one split. Thread-safe: get() may be called from several threads.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual int64_t channels() const = 0;
  virtual int64_t classes() const = 0;
  virtual std::string class_name(int64_t label) const = 0;
  // Throws Error(kBadFile) naming the file when the image is broken.
  virtual Image get(int64_t index) const = 0;
};

enum class Split { kTrain, kValidation, kTest };

// Opens what DATA.* describes; the validation split is the training images that a seeded permutation holds out.
// Throws Error(kIo / kBadFile) with the place and the remedy.
std::unique_ptr<Dataset> open_dataset(const config::DataOptions& options, Split split);

// One image to the network's input size. Training transforms draw from `random`; test transforms resize and
// centre-crop.
using Transform = std::function<Tensor(const Tensor& pixels, Random& random)>;
Transform train_transform(const config::DataOptions& options);
Transform test_transform(const config::DataOptions& options);

// Pillow's antialiased bilinear resize (support = scale, 22-bit fixed point, horizontal then vertical), bit for bit. u8
// [H,W,C].
Tensor resize_bilinear(const Tensor& pixels, int64_t height, int64_t width);

struct Batch {
  Tensor images;                 // u8 [N,H,W,C]
  std::vector<int64_t> labels;   // N
  std::vector<int64_t> indices;  // N, in the dataset
  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

struct LoaderOptions {
  int64_t batch = 128;
  bool shuffle = false;
  bool drop_last = false;
  int64_t workers = 1;
  int64_t prefetch = 4;
  uint64_t seed = 0;
  bool skip_broken = false;
};

// Yields the batches of an epoch. Order and augmentation depend on (seed, epoch, index) only: any number of workers
// gives the same.
class Loader {
 public:
  Loader(std::shared_ptr<const Dataset> dataset, Transform transform, LoaderOptions options);
  ~Loader();

  // Starts epoch `epoch` at batch `first_batch` (to resume in mid-epoch).
  void start(int64_t epoch, int64_t first_batch = 0);
  std::optional<Batch> next();  // nullopt at the end of the epoch; rethrows a worker's error
  int64_t batches() const;      // per epoch
  int64_t skipped() const;      // broken images left out so far (skip_broken)

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// (x / 255 - mean) / std in float: f32 [N,C,H,W], the one normalization that checkpoints, ONNX files and engines are
// fed with.
Tensor normalize_nchw(const Tensor& images, const std::vector<double>& mean, const std::vector<double>& std);

}  // namespace qat::data
