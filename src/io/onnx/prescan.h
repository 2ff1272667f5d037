// A look at a file's wire format before protobuf turns it into objects.
#pragma once

#include <cstddef>
#include <span>

namespace qat::onnxio {

// Counts the fields of a model, its graph and its nodes. An object takes about a hundred times the two bytes of
// an empty message, so a file of nothing but those would take all memory: past a million fields it throws
// Error(kBadFile). Anything broken is left for the parser to find.
void prescan(std::span<const std::byte> model);

}  // namespace qat::onnxio
