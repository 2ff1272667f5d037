// Gathering rows in pieces of 32 bytes, for AVX2.
#include "engine/cpu/conv/gather_dense.h"

namespace qat::kernels {

constinit const Gather kGatherAvx2 = make_gather<32>(gather_columns, gather_dense_fours);

}  // namespace qat::kernels
