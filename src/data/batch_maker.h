// Makes one batch: several threads put images in at their places, the last one finishes it.
#pragma once

#include <cstdint>
#include <exception>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "data/loader.h"

namespace qat::data {

// Collects the images `indices` of an epoch's batch. put() is thread-safe for different places; finish() comes after
// all of them.
class BatchMaker {
 public:
  BatchMaker(int64_t position, std::span<const int64_t> indices);

  int64_t size() const { return static_cast<int64_t>(indices_.size()); }
  int64_t index(int64_t place) const { return indices_[static_cast<size_t>(place)]; }

  // Copies an image to its place. The first one fixes the shape: throws Error(kUsage) for an image of another.
  void put(int64_t place, const Tensor& pixels, int64_t label);
  void skip(int64_t place, std::string message);  // leaves a broken image out
  void fail_at(int64_t place, std::exception_ptr error);

  // The batch without the skipped images, in order; rethrows the error of the first failed place.
  Batch finish();
  const std::vector<std::string>& skipped() const { return messages_; }  // after finish(), in order

 private:
  int64_t position_;
  std::vector<int64_t> indices_;
  std::vector<int64_t> labels_;        // kSkipped: left out
  std::vector<std::string> messages_;  // one per place until finish(), which keeps those of skipped images

  std::mutex mutex_;  // guards what follows
  Tensor images_;     // [size(),H,W,C] from the first put on
  int64_t error_place_ = 0;
  std::exception_ptr error_;
};

}  // namespace qat::data
