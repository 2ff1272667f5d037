// The entries of the conversions' table.
#pragma once

#include "engine/cuda/convert/convert.h"

namespace qat::cuda {

extern const ConvertKernel kConvertPictures;   // f32 [N,C,H,W] or u8 [N,H,W,C] with C <= 4 to u8 of pitch 4
extern const ConvertKernel kConvertReference;  // one thread an element

}  // namespace qat::cuda
