// Gathering rows in pieces of 16 bytes, for plain C++.
#include "engine/cpu/conv/gather_rows.h"

namespace qat::kernels {

constinit const Gather kGather = make_gather<16>();

}  // namespace qat::kernels
