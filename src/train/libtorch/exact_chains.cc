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

std::function<at::Tensor(const Frame&)> unfolded_chain(ir::Graph& graph, const Chain& chain, const ChainOperands& c,
                                                       RunState* state) {
  NormActStep step{.clip_lo = chain.clip_lo, .clip_hi = chain.clip_hi};
  step.state = state;
  const ir::Node& norm = graph.nodes[static_cast<size_t>(chain.norm)];
  step.norm = NormPart{.name = norm.name,
                       .eps = norm.as<ir::BatchNormAttrs>().eps,
                       .running_mean = graph.value(norm.inputs[3]).data.data<float>().data(),
                       .running_var = graph.value(norm.inputs[4]).data.data<float>().data()};
  if (chain.quant != kNone) step.quant = quantizer_of(graph, graph.nodes[static_cast<size_t>(chain.quant)]);
  const ValueId gamma = norm.inputs[1], beta = norm.inputs[2];
  return [step, c, gamma, beta](const Frame& f) {
    const auto real = [&](ValueId id, float scale) {
      if (id == kNone) return at::Tensor();
      return at::mul(f[static_cast<size_t>(id)], at::Scalar(static_cast<double>(scale)));
    };
    const at::Tensor y = step.run(real(c.x, c.x_unit), f[static_cast<size_t>(gamma)], f[static_cast<size_t>(beta)],
                                  real(c.skip, c.skip_unit));
    // Held as integers, like every quantizer's output.
    return step.quant ? at::round(at::div(y, at::Scalar(static_cast<double>(c.s_y)))) : y;
  };
}

}  // namespace qat::train
