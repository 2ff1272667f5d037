// Pixels to floats through a table per channel: see normalize.h.
#include "data/normalize.h"

namespace qat::data {

namespace {

// One value per channel: the given ones, one for all, or a default.
std::vector<double> per_channel(const std::vector<double>& values, int64_t channels, double otherwise,
                                const char* key) {
  if (values.empty()) return std::vector<double>(static_cast<size_t>(channels), otherwise);
  if (values.size() == 1) return std::vector<double>(static_cast<size_t>(channels), values[0]);
  if (values.size() != static_cast<size_t>(channels))
    fail(Code::kUsage, "[", key, "] expected ", channels, " values, one per channel, got ", values.size());
  return values;
}

// One image of C interleaved channels to C planes. A compile-time C keeps the three look-ups of a pixel in one loop.
template <int64_t C>
void split_planes(const uint8_t* pixels, int64_t plane, const NormalizationTable& table, float* out) {
  for (int64_t i = 0; i < plane; ++i)
    for (int64_t c = 0; c < C; ++c) out[c * plane + i] = table[static_cast<size_t>(c)][pixels[i * C + c]];
}

}  // namespace

NormalizationTable normalization_table(int64_t channels, const std::vector<double>& mean,
                                       const std::vector<double>& std) {
  const std::vector<double> means = per_channel(mean, channels, 0.0, "DATA.MEAN");
  const std::vector<double> deviations = per_channel(std, channels, 1.0, "DATA.STD");
  NormalizationTable table(static_cast<size_t>(channels));
  for (size_t c = 0; c < table.size(); ++c) {
    const auto m = static_cast<float>(means[c]), d = static_cast<float>(deviations[c]);
    if (!(d > 0)) fail(Code::kUsage, "[DATA.STD] expected positive values, got ", deviations[c]);
    for (size_t x = 0; x < 256; ++x) table[c][x] = (static_cast<float>(x) / 255.0f - m) / d;
  }
  return table;
}

Tensor normalize_nchw(const Tensor& images, const NormalizationTable& table) {
  QAT_ASSERT(images.shape().size() == 4 && images.dim(3) == static_cast<int64_t>(table.size()));
  const int64_t n = images.dim(0), height = images.dim(1), width = images.dim(2), channels = images.dim(3);
  Tensor result(DType::kF32, {n, channels, height, width});
  const int64_t plane = height * width;
  for (int64_t i = 0; i < n; ++i) {
    const uint8_t* pixels = images.data<uint8_t>().data() + i * plane * channels;
    float* out = result.data<float>().data() + i * plane * channels;
    if (channels == 1) {
      split_planes<1>(pixels, plane, table, out);
    } else if (channels == 3) {
      split_planes<3>(pixels, plane, table, out);
    } else {
      for (int64_t at = 0; at < plane * channels; ++at)
        out[at % channels * plane + at / channels] = table[static_cast<size_t>(at % channels)][pixels[at]];
    }
  }
  return result;
}

Tensor normalize_nchw(const Tensor& images, const std::vector<double>& mean, const std::vector<double>& std) {
  return normalize_nchw(images, normalization_table(images.dim(3), mean, std));
}

}  // namespace qat::data
