// Division of 0 <= n < 2^31 by a number fixed at launch: one multiplication high and a shift.
//
// shift = ceil(log2 d), factor = ceil(2^(32 + shift) / d) - 2^32 fits in 32 bits; n / d = (mulhi(n, factor) + n) >>
// shift (Granlund and Montgomery, 1994); the sum does not overflow for n < 2^31.
#pragma once

#include <cstdint>

#include "base/qmath.h"

namespace qat::cuda {

struct Divisor {
  uint32_t value = 1, factor = 0, shift = 0;

  Divisor() = default;
  explicit Divisor(int64_t d) : value(static_cast<uint32_t>(d)) {
    while ((uint64_t{1} << shift) < value) ++shift;
    factor = static_cast<uint32_t>(((uint64_t{1} << 32) * ((uint64_t{1} << shift) - value)) / value + 1);
  }

  QAT_HD uint32_t quotient(uint32_t n) const {
#ifdef __CUDA_ARCH__
    return (__umulhi(n, factor) + n) >> shift;
#else
    return (static_cast<uint32_t>((uint64_t{n} * factor) >> 32) + n) >> shift;
#endif
  }
  QAT_HD void split(uint32_t n, uint32_t& quotient_out, uint32_t& rest) const {
    quotient_out = quotient(n);
    rest = n - quotient_out * value;
  }
};

}  // namespace qat::cuda
