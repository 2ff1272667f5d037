// The rate of int8 multiply-adds of one core: what a kernel's speed is a share of.
#pragma once

#include "base/cpu.h"

namespace qat::bench {

// Multiply-adds per second of the level's widest dot product on registers alone, measured in about 50 ms: twelve
// independent sums, so that a latency of 5 cycles hides behind two instructions a cycle. 0 for levels without one.
double dot_peak(Isa isa);

}  // namespace qat::bench
