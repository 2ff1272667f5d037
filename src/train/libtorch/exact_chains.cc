// From units to real values and back: see exact_chains.h.
#include "train/libtorch/exact_chains.h"

namespace qat::train {

using ir::kNone;
using ir::ValueId;

float ratio(float a, float b) { return static_cast<float>(static_cast<double>(a) / static_cast<double>(b)); }

std::function<at::Tensor(const Frame&)> float_chain(const Chain& chain, const ChainOperands& c, PixelPass pass,
                                                    bool adds_integers) {
  const bool repeats = c.skip == kNone && c.x_unit == c.s_y;  // already x / s_y: an average pool, a requantization
  const bool in_units = repeats || adds_integers;
  if (!in_units) {
    pass.clip_lo = chain.clip_lo, pass.clip_hi = chain.clip_hi;
    pass.scale = chain.quant == kNone ? 0.0f : c.s_y;
    pass.skip_scale = c.skip_unit;
  }
  const float factor = in_units ? ratio(c.x_unit, c.s_y) : c.x_unit;
  const float back = in_units || chain.quant == kNone ? 1.0f : c.s_y;
  return [c, pass, factor, back](const Frame& f) {
    at::Tensor x = f[static_cast<size_t>(c.x)];
    at::Tensor skip = c.skip == kNone ? at::Tensor() : f[static_cast<size_t>(c.skip)];
    if (factor != 1.0f) x = at::mul(x, at::Scalar(static_cast<double>(factor)));
    at::Tensor y = run_pixels(x, skip, pass);
    return back == 1.0f ? y : at::round(at::div(y, at::Scalar(static_cast<double>(back))));
  };
}

}  // namespace qat::train
