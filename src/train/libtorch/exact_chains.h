// Chains of an exact plan that no layer's sums go into: see exact_steps.h for how values are held.
#pragma once

#include "train/libtorch/pixel_pass.h"
#include "train/libtorch/steps.h"

namespace qat::train {

// a / b in double, rounded once.
float ratio(float a, float b);

struct ChainOperands {
  ir::ValueId x, skip;  // skip: kNone where there is no Add
  float x_unit, skip_unit;
  float s_y;  // the output's unit
};

// A sum of two integers is v = fma(skip, R, x * R') in units of the output; other real values are divided by its scale,
// as base/qmath.h's quantize does. pass: clip, R and quantizer in units of the output.
std::function<at::Tensor(const Frame&)> float_chain(const Chain& chain, const ChainOperands& c, PixelPass pass,
                                                    bool adds_integers);

}  // namespace qat::train
