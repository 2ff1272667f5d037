// One block a batch: scalars, labels, pixels. See feed.h.
#include "train/cuda/feed.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "train/cuda/check.h"

namespace qat::train::cuda {

namespace {

constexpr int64_t kLabelsAt = 256;  // behind the scalars
static_assert(sizeof(StepScalars) <= kLabelsAt);

int64_t pixels_at(int64_t images) { return (kLabelsAt + images * int64_t{sizeof(int64_t)} + 255) / 256 * 256; }

}  // namespace

Feed::Feed(const std::vector<std::array<float, 256>>& table, const Target& target)
    : target_(target), copies_(c10::cuda::getStreamFromPool()) {
  std::vector<float> rows;
  for (const auto& row : table) rows.insert(rows.end(), row.begin(), row.end());
  table_ = to_device(rows, target.device);
  for (Buffer& buffer : buffers_) {
    check(cudaEventCreateWithFlags(&buffer.copied, cudaEventDisableTiming), "event");
    check(cudaEventCreateWithFlags(&buffer.read, cudaEventDisableTiming), "event");
  }
}

Feed::~Feed() {
  for (Buffer& buffer : buffers_) cudaEventDestroy(buffer.copied), cudaEventDestroy(buffer.read);
}

void Feed::reserve(Buffer& buffer, int64_t bytes) {
  if (buffer.host.defined() && buffer.host.numel() >= bytes) return;
  // Both may be in use by what is queued.
  check(cudaStreamSynchronize(copies_.stream()), "copy");
  check(cudaStreamSynchronize(target_.stream), "step");
  buffer.host = at::empty({bytes}, at::TensorOptions().dtype(at::kByte).pinned_memory(true));
  buffer.device = at::empty({bytes}, target_.bytes());
}

Feed::Input Feed::make_input(const data::Batch& batch, const Target& target) {
  const Shape& s = batch.images.shape();
  return {.pixels = at::empty({s[0], s[3], s[1], s[2]}, target.activation(), at::MemoryFormat::ChannelsLast),
          .labels = at::empty({s[0]}, at::TensorOptions().device(target.device).dtype(at::kLong))};
}

void Feed::deliver(const data::Batch& batch, int64_t classes, const StepScalars& scalars, Input& input,
                   StepScalars* device_scalars) {
  for (const int64_t label : batch.labels) {
    if (label < 0 || label >= classes) {
      fail(Code::kBadFile, "[MODEL.CLASSES] expected labels below ", classes, ", got ", label,
           "; set MODEL.CLASSES to the data's number of classes");
    }
  }
  Buffer& buffer = buffers_[next_++ % buffers_.size()];
  const int64_t images = batch.size(), start = pixels_at(images);
  const int64_t bytes = start + static_cast<int64_t>(batch.images.bytes());
  reserve(buffer, bytes);
  check(cudaEventSynchronize(buffer.copied), "copy");
  auto* host = buffer.host.mutable_data_ptr<uint8_t>();
  std::memcpy(host, &scalars, sizeof scalars);
  std::memcpy(host + kLabelsAt, batch.labels.data(), batch.labels.size() * sizeof(int64_t));
  std::memcpy(host + start, batch.images.raw(), batch.images.bytes());

  auto* device = buffer.device.mutable_data_ptr<uint8_t>();
  check(cudaStreamWaitEvent(copies_.stream(), buffer.read, 0), "wait");
  check(cudaMemcpyAsync(device, host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, copies_.stream()), "copy");
  check(cudaEventRecord(buffer.copied, copies_.stream()), "record");
  check(cudaStreamWaitEvent(target_.stream, buffer.copied, 0), "wait");
  const auto within = [&](void* to, const uint8_t* from, size_t size) {
    check(cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToDevice, target_.stream), "copy");
  };
  within(device_scalars, device, sizeof scalars);
  within(input.labels.mutable_data_ptr<int64_t>(), device + kLabelsAt, batch.labels.size() * sizeof(int64_t));
  const Shape& s = batch.images.shape();
  target_.kernels.make_batch({.n = s[0],
                              .height = s[1],
                              .width = s[2],
                              .channels = s[3],
                              .out_height = s[1],
                              .out_width = s[2],
                              .out_channels = input.pixels.size(1),
                              .type = target_.type,
                              .images = device + start,
                              .table = table_of<float>(table_),
                              .y = input.pixels.mutable_data_ptr()},
                             target_.stream);
  check(cudaEventRecord(buffer.read, target_.stream), "record");
}

}  // namespace qat::train::cuda
