// One launch a tensor, on the stream that made it: see histograms.h.
#include "train/cuda/histograms.h"

#include "train/cuda/check.h"

namespace qat::train::cuda {

CudaHistograms::CudaHistograms(size_t count) {
  guarded([&] {
    const auto bytes = static_cast<int64_t>(count * sizeof(HistogramState));
    states_ = at::zeros({bytes}, at::TensorOptions().device(at::kCUDA).dtype(at::kByte));
  });
}

void CudaHistograms::add(size_t histogram, std::span<const float> device_values) {
  device_kernels().add_to_histogram(
      {.size = static_cast<int64_t>(device_values.size()),
       .type = Type::kF32,
       .x = device_values.data(),
       .histogram = reinterpret_cast<HistogramState*>(states_.data_ptr<uint8_t>()) + histogram},
      c10::cuda::getCurrentCUDAStream().stream());
}

quant::Histogram CudaHistograms::get(size_t histogram) {
  return guarded([&] {
    const auto size = static_cast<int64_t>(sizeof(HistogramState));
    const at::Tensor host = states_.narrow(0, static_cast<int64_t>(histogram) * size, size).cpu();
    return histogram_of(*reinterpret_cast<const HistogramState*>(host.const_data_ptr<uint8_t>()));
  });
}

}  // namespace qat::train::cuda
