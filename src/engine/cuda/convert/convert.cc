// The table of conversions, fastest first.
#include "engine/cuda/convert/convert.h"

#include "engine/cuda/convert/convert_kernels.h"

namespace qat::cuda {

std::span<const ConvertKernel> convert_kernels() {
  static const ConvertKernel table[] = {kConvertPictures, kConvertReference};
  return table;
}

}  // namespace qat::cuda
