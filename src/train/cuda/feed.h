// Brings batches to the device while it computes: pinned host memory, a copy stream, two buffers that take turns. What
// is left of their augmentation is done there, with the normalization.
#pragma once

#include <array>

#include "data/loader.h"
#include "train/cuda/cuda.h"
#include "train/cuda/program/program.h"

namespace qat::train::cuda {

class Feed {
 public:
  // table: data/normalize.h's, one row a channel.
  Feed(const std::vector<std::array<float, 256>>& table, const Target& target);
  ~Feed();
  Feed(const Feed&) = delete;
  Feed& operator=(const Feed&) = delete;

  // What a step reads, at addresses that stay for a captured graph: filled by deliver().
  struct Input {
    at::Tensor pixels;  // the target's type, [N,C,H,W] channels last
    at::Tensor labels;  // int64 [N]
  };
  // Copies the batch to the device and normalizes it into `input` on the target's stream. The host's part is done when
  // it returns; the device's is queued. classes: labels must be below. Throws Error(kBadFile).
  void deliver(const data::Batch& batch, int64_t classes, const StepScalars& scalars, Input& input,
               StepScalars* device_scalars);

  static Input make_input(const data::Batch& batch, const Target& target);

  // Of the normalized images: [N,C,H,W]. Throws Error(kUsage) where a crop does not fit.
  static std::vector<int64_t> input_shape(const data::Batch& batch);

 private:
  struct Buffer {
    at::Tensor host, device;       // u8
    cudaEvent_t copied = nullptr;  // on the copy stream: the host part may be written again
    cudaEvent_t read = nullptr;    // on the target's stream: the device part may be written again
  };
  void reserve(Buffer& buffer, int64_t bytes);
  void augment(const data::Batch& batch, Input& input, const uint8_t* block) const;

  const Target& target_;
  c10::cuda::CUDAStream copies_;
  at::Tensor table_;
  std::array<Buffer, 2> buffers_;
  size_t next_ = 0;
};

}  // namespace qat::train::cuda
