// Shapes of host tensors: a vector of non-negative extents, with checked products.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace qat {

using Shape = std::vector<int64_t>;

// Product of the extents; 1 for a scalar. Throws Error(kBadFile) on a negative extent or past 2^62.
int64_t count(const Shape& shape);

// "1x3x224x224"; "scalar" for the empty shape.
std::string to_string(const Shape& shape);

}  // namespace qat
