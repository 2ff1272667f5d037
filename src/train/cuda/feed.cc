// One block a batch: scalars, random state, labels, indices, pixels. See feed.h.
#include "train/cuda/feed.h"

#include <algorithm>
#include <cstring>

#include "base/error.h"
#include "train/cuda/check.h"

namespace qat::train::cuda {

namespace {

// Bytes of a block, from its beginning.
struct Layout {
  static constexpr int64_t kState = 128, kLabels = 256;  // behind the scalars
  int64_t index, pixels;
  explicit Layout(int64_t images)
      : index(kLabels + images * int64_t{sizeof(int64_t)}),
        pixels((index + images * int64_t{sizeof(int64_t)} + 255) / 256 * 256) {}
};
static_assert(sizeof(StepScalars) <= Layout::kState && sizeof(AugmentState) <= Layout::kLabels - Layout::kState);

template <class T>
void put(uint8_t* to, const std::vector<T>& values) {
  if (!values.empty()) std::memcpy(to, values.data(), values.size() * sizeof(T));
}

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
  return {.pixels = at::empty(input_shape(batch), target.activation(), at::MemoryFormat::ChannelsLast),
          .labels = at::empty({batch.size()}, at::TensorOptions().device(target.device).dtype(at::kLong))};
}

std::vector<int64_t> Feed::input_shape(const data::Batch& batch) {
  const Shape& s = batch.images.shape();
  const data::ImageSize out = batch.rest.output({.height = s[1], .width = s[2]});
  return {s[0], s[3], out.height, out.width};
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
  const Layout layout(batch.size());
  const int64_t bytes = layout.pixels + static_cast<int64_t>(batch.images.bytes());
  reserve(buffer, bytes);
  check(cudaEventSynchronize(buffer.copied), "copy");
  auto* host = buffer.host.mutable_data_ptr<uint8_t>();
  std::memcpy(host, &scalars, sizeof scalars);
  const AugmentState state{.seed = batch.draws, .epoch = static_cast<uint64_t>(batch.epoch)};
  std::memcpy(host + Layout::kState, &state, sizeof state);
  put(host + Layout::kLabels, batch.labels);
  put(host + layout.index, batch.indices);
  std::memcpy(host + layout.pixels, batch.images.raw(), batch.images.bytes());

  auto* device = buffer.device.mutable_data_ptr<uint8_t>();
  check(cudaStreamWaitEvent(copies_.stream(), buffer.read, 0), "wait");
  check(cudaMemcpyAsync(device, host, static_cast<size_t>(bytes), cudaMemcpyHostToDevice, copies_.stream()), "copy");
  check(cudaEventRecord(buffer.copied, copies_.stream()), "record");
  check(cudaStreamWaitEvent(target_.stream, buffer.copied, 0), "wait");
  const auto within = [&](void* to, const uint8_t* from, size_t size) {
    check(cudaMemcpyAsync(to, from, size, cudaMemcpyDeviceToDevice, target_.stream), "copy");
  };
  within(device_scalars, device, sizeof scalars);
  within(input.labels.mutable_data_ptr<int64_t>(), device + Layout::kLabels, batch.labels.size() * sizeof(int64_t));
  augment(batch, input, device);
  check(cudaEventRecord(buffer.read, target_.stream), "record");
}

void Feed::augment(const data::Batch& batch, Input& input, const uint8_t* block) const {
  const Layout layout(batch.size());
  const Shape& s = batch.images.shape();
  target_.kernels.make_batch({.n = s[0],
                              .height = s[1],
                              .width = s[2],
                              .channels = s[3],
                              .out_height = input.pixels.size(2),
                              .out_width = input.pixels.size(3),
                              .out_channels = input.pixels.size(1),
                              .type = target_.type,
                              .images = block + layout.pixels,
                              .index = reinterpret_cast<const int64_t*>(block + layout.index),
                              .state = reinterpret_cast<const AugmentState*>(block + Layout::kState),
                              .crop = batch.rest.crop,
                              .pad = batch.rest.pad,
                              .flip = batch.rest.flip,
                              .table = table_of<float>(table_),
                              .y = input.pixels.mutable_data_ptr()},
                             target_.stream);
}

}  // namespace qat::train::cuda
