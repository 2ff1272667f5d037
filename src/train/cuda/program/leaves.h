// Every parameter, statistic and range of a graph in flat fp32 buffers on the device, beside gradients and moments.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "train/cuda/program/target.h"
#include "train/graph_module.h"
#include "train/optimizer.h"

namespace qat::train::cuda {

// Which buffers a run needs besides values and gradients.
struct LeafOptions {
  bool first = false, second = false;  // moments of the optimizer
  bool average = false;                // TRAIN.EMA
};

// A leaf has the same place, a multiple of 16 bytes, in all buffers: trained leaves first, in the order in which the
// graph reads them, so that the backward pass completes gradients from the end on; then running statistics; then the
// rest.
class Leaves {
 public:
  // trained: GraphModule::parameters(). Only the graph's structure is read: load() brings the values.
  Leaves(const ir::Graph& graph, const std::vector<ParamView>& trained, const LeafOptions& options, at::Device device);

  struct Leaf {
    ir::ValueId id = ir::kNone;
    std::string name;
    int64_t offset = 0, size = 0;
    bool trained = false;
    ParamKind kind = ParamKind::kWeight;  // of trained ones
  };
  const std::vector<Leaf>& all() const { return leaves_; }
  int64_t trained_size() const { return trained_end_; }  // floats, paddings included

  // Views of the buffers, on the device.
  at::Tensor gradients(int64_t offset, int64_t size) const { return gradient_.narrow(0, offset, size); }
  at::Tensor statistics() const { return value_.narrow(0, trained_end_, statistics_end_ - trained_end_); }

  // Device pointers; nullptr for an untrained leaf's gradient and moments, and where there is no such buffer.
  float* value(ir::ValueId id) const { return at(value_, id); }
  float* gradient(ir::ValueId id) const { return of(id).trained ? at(gradient_, id) : nullptr; }
  float* first(ir::ValueId id) const { return of(id).trained ? at(first_, id) : nullptr; }
  float* second(ir::ValueId id) const { return of(id).trained ? at(second_, id) : nullptr; }
  float* average(ir::ValueId id) const { return at(average_, id); }

  const Leaf& of(ir::ValueId id) const { return leaves_[index_.at(id)]; }

  // To and from the host. Moments that the state lacks are 0.
  void load(const ir::Graph& graph, const OptimizerState& optimizer,
            const std::map<std::string, std::vector<float>>& average);
  void store(ir::Graph& graph, OptimizerState& optimizer, std::map<std::string, std::vector<float>>& average) const;

  // For tests: a gradient on the host.
  std::vector<float> host_gradient(ir::ValueId id) const;

 private:
  float* at(const at::Tensor& buffer, ir::ValueId id) const {
    return buffer.defined() ? buffer.data_ptr<float>() + of(id).offset : nullptr;
  }

  std::vector<Leaf> leaves_;
  std::map<ir::ValueId, size_t> index_;
  int64_t trained_end_ = 0, statistics_end_ = 0, end_ = 0;
  at::Tensor value_, gradient_, first_, second_, average_;
};

}  // namespace qat::train::cuda
