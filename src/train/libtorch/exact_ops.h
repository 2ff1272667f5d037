// Operators of integers besides layers and chains, by the engine's formulas: see exact_steps.h for how values are held.
#pragma once

#include "train/libtorch/steps.h"

namespace qat::train {

using Run = std::function<at::Tensor(const Frame&)>;

// y = float(a b) * scale; b may be a gate [N,C,1,1].
Run exact_product(const ir::Node& mul, float scale);

// y = x_i * scale_i, joined.
Run exact_concat(const ir::Graph& graph, const ir::Node& concat, std::vector<float> scales);

// y = float(sum x) * f32(scale / count) of a GlobalAvgPool or AvgPool; count: the window's pixels, with those of the
// padding where count_include_pad says so.
Run exact_average(const ir::Graph& graph, const ir::Node& pool, double scale);

// y = f(q scale), f an operator of one value (ir/functions.h): a table of what integers can be.
Run exact_table(const ir::Node& function, float scale, at::Device device);

// y = f(x unit) / unit for values that are no integers: on a CPU by ir/functions.h, HardSwish and SiLU in units as
// engines do; on a GPU by LibTorch's own functions, which may differ in the last bits.
Run exact_function(const ir::Graph& graph, const ir::Node& function, float unit);

}  // namespace qat::train
