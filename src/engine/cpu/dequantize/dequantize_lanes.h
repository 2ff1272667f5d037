// Dequantization on an ISA's Lanes, to NHWC (to NCHW the reference serves: a network's last tensors are small).
#pragma once

#include "engine/cpu/dequantize/dequantize_kernels.h"
#include "engine/cpu/tile/elementwise.h"

namespace qat::kernels {
namespace {

const char* supports(const DequantizeProblem& p) {
  return p.target == DequantizeTarget::kF32Nhwc ? nullptr : "writes NHWC only";
}

int64_t units(const DequantizeProblem& p) { return p.batch * p.height; }

template <class Lanes>
void run(const DequantizeProblem& p, const DequantizeArgs& a, int64_t begin, int64_t end, void*) {
  const auto scale = Lanes::broadcast(p.scale);
  for_vectors<Lanes>(p.channels, pitch_of(p.channels), p.channels, begin * p.width, end * p.width,
                     [&](int64_t x, int64_t y, int64_t count) {
                       Lanes::store(Lanes::mul(Lanes::load_u8(a.x + x, p.zero_point), scale), count, a.y + y);
                     });
}

template <class Lanes>
constexpr DequantizeKernel make_kernel(const char* name, Isa isa) {
  return {name, isa, supports, units, no_scratch<DequantizeProblem>, run<Lanes>};
}

}  // namespace
}  // namespace qat::kernels
