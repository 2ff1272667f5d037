// The table of fully connected kernels, fastest first: the tensor-core convolutions of images of one pixel.
#include "engine/cuda/gemm/gemm.h"

#include <vector>

#include "engine/cuda/conv/conv_kernels.h"
#include "engine/cuda/gemm/gemm_kernels.h"

namespace qat::cuda {
namespace {

using kernels::ConvProblem;
using kernels::GemmArgs;
using kernels::GemmProblem;

// A row is one pixel; a flattened image's is all its pixels, pad bytes too, whose weights are 0.
ConvProblem as_conv(const GemmProblem& p) {
  return {.in_channels = p.positions > 1 ? p.positions * pitch_of(p.channels) : p.channels,
          .out_channels = p.outputs,
          .in_zero_point = p.in_zero_point,
          .epilogue = p.epilogue,
          .batch = p.rows};
}

template <const ConvKernel& kConv>
struct Entry {
  static const char* supports(const GemmProblem& p) {
    if (p.positions * pitch_of(p.channels) % 16 != 0) return "rows of whole 16-byte units only";
    return kConv.supports(as_conv(p));
  }
  static size_t packed_bytes(const GemmProblem& p) { return kConv.packed_bytes(as_conv(p)); }
  static void pack(const GemmProblem& p, const int8_t* weights, void* packed) {
    if (p.positions == 1) return kConv.pack(as_conv(p), weights, packed);
    const int64_t pitch = pitch_of(p.channels), row = p.positions * pitch;
    std::vector<int8_t> rows(static_cast<size_t>(p.outputs * row));
    for (int64_t k = 0; k < p.outputs; ++k)
      for (int64_t c = 0; c < p.channels; ++c)
        for (int64_t i = 0; i < p.positions; ++i)
          rows[static_cast<size_t>(k * row + i * pitch + c)] = weights[(k * p.channels + c) * p.positions + i];
    kConv.pack(as_conv(p), rows.data(), packed);
  }
  static cudaError_t run(const GemmProblem& p, const GemmArgs& a, void* workspace, cudaStream_t stream) {
    return kConv.launch(
        as_conv(p),
        {.x = a.x, .weights = a.weights, .multiplier = a.multiplier, .bias = a.bias, .skip = a.skip, .y = a.y},
        workspace, stream);
  }
};

template <const ConvKernel& kConv>
GemmKernel entry(const char* name) {
  using E = Entry<kConv>;
  return {{name, kConv.min_capability, E::supports, no_workspace<GemmProblem>, E::run}, E::packed_bytes, E::pack};
}

}  // namespace

std::span<const GemmKernel> gemm_kernels() {
  static const GemmKernel table[] = {
      entry<kConv32x32x128MmaK8>("gemm_s8_32x32x128_mma_k8"), entry<kConv32x32x128MmaK4>("gemm_s8_32x32x128_mma_k4"),
      entry<kConv64x32x128MmaK4>("gemm_s8_64x32x128_mma_k4"), entry<kConv64x64x128MmaK4>("gemm_s8_64x64x128_mma_k4"),
      entry<kConv64x64x128Mma>("gemm_s8_64x64x128_mma"),      entry<kConv32x64x128Mma>("gemm_s8_32x64x128_mma"),
      entry<kConv128x128x64Mma>("gemm_s8_128x128x64_mma"),    kGemmReference};
  return table;
}

}  // namespace qat::cuda
