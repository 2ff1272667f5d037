// Names under which pytorch-quantization stores a quantizer's range, and which of them are the same range here.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/pth/pth.h"
#include "ir/graph.h"

namespace qat::io {

bool is_range_name(const std::string& name);  // "<layer>._input_quantizer._amax" and the like

// The quantizer with its underscore added or removed: "block.residual_quantizer._amax" and
// "block._residual_quantizer._amax".
std::string other_spelling(const std::string& range_name);

// The range of a tensor that a state dict has under this name, in either spelling, the larger where it has both;
// nothing where it has none, or one per channel.
std::optional<float> stored_range(const StateDict& state, const std::string& range_name);

// Metadata "range_aliases": main name -> further names, one per further consumer of the tensor. Throws Error(kBadFile)
// when it is not a JSON object of lists of strings.
std::map<std::string, std::vector<std::string>> range_aliases(const ir::Graph& graph);

}  // namespace qat::io
