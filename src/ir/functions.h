// Operators of one value by the float formulas of base/qmath.h: what engines compute.
#pragma once

#include <optional>

#include "ir/graph.h"

namespace qat::ir {

// The activation of an operator that a layer's epilogue has a form for, in plain units.
std::optional<Epilogue> activation_of(const Node& node);

// Plain units -> units of the output's scale (1 for floats).
Epilogue scaled(Epilogue epilogue, double scale);

// Relu, Clip, Sigmoid, HardSigmoid, HardSwish, Silu, LeakyRelu or Tanh of x.
float apply_function(const Node& node, float x);

}  // namespace qat::ir
