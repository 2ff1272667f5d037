// The loader: batches of transformed images, shuffled, made ahead by worker threads, the same for any number of them.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "data/dataset.h"
#include "data/transform.h"

namespace qat::data {

struct Batch {
  Tensor images;                 // u8 [N,H,W,C]
  std::vector<int64_t> labels;   // N
  std::vector<int64_t> indices;  // N, in the dataset
  int64_t position = 0;          // in the epoch: start(epoch, position + 1) continues after this batch
  Augmentation rest;             // what a GPU has yet to do with the images, drawn from Random(draws, epoch, index)
  uint64_t draws = 0;
  int64_t epoch = 0;
  int64_t size() const { return static_cast<int64_t>(labels.size()); }
};

// One of several processes that read the same epoch; together they see every image once.
struct Shard {
  int64_t index = 0, count = 1;
  bool whole = false;  // whole batches in turns; false: its part of each batch, none smaller by more than one image
};

struct LoaderOptions {
  int64_t batch = 128;  // of all shards together; of one where they are whole
  bool shuffle = false;
  bool drop_last = false;
  int64_t workers = 1;   // threads; 0: the caller's, in next()
  int64_t prefetch = 4;  // batches made ahead at most, so memory is (prefetch + 1) batches
  uint64_t seed = 0;
  bool skip_broken = false;  // leave out images that throw kBadFile: a batch gets smaller, nothing takes their place
  Augmentation rest;         // of the transform, for every batch: see split_train_transform
  Shard shard = {};
};

// An image's augmentation draws from Random(augment_seed(seed), epoch, index). Batch::draws.
uint64_t augment_seed(uint64_t seed);

// Yields the batches of an epoch. Order and augmentation depend on (seed, epoch, index) only: any number of workers
// gives the same. One thread uses a Loader; it may be destroyed at any time.
class Loader {
 public:
  // Throws Error(kUsage) on impossible options.
  Loader(std::shared_ptr<const Dataset> dataset, Transform transform, LoaderOptions options);
  ~Loader();
  Loader(const Loader&) = delete;
  Loader& operator=(const Loader&) = delete;

  // Starts epoch `epoch` at batch `first_batch` (to resume in mid-epoch); drops what was made ahead.
  void start(int64_t epoch, int64_t first_batch = 0);

  // nullopt at the end of the epoch. Rethrows the error of the batch's first failed image, and again until start().
  // A batch of which every image was skipped, or of which the shard has none, is passed over.
  std::optional<Batch> next();

  int64_t batches() const;  // per epoch

  // Broken images left out in the batches of this epoch so far, and the messages of the first kMaxMessages.
  int64_t skipped() const;
  const std::vector<std::string>& skipped_messages() const;
  static constexpr size_t kMaxMessages = 16;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace qat::data
