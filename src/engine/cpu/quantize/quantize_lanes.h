// Quantization of float tensors on an ISA's Lanes.
#pragma once

#include <cstring>

#include "engine/cpu/quantize/quantize_kernels.h"
#include "engine/cpu/tile/elementwise.h"

namespace qat::kernels {
namespace {

const char* supports(const QuantizeProblem& p) {
  return p.source == QuantizeSource::kU8Nhwc ? "takes float tensors only" : nullptr;
}

// The caller's images lie in memory, in as many streams as they have channels: fetched some lines ahead.
constexpr int64_t kAheadFloats = 256;

int64_t units(const QuantizeProblem& p) { return p.batch * p.height; }

Epilogue clamp_only(const QuantizeProblem& p) { return {.zero_point = p.zero_point, .lo = p.lo, .hi = p.hi}; }

template <class Lanes>
void run_nhwc(const QuantizeProblem& p, const QuantizeArgs& a, int64_t begin, int64_t end) {
  const Epilogue epilogue = clamp_only(p);
  const auto scale = Lanes::broadcast(p.scale);
  const auto* x = static_cast<const float*>(a.x);
  for_vectors<Lanes>(p.channels, p.channels, pitch_of(p.channels), begin * p.width, end * p.width,
                     [&](int64_t from, int64_t to, int64_t count) {
                       Lanes::finish(epilogue, Lanes::div(Lanes::load(x + from, count), scale), count, a.y + to);
                     });
  store_pads(epilogue, a.y, begin * p.width, end * p.width, p.channels);
}

// Division by one scale, rounded as the instruction rounds, which takes as long as sixteen multiplications: the product
// with the reciprocal is at most 1.5 units in the last place off, one correction by its remainder makes it at most one,
// and from there another makes it exact (Markstein), where nothing over- or underflows. Tiny quotients may be off, but
// round to 0 all the same, and what is bounded is out of an integer's bounds anyway.
template <class Lanes>
class Divisor {
 public:
  static bool divides(float scale) { return scale >= 0x1p-40f && scale <= 0x1p40f; }
  explicit Divisor(float scale) : minus_(Lanes::broadcast(-scale)), inverse_(Lanes::broadcast(1.0f / scale)) {}
  auto operator()(typename Lanes::Floats x) const {
    x = Lanes::bounded(x, 0x1p60f);
    auto quotient = Lanes::mul(x, inverse_);
    quotient = Lanes::fma(Lanes::fma(quotient, minus_, x), inverse_, quotient);
    return Lanes::fma(Lanes::fma(quotient, minus_, x), inverse_, quotient);
  }

 private:
  typename Lanes::Floats minus_, inverse_;
};

// Where the scale is no Divisor's.
template <class Lanes>
struct PlainDivisor {
  explicit PlainDivisor(float scale) : scale(Lanes::broadcast(scale)) {}
  auto operator()(typename Lanes::Floats x) const { return Lanes::div(x, scale); }
  typename Lanes::Floats scale;
};

// A row of up to four channels: each gives one byte of a pixel's dword.
template <class Lanes, int Channels, class Division>
void quantize_row(const QuantizeProblem& problem, const float* x, uint8_t* y) {
  const QuantizeProblem p = problem;  // a copy: stores of bytes may alias anything
  const Division divided(p.scale);
  const int64_t plane = p.height * p.width, pitch = pitch_of(p.channels);
  for (int64_t w = 0; w < p.width; w += Lanes::kCount) {
    const int64_t count = p.width - w < Lanes::kCount ? p.width - w : Lanes::kCount;
    auto pixels = Lanes::dwords(p.zero_point * 0x01010101u);
#pragma GCC unroll 4
    for (int i = 0; i < Channels; ++i) {
      const float* from = x + i * plane + w;
      __builtin_prefetch(from + kAheadFloats);
      const auto v = divided(Lanes::load(from, count));
      pixels = Lanes::replace_byte(pixels, Lanes::quantized(v, p.lo, p.hi, p.zero_point), i);
    }
    Lanes::store_dwords(pixels, count, y + w * pitch, pitch);
  }
}

template <class Lanes, class Division>
void run_nchw(const QuantizeProblem& p, const QuantizeArgs& a, int64_t begin, int64_t end) {
  const int64_t pitch = pitch_of(p.channels);
  for (int64_t row = begin; row < end; ++row) {
    const auto* x =
        static_cast<const float*>(a.x) + (row / p.height * p.channels * p.height + row % p.height) * p.width;
    uint8_t* y = a.y + row * p.width * pitch;
    for (int64_t c = 0; c < pitch; c += 4, x += 4 * p.height * p.width, y += 4) {
      switch (p.channels - c) {
        case 1:
          quantize_row<Lanes, 1, Division>(p, x, y);
          break;
        case 2:
          quantize_row<Lanes, 2, Division>(p, x, y);
          break;
        case 3:
          quantize_row<Lanes, 3, Division>(p, x, y);
          break;
        default:
          quantize_row<Lanes, 4, Division>(p, x, y);
      }
    }
  }
}

template <class Lanes>
void run(const QuantizeProblem& p, const QuantizeArgs& a, int64_t begin, int64_t end, void*) {
  if (p.source == QuantizeSource::kF32Nhwc) {
    run_nhwc<Lanes>(p, a, begin, end);
  } else if (Divisor<Lanes>::divides(p.scale)) {
    run_nchw<Lanes, Divisor<Lanes>>(p, a, begin, end);
  } else {
    run_nchw<Lanes, PlainDivisor<Lanes>>(p, a, begin, end);
  }
}

template <class Lanes>
constexpr QuantizeKernel make_kernel(const char* name, Isa isa) {
  return {name, isa, supports, units, no_scratch<QuantizeProblem>, run<Lanes>};
}

}  // namespace
}  // namespace qat::kernels
