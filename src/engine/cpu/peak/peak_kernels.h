// The entries of the table: one file per ISA.
#pragma once

#include "engine/cpu/peak/peak.h"

namespace qat::kernels {

extern const PeakKernel kPeakAvx512Vnni, kPeakAvxVnni, kPeakAvx512, kPeakAvx2, kPeakPortable;
extern const PeakTiles kPeakAmx;

}  // namespace qat::kernels
