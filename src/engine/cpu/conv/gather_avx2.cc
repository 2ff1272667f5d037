// Gathering rows in pieces of 32 bytes, for AVX2.
#include "engine/cpu/conv/gather_rows.h"

namespace qat::kernels {

constinit const Gather kGatherAvx2 = make_gather<32>();

}  // namespace qat::kernels
