// The entries of the addition's table, one file per ISA.
#pragma once

#include "engine/cpu/add/add.h"

namespace qat::kernels {

extern const AddKernel kAddAvx512;
extern const AddKernel kAddAvx2;
extern const AddKernel kAddReference;

}  // namespace qat::kernels
