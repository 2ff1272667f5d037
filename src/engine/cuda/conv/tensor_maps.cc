// Tensor maps by the driver's own functions, found at run time: libcuda is not linked.
#include "engine/cuda/conv/tensor_maps.h"

#include "engine/cuda/kernel.h"

namespace qat::cuda {
namespace {

using EncodeTiled = decltype(&cuTensorMapEncodeTiled);
using EncodeIm2col = decltype(&cuTensorMapEncodeIm2col);

// Null where the driver has none.
template <class Function>
Function driver_function(const char* name) {
  void* found = nullptr;
  cudaDriverEntryPointQueryResult result{};
  const cudaError_t status = cudaGetDriverEntryPointByVersion(name, &found, 12000, cudaEnableDefault, &result);
  if (status != cudaSuccess || result != cudaDriverEntryPointSuccess) found = nullptr;
  return reinterpret_cast<Function>(found);
}

CUtensorMapSwizzle swizzle_of(int box_bytes) {
  return box_bytes == 64 ? CU_TENSOR_MAP_SWIZZLE_64B : CU_TENSOR_MAP_SWIZZLE_128B;
}

cudaError_t as_runtime(CUresult result) { return result == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue; }

}  // namespace

cudaError_t make_map(const MatrixMap& matrix, CUtensorMap& map) {
  static const auto encode = driver_function<EncodeTiled>("cuTensorMapEncodeTiled");
  if (encode == nullptr) return cudaErrorNotSupported;
  const cuuint64_t extents[] = {static_cast<cuuint64_t>(matrix.row_bytes), static_cast<cuuint64_t>(matrix.rows)};
  const cuuint64_t pitch[] = {static_cast<cuuint64_t>(matrix.row_bytes)};
  const cuuint32_t box[] = {static_cast<cuuint32_t>(matrix.box_bytes), static_cast<cuuint32_t>(matrix.box_rows)};
  const cuuint32_t steps[] = {1, 1};
  return as_runtime(encode(&map, CU_TENSOR_MAP_DATA_TYPE_UINT8, 2, const_cast<void*>(matrix.data), extents, pitch, box,
                           steps, CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle_of(matrix.box_bytes),
                           CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
}

cudaError_t make_window_map(const kernels::ConvProblem& p, const uint8_t* x, int box_bytes, int box_rows,
                            CUtensorMap& map) {
  static const auto encode = driver_function<EncodeIm2col>("cuTensorMapEncodeIm2col");
  if (encode == nullptr) return cudaErrorNotSupported;
  const auto unsigned64 = [](int64_t v) { return static_cast<cuuint64_t>(v); };
  const int64_t pitch = pitch_of(p.in_channels);
  const cuuint64_t extents[] = {unsigned64(pitch), unsigned64(p.in_w), unsigned64(p.in_h), unsigned64(p.batch)};
  const cuuint64_t pitches[] = {unsigned64(pitch), unsigned64(pitch * p.in_w), unsigned64(pitch * p.in_w * p.in_h)};
  // The corners that a window takes: from -pad to the last that still has its far taps at most `pad` outside.
  const int lower[] = {-static_cast<int>(p.pad_left), -static_cast<int>(p.pad_top)};
  const int upper[] = {static_cast<int>(p.pad_right - (p.kernel_w - 1) * p.dilation_w),
                       static_cast<int>(p.pad_bottom - (p.kernel_h - 1) * p.dilation_h)};
  const cuuint32_t steps[] = {1, static_cast<cuuint32_t>(p.stride_w), static_cast<cuuint32_t>(p.stride_h), 1};
  return as_runtime(encode(&map, CU_TENSOR_MAP_DATA_TYPE_UINT8, 4, const_cast<uint8_t*>(x), extents, pitches, lower,
                           upper, static_cast<cuuint32_t>(box_bytes), static_cast<cuuint32_t>(box_rows), steps,
                           CU_TENSOR_MAP_INTERLEAVE_NONE, swizzle_of(box_bytes), CU_TENSOR_MAP_L2_PROMOTION_L2_128B,
                           CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE));
}

const char* window_map_supports(const kernels::ConvProblem& p) {
  if (p.stride_h > 8 || p.stride_w > 8) return "strides up to 8";
  const auto corner = [](int64_t v) { return v >= -128 && v <= 127; };
  const int64_t down = (p.kernel_h - 1) * p.dilation_h, across = (p.kernel_w - 1) * p.dilation_w;
  if (!corner(-p.pad_left) || !corner(-p.pad_top) || !corner(p.pad_right - across) || !corner(p.pad_bottom - down))
    return "windows' corners up to 128 outside the image";
  return down < 256 && across < 256 ? nullptr : "taps up to 255 apart";
}

}  // namespace qat::cuda
