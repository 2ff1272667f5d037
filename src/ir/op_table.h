// What is common to all nodes of one operator: its name, how many inputs it takes, the type of its attributes.
#pragma once

#include <span>
#include <string>

#include "ir/graph.h"

namespace qat::ir {

struct OpInfo {
  Op op;
  std::string_view name;
  size_t min_inputs;
  size_t max_inputs;  // kMany: no bound
  size_t attrs;       // index of its alternative in Attrs
};
inline constexpr size_t kMany = static_cast<size_t>(-1);

const OpInfo& info(Op op);
std::span<const OpInfo> all_ops();  // in the order of the enum

// "[conv layer1.0.conv1]": how messages name a node.
std::string place(const Node& node);

}  // namespace qat::ir
