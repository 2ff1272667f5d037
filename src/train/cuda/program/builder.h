// Makes the steps of a program from a graph: chains first, then layers, then what LibTorch does node by node.
#pragma once

#include "train/cuda/program/chain_step.h"
#include "train/cuda/program/program.h"

namespace qat::train::cuda {

class ProgramBuilder {
 public:
  explicit ProgramBuilder(Program& program) : p_(program), graph_(program.graph_), uses_(graph_) {}
  void build();

 private:
  void mark_wanted();
  void add_steps();
  void add_node(const ir::Node& node);
  void add_chain(const Chain& chain);
  ChainQuant chain_quant(const ir::Node& fake_quant);
  void push(std::unique_ptr<Step> step, const std::vector<ir::ValueId>& reads);
  bool is_weight_quantizer_output(ir::ValueId id) const;
  bool quantizes_batch_alone(const Chain& chain) const;
  void plan_ranges();
  void release_early();
  void plan_buckets();
  void note_step(ir::ValueId leaf);

  Program& p_;
  ir::Graph& graph_;
  const ir::Uses uses_;
  Wanted wanted_;
  std::vector<ir::ValueId> read_;                // values with data that steps take from the tape
  std::vector<std::vector<ir::ValueId>> reads_;  // by step
  std::vector<size_t> first_step_;               // by value: the first step that reads it
};

}  // namespace qat::train::cuda
