// Loops over pixels for elementwise kernels, written once and instantiated per ISA with its Lanes.
#pragma once

#include "engine/cpu/epilogue.h"
#include "engine/cpu/kernel.h"

namespace qat::kernels {
namespace {  // each file that includes this compiles it for its own instruction set

// Calls body(first channel index in the input, element index in y, count) on vectors of at most Lanes::kCount values of
// pixels [begin, end). Pixels without pad follow each other seamlessly and are taken as one run.
template <class Lanes, class Body>
inline void for_vectors(int64_t channels, int64_t in_pitch, int64_t out_pitch, int64_t begin, int64_t end,
                        const Body& body) {
  const bool seamless = in_pitch == channels && out_pitch == channels;
  const int64_t runs = seamless ? (begin < end) : end - begin, length = seamless ? (end - begin) * channels : channels;
  for (int64_t run = 0; run < runs; ++run) {
    const int64_t x = (begin + run) * in_pitch, y = (begin + run) * out_pitch;
    for (int64_t i = 0; i < length; i += Lanes::kCount) body(x + i, y + i, length - i);
  }
}

inline uint8_t* at(void* y, Output output, int64_t index) {
  return static_cast<uint8_t*>(y) + index * (output == Output::kF32 ? 4 : 1);
}

}  // namespace
}  // namespace qat::kernels
