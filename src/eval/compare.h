// How two float tensors that should be equal differ.
#pragma once

#include <string>
#include <vector>

#include "base/tensor.h"

namespace qat::eval {

struct Difference {
  double cosine = 0;    // of the two as vectors; 1 when both are zero
  double snr_db = 0;    // 10 log10(sum a^2 / sum (a - b)^2); infinite when equal
  double max_abs = 0;   // largest |a - b|
  double relative = 0;  // largest |a - b| / largest |a|
};

// a, b: f32 of one shape; a is the one to agree with. Values that are not finite give NaN figures.
Difference difference(const Tensor& a, const Tensor& b);

}  // namespace qat::eval
