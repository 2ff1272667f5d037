// Gathering rows in pieces of 16 bytes, for plain C++.
#include "engine/cpu/conv/gather_rows.h"

namespace qat::kernels {

void gather_rows(const GatherTask& task) { gather_rows_in<16>(task); }

}  // namespace qat::kernels
