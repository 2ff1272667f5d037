// Gathering rows in pieces of 32 bytes, for AVX2.
#include "engine/cpu/conv/gather_rows.h"

namespace qat::kernels {

void gather_rows_avx2(const GatherTask& task) { gather_rows_in<32>(task); }

}  // namespace qat::kernels
