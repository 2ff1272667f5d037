// Gathering rows in pieces of 64 bytes, for AVX-512.
#include "engine/cpu/conv/gather_rows.h"

namespace qat::kernels {

void gather_rows_avx512(const GatherTask& task) { gather_rows_in<64>(task); }

}  // namespace qat::kernels
