// See batch_maker.h.
#include "data/batch_maker.h"

#include <cstring>
#include <utility>

namespace qat::data {

namespace {

constexpr int64_t kSkipped = -1;

// Only the sizes, for messages.
std::string size_text(int64_t height, int64_t width, int64_t channels) {
  return cat(width, "x", height, "x", channels);
}

}  // namespace

BatchMaker::BatchMaker(int64_t position, std::span<const int64_t> indices)
    : position_(position),
      indices_(indices.begin(), indices.end()),
      labels_(indices.size(), kSkipped),
      messages_(indices.size()) {}

void BatchMaker::put(int64_t place, const Tensor& pixels, int64_t label) {
  uint8_t* base = nullptr;
  {
    const std::lock_guard lock(mutex_);
    const Shape shape = {size(), pixels.dim(0), pixels.dim(1), pixels.dim(2)};
    if (!images_.defined()) images_ = Tensor(DType::kU8, shape);
    if (images_.shape() != shape)
      fail(Code::kUsage, "image of ", size_text(pixels.dim(0), pixels.dim(1), pixels.dim(2)),
           ", others of the batch have ", size_text(images_.dim(1), images_.dim(2), images_.dim(3)),
           "; set DATA.SIZE (and DATA.RESIZE)");
    base = images_.data<uint8_t>().data();
  }
  std::memcpy(base + place * pixels.size(), pixels.raw(), pixels.bytes());
  labels_[static_cast<size_t>(place)] = label;
}

void BatchMaker::skip(int64_t place, std::string message) {
  messages_[static_cast<size_t>(place)] = std::move(message);
}

void BatchMaker::fail_at(int64_t place, std::exception_ptr error) {
  const std::lock_guard lock(mutex_);
  if (error_ && error_place_ <= place) return;
  error_ = std::move(error);
  error_place_ = place;
}

Batch BatchMaker::finish() {
  if (error_) std::rethrow_exception(error_);
  std::erase(messages_, std::string());
  if (!messages_.empty() && images_.defined()) {
    // Closes the gaps, front to back.
    const int64_t bytes = images_.size() / size();
    uint8_t* base = images_.data<uint8_t>().data();
    int64_t kept = 0;
    for (int64_t place = 0; place < size(); ++place)
      if (labels_[static_cast<size_t>(place)] != kSkipped)
        std::memmove(base + kept++ * bytes, base + place * bytes, static_cast<size_t>(bytes));
    const Shape shape = {kept, images_.dim(1), images_.dim(2), images_.dim(3)};
    auto owner = std::make_shared<Tensor>(std::move(images_));
    images_ = Tensor(DType::kU8, shape, owner, owner->raw());
  }
  Batch batch{.images = images_, .position = position_};
  for (size_t place = 0; place < labels_.size(); ++place) {
    if (labels_[place] == kSkipped) continue;
    batch.labels.push_back(labels_[place]);
    batch.indices.push_back(indices_[place]);
  }
  return batch;
}

}  // namespace qat::data
