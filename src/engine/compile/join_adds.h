// Additions in the epilogue of the layer whose stored result they read.
#pragma once

#include "engine/compile/draft.h"

namespace qat::engine {

// A file that quantizes a convolution's result before it adds the skip (ONNX Runtime's do) asks for two roundings, so
// the addition is no residual of fuse.cc; kernels still do both while the sums are in registers (cpu/epilogue.h,
// Middle), and the result is never stored. Joins an int8 kConv or kGemm without skip to the kAdd that alone reads it;
// of two such layers the later one. The same bytes come out. For the CPU: other devices' kernels have no middle.
void join_adds(Draft& draft);

}  // namespace qat::engine
