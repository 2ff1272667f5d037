// A graph as a flat list of steps on LibTorch, made once: no lookups by name or map while running.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/graph_module.h"
#include "train/libtorch/norm_act_step.h"

namespace qat::train {

// By value id; leaves are put in before a run, activations appear as steps make them.
using Frame = std::vector<at::Tensor>;

struct Step {
  std::string name;  // of the node whose output it makes
  ir::ValueId output = ir::kNone;
  std::function<at::Tensor(const Frame&)> run;
  std::vector<ir::ValueId> last_used;  // freed afterwards
};

struct StepOptions {
  bool fuse = true;      // chains in one pass; false: a step a node
  bool quantize = true;  // false: FakeQuant nodes pass their input on
  RangeMode ranges = RangeMode::kFixed;
  WeightRangeMode weight_ranges = WeightRangeMode::kFixed;
  RunState* state = nullptr;
  std::function<void(ir::NodeId fake_quant, const at::Tensor& input)> observe;  // may be empty
};

// graph and *options.state outlive the steps.
std::vector<Step> make_steps(ir::Graph& graph, const StepOptions& options);

// The step of a node that stands alone; no BatchNorm and FakeQuant. Throws Error(kBadFile) for operators that do not
// train (lowered ones).
std::function<at::Tensor(const Frame&)> make_op(const ir::Graph& graph, const ir::Node& node, const RunState* state);

}  // namespace qat::train
