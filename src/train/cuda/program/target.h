// Where a program runs: a device of LibTorch, the table of kernels for it, and the type of activations.
#pragma once

#include "train/cuda/kernels/kernels.h"
#include "train/cuda/program/torch.h"

namespace qat::train::cuda {

struct Target {
  const Kernels& kernels;
  at::Device device;
  Type type = Type::kBF16;        // of activations, weights' copies and their gradients; f32 in tests
  cudaStream_t stream = nullptr;  // LibTorch's current one while a program runs; the host has none

  at::TensorOptions activation() const {
    return at::TensorOptions().device(device).dtype(type == Type::kBF16 ? at::kBFloat16 : at::kFloat);
  }
  at::TensorOptions f32() const { return at::TensorOptions().device(device).dtype(at::kFloat); }
  at::TensorOptions bytes() const { return at::TensorOptions().device(device).dtype(at::kByte); }
};

// x as the kernels see it: [N,C,H,W] in channels last is [N H W, C]; other ranks are rows of any width.
struct Pixels {
  int64_t rows, channels;
  explicit Pixels(const at::Tensor& x) : rows(0), channels(x.dim() == 4 || x.dim() == 2 ? x.size(1) : x.size(-1)) {
    rows = channels == 0 ? 0 : x.numel() / channels;
  }
};

inline at::MemoryFormat format_of(const at::Tensor& x) {
  return x.dim() == 4 ? at::MemoryFormat::ChannelsLast : at::MemoryFormat::Contiguous;
}
inline at::Tensor dense(const at::Tensor& x) { return x.contiguous(format_of(x)); }
inline at::Tensor empty_like_dense(const at::Tensor& x) { return at::empty(x.sizes(), x.options(), format_of(x)); }

// A table of plain structs in the device's memory. The copy is complete when it returns.
template <class T>
at::Tensor to_device(const std::vector<T>& table, at::Device device) {
  const auto size = static_cast<int64_t>(table.size() * sizeof(T));
  at::Tensor host = at::empty({size}, at::TensorOptions().dtype(at::kByte));
  std::copy_n(reinterpret_cast<const uint8_t*>(table.data()), size, host.mutable_data_ptr<uint8_t>());
  return device.is_cpu() ? host : host.to(device);
}

template <class T>
const T* table_of(const at::Tensor& bytes) {
  return reinterpret_cast<const T*>(bytes.const_data_ptr<uint8_t>());
}

}  // namespace qat::train::cuda
