// As engine/compile decides it (fuse.cc, lower_others_int8.cc): see exact_places.h.
#include "train/libtorch/exact_places.h"

#include "ir/functions.h"
#include "ir/match.h"
#include "ir/quant_range.h"
#include "train/chains.h"

namespace qat::train {

using ir::ValueId;

bool ExactPlaces::takes_sums(ValueId sums, ValueId skip) const {
  if (sole_consumer(graph_, uses_, sums) == nullptr) return false;
  return skip == ir::kNone || (integers(skip) && is_coded_input(graph_, uses_, skip) && dims(skip) == dims(sums));
}

bool ExactPlaces::adds_integers(ValueId x, ValueId skip) const {
  return skip != ir::kNone && integers(x) && integers(skip) && dims(x) == dims(skip);
}

bool ExactPlaces::multiplies_integers(ValueId a, ValueId b) const {
  const auto gate = [](const ir::Dims& x, const ir::Dims& g) {
    return x.size() == 4 && g.size() == 4 && g[0] == x[0] && g[1] == x[1] && g[2] == 1 && g[3] == 1;
  };
  return integers(a) && integers(b) && (dims(a) == dims(b) || gate(dims(a), dims(b)) || gate(dims(b), dims(a)));
}

std::optional<float> ExactPlaces::wanted(ValueId id) const {
  const ir::Node* reader = sole_consumer(graph_, uses_, id);
  if (reader == nullptr || !is_plain_activation_quantizer(graph_, *reader)) return std::nullopt;
  return ir::quant_range(graph_, *reader).scale.at(0);
}

float ExactPlaces::result_unit(ValueId id) const {
  const ir::Node* reader = sole_consumer(graph_, uses_, id);
  return wanted(reader != nullptr && ir::activation_of(*reader) ? reader->output : id).value_or(1.0f);
}

}  // namespace qat::train
