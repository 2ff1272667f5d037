// A table of 256 values a channel: see module_input.h.
#include "train/libtorch/module_input.h"

namespace qat::train {

namespace {

at::Tensor wrap(const Tensor& images, at::ScalarType type) {
  return at::from_blob(const_cast<void*>(images.raw()), images.shape(), at::TensorOptions().dtype(type));
}

}  // namespace

at::Tensor ModuleInput::operator()(const Tensor& images, at::Device device) {
  if (images.type() == DType::kU8) return device.is_cpu() ? from_bytes(images) : from_bytes_on(images, device);
  const at::Tensor x = device.is_cpu() ? wrap(images, at::kFloat) : wrap(images, at::kFloat).to(device);
  if (x.dim() != 4) return x.contiguous();
  // Not contiguous(): it leaves images of one channel with NCHW strides, and oneDNN then reorders all that the first
  // convolution makes.
  return at::empty(x.sizes(), x.options(), at::MemoryFormat::ChannelsLast).copy_(x);
}

at::Tensor ModuleInput::from_bytes(const Tensor& images) const {
  const Shape& s = images.shape();
  QAT_ASSERT(s.size() == 4);
  const int64_t channels = s[3];
  const data::NormalizationTable table = data::normalization_table(channels, mean_, std_);
  at::Tensor x =
      at::empty({s[0], s[3], s[1], s[2]}, at::TensorOptions().dtype(at::kFloat), at::MemoryFormat::ChannelsLast);
  const uint8_t* in = images.data<uint8_t>().data();
  float* out = x.mutable_data_ptr<float>();
  at::parallel_for(0, images.size() / channels, 32768, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      for (int64_t c = 0; c < channels; ++c) {
        out[i * channels + c] = table[static_cast<size_t>(c)][in[i * channels + c]];
      }
    }
  });
  return x;
}

at::Tensor ModuleInput::from_bytes_on(const Tensor& images, at::Device device) {
  QAT_ASSERT(images.shape().size() == 4);
  const int64_t channels = images.dim(3);
  if (!rows_.defined() || rows_.numel() != channels) {
    const data::NormalizationTable table = data::normalization_table(channels, mean_, std_);
    at::Tensor values = at::empty({channels, 256}, at::TensorOptions().dtype(at::kFloat));
    for (int64_t c = 0; c < channels; ++c) {
      std::copy_n(table[static_cast<size_t>(c)].data(), 256, values.mutable_data_ptr<float>() + 256 * c);
    }
    table_ = values.flatten().to(device);
    rows_ = at::arange(0, 256 * channels, 256, at::TensorOptions().dtype(at::kInt)).to(device);
  }
  const at::Tensor places = wrap(images, at::kByte).to(device).to(at::kInt).add_(rows_);
  return table_.index_select(0, places.flatten()).view(places.sizes()).permute({0, 3, 1, 2});
}

}  // namespace qat::train
