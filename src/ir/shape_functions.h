// One shape function for each family of float operators; ir/shapes.cc holds the table.
#pragma once

#include "ir/shapes.h"

namespace qat::ir {

// Layers: shapes_layers.cc.
Inferred conv_shape(const ShapeContext& context);  // [N,C,H,W] -> [N,K,H',W']
Inferred conv_transpose_shape(
    const ShapeContext& context);                  // (H-1) stride - pads + dilation (R-1) + output_padding + 1
Inferred gemm_shape(const ShapeContext& context);  // [N,C] -> [N,K]
Inferred batch_norm_shape(const ShapeContext& context);
Inferred fake_quant_shape(const ShapeContext& context);
Inferred pool_shape(const ShapeContext& context);         // [N,C,H,W] -> [N,C,H',W']
Inferred global_pool_shape(const ShapeContext& context);  // -> [N,C,1,1]

// Elementwise and shape operators: shapes_views.cc.
Inferred same_shape(const ShapeContext& context);
Inferred broadcast_shape(const ShapeContext& context);
Inferred concat_shape(const ShapeContext& context);
Inferred flatten_shape(const ShapeContext& context);
Inferred reshape_shape(const ShapeContext& context);
Inferred transpose_shape(const ShapeContext& context);
Inferred pad_shape(const ShapeContext& context);
Inferred reduce_mean_shape(const ShapeContext& context);

// The axis counted from the front; throws where it is out of range.
size_t resolve_axis(const Node& node, int64_t axis, size_t rank);

}  // namespace qat::ir
