// Gathering rows in pieces of 64 bytes, for AVX-512.
#include "engine/cpu/conv/gather_rows.h"

namespace qat::kernels {

constinit const Gather kGatherAvx512 = make_gather<64>();

}  // namespace qat::kernels
