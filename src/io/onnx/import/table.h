// Which operators are understood, and by which function.
#pragma once

#include "io/onnx/import/importer.h"

namespace qat::onnxio {

bool supports(const Node& node);

// Folds the node when its result is known at import, else adds it to the graph. Throws Unsupported.
void import_operator(Importer& in, const Node& node);

// What can be computed at import: shapes of activations, and arithmetic on known tensors (fold.cc). True when done.
bool fold(Importer& in, const Node& node);
bool fold_fill(Importer& in, const Node& node);  // ConstantOfShape

// One per operator or family; each file ops_*.cc has those of one kind.
using ImportFunction = void (*)(Importer&, const Node&);
void import_conv(Importer&, const Node&);
void import_conv_transpose(Importer&, const Node&);
void import_gemm(Importer&, const Node&);
void import_matmul(Importer&, const Node&);
void import_batch_norm(Importer&, const Node&);
void import_unary(Importer&, const Node&);
void import_binary(Importer&, const Node&);
void import_sum(Importer&, const Node&);
void import_clip(Importer&, const Node&);
void import_min_max(Importer&, const Node&);
void import_alpha_beta(Importer&, const Node&);
void import_swish(Importer&, const Node&);
void import_dropout(Importer&, const Node&);
void import_identity(Importer&, const Node&);
void import_cast(Importer&, const Node&);
void import_constant(Importer&, const Node&);
void import_softmax(Importer&, const Node&);
void import_max_pool(Importer&, const Node&);
void import_avg_pool(Importer&, const Node&);
void import_global_avg_pool(Importer&, const Node&);
void import_reduce_mean(Importer&, const Node&);
void import_concat(Importer&, const Node&);
void import_flatten(Importer&, const Node&);
void import_reshape(Importer&, const Node&);
void import_squeeze(Importer&, const Node&);
void import_unsqueeze(Importer&, const Node&);
void import_transpose(Importer&, const Node&);
void import_pad(Importer&, const Node&);
void import_quantize(Importer&, const Node&);
void import_dequantize(Importer&, const Node&);
void import_folded_only(Importer&, const Node&);  // Shape, Gather, ...: only where fold() could compute them

}  // namespace qat::onnxio
