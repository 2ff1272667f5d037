// The addition on an ISA's Lanes.
#pragma once

#include "engine/cpu/add/add_kernels.h"
#include "engine/cpu/tile/elementwise.h"

namespace qat::kernels {
namespace {

int64_t units(const AddProblem& p) { return p.pixels; }

template <class Lanes>
void run(const AddProblem& p, const AddArgs& args, int64_t begin, int64_t end, void*) {
  const auto a_scale = Lanes::broadcast(p.a_scale), b_scale = Lanes::broadcast(p.b_scale);
  for_vectors<Lanes>(p.channels, pitch_of(p.channels), output_pitch(p.epilogue, p.channels), begin, end,
                     [&](int64_t x, int64_t y, int64_t count) {
                       const auto a = Lanes::mul(Lanes::load_u8(args.a + x, p.a_zero_point), a_scale);
                       const auto v = Lanes::fma(Lanes::load_u8(args.b + x, p.b_zero_point), b_scale, a);
                       Lanes::finish(p.epilogue, v, count, at(args.y, p.epilogue.output, y));
                     });
  store_pads(p.epilogue, args.y, begin, end, p.channels);
}

template <class Lanes>
constexpr AddKernel make_kernel(const char* name, Isa isa) {
  return {name, isa, supports_all<AddProblem>, units, no_scratch<AddProblem>, run<Lanes>};
}

}  // namespace
}  // namespace qat::kernels
