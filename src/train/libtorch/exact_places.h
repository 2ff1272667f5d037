// Where engines have integers and what they round them with: questions that exact plans ask of a canonical graph.
#pragma once

#include "train/libtorch/exact_layer.h"

namespace qat::train {

class ExactPlaces {
 public:
  explicit ExactPlaces(const ir::Graph& graph) : graph_(graph), uses_(graph) {}

  const ir::Uses& uses() const { return uses_; }
  bool integers(ir::ValueId id) const { return integers_of(graph_, uses_, id).has_value(); }

  // Whether a chain takes over the sums of a layer; with an Add in it, when `skip` has integers of that size.
  bool takes_sums(ir::ValueId sums, ir::ValueId skip) const;
  bool adds_integers(ir::ValueId x, ir::ValueId skip) const;     // of one size
  bool multiplies_integers(ir::ValueId a, ir::ValueId b) const;  // of one size, or by a gate [N,C,1,1]

  // The scale that a value's only reader quantizes it with.
  std::optional<float> wanted(ir::ValueId id) const;

  // The unit of sums and products: the scale that they are quantized with, past an activation; else 1.
  float result_unit(ir::ValueId id) const;

 private:
  const ir::Dims& dims(ir::ValueId id) const { return graph_.value(id).dims; }

  const ir::Graph& graph_;
  const ir::Uses uses_;
};

}  // namespace qat::train
