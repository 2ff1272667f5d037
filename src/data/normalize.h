// The one normalization of pixels that training, ONNX files and engines are fed with.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "base/tensor.h"

namespace qat::data {

using NormalizationTable = std::vector<std::array<float, 256>>;  // [C][256]

// table[c][x] = (float(x) / 255 - float(mean[c])) / float(std[c]), each operation rounded to float: what torchvision's
// ToTensor and Normalize compute, and what an engine with u8 input looks up. Empty mean and std mean 0 and 1; one
// value serves all channels. Throws Error(kUsage) when the numbers do not fit the channels or a deviation is not
// positive.
NormalizationTable normalization_table(int64_t channels, const std::vector<double>& mean,
                                       const std::vector<double>& std);

// u8 [N,H,W,C] -> f32 [N,C,H,W] through the table.
Tensor normalize_nchw(const Tensor& images, const NormalizationTable& table);
Tensor normalize_nchw(const Tensor& images, const std::vector<double>& mean, const std::vector<double>& std);

}  // namespace qat::data
